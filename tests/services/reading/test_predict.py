from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from im2latex_cli import checkpoints
from im2latex_cli.checkpoints import ModelFile
from im2latex_cli.errors import CheckpointError, InputError, UsageError
from im2latex_cli.latex.vocab import Vocab
from im2latex_cli.network.network import Network
from im2latex_cli.progress import SilentReporter
from im2latex_cli.recognition import models
from im2latex_cli.recognition.decoder import Decoder
from im2latex_cli.recognition.recognizer import Recognizer
from im2latex_cli.services.reading import predict
from im2latex_cli.settings.sections import DecodeSettings, ModelSettings, Settings
from im2latex_cli.vision.prepare import Preprocessing

torch.set_num_threads(1)  # tensors are tiny; threads would only wait for each other

DIMS = ModelSettings(
    encoder="residual", decoder="transformer", channels=(4, 8, 16), width=32, feedforward=32
)
SETTINGS = Settings(decode=DecodeSettings(beam=2, nbest=2, max_tokens=8))


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    torch.manual_seed(5)
    vocab = Vocab.build(dict.fromkeys(["x", "y", "+", "2"], 3), min_count=1)
    path = tmp_path_factory.mktemp("run") / "best.safetensors"
    tensors = Network(DIMS, len(vocab)).state_dict()
    checkpoints.save(path, ModelFile(DIMS, vocab, Preprocessing(), tensors))
    return str(path.parent)


def save(path: Path, *, seed: int = 0) -> Path:
    rng = np.random.default_rng(seed)
    page = np.full((40, 100), 255, np.uint8)
    for _ in range(6):
        top, left = rng.integers(4, 28), rng.integers(4, 88)
        page[top : top + 7, left : left + 3] = 0
    Image.fromarray(page).save(path)
    return path


def read(model: str, images, **options) -> list[predict.PredictRow]:
    return list(predict.run(SETTINGS, SilentReporter(), images=images, model=model, **options))


def test_rows_come_in_the_order_of_the_pictures(model, tmp_path):
    images = [save(tmp_path / f"{i}.png", seed=i) for i in range(9)]
    rows = read(model, images)
    assert [row.path for row in rows] == [str(image) for image in images]
    assert all(len(row.hypotheses) == 2 and row.error is None for row in rows)
    assert {row.model for row in rows} == {model}
    alone = [read(model, [image])[0].hypotheses[0].tokens for image in images]
    assert [row.hypotheses[0].tokens for row in rows] == alone


def test_bad_pictures_are_rows_and_the_others_are_read(model, tmp_path):
    good = save(tmp_path / "good.png")
    text = tmp_path / "text.png"
    text.write_text("not a picture at all")
    cut = tmp_path / "cut.png"
    cut.write_bytes(good.read_bytes()[:90])
    empty = tmp_path / "empty.png"
    empty.touch()
    blank = tmp_path / "blank.png"
    Image.new("L", (50, 50), 255).save(blank)
    dot = tmp_path / "dot.png"
    Image.new("L", (1, 1), 0).save(dot)
    folder = tmp_path / "folder.png"
    folder.mkdir()
    bad = [text, cut, empty, blank, dot, folder, tmp_path / "missing.png"]
    images = [good, *bad[:4], good, *bad[4:], good]
    rows = read(model, images)
    assert [row.path for row in rows] == list(map(str, images))
    for row in rows:
        if row.path == str(good):
            assert row.hypotheses
            assert row.error is None
        else:
            assert row.hypotheses == ()
            assert isinstance(row.error, InputError)
            assert Path(row.path).name in str(row.error)
            assert "\n" not in str(row.error)


def test_a_stream_is_a_picture_called_dash(model, tmp_path):
    content = save(tmp_path / "a.png").read_bytes()
    (row,) = read(model, [io.BytesIO(content)])
    assert row.path == "-"
    assert row.hypotheses == read(model, [tmp_path / "a.png"])[0].hypotheses
    (broken,) = read(model, [io.BytesIO(b"")])
    assert "standard input" in str(broken.error)


def test_the_first_answer_does_not_wait_for_the_other_pictures(model, tmp_path):
    class Late(io.BytesIO):
        opened = False

        def read(self, size: int | None = -1, /) -> bytes:
            Late.opened = True
            return super().read(size)

    content = save(tmp_path / "a.png").read_bytes()
    rows = predict.run(
        SETTINGS, SilentReporter(), images=[tmp_path / "a.png", Late(content)], model=model
    )
    assert next(rows).hypotheses
    assert not Late.opened
    assert next(rows).hypotheses
    assert Late.opened


def test_attention_is_drawn_for_each_picture(model, tmp_path):
    (tmp_path / "b").mkdir()
    images = [save(tmp_path / "a.png"), save(tmp_path / "b" / "a.png", seed=2)]
    read(model, images, attention=tmp_path / "out" / "look-{stem}.png")
    names = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert names == ["look-a-2.png", "look-a.png"]
    with Image.open(tmp_path / "out" / "look-a.png") as sheet:
        assert sheet.format == "PNG"
        assert sheet.width > 100


@pytest.mark.parametrize(("kind", "start"), [(".gif", b"GIF89a"), (".html", b"<!doctype html>")])
def test_attention_may_be_an_animation_or_a_page(model, tmp_path, kind, start):
    read(model, [save(tmp_path / "a.png")], attention=tmp_path / f"{{stem}}{kind}")
    assert (tmp_path / f"a{kind}").read_bytes().startswith(start)


def test_attention_that_cannot_be_written_is_the_rows_error(model, tmp_path):
    image = save(tmp_path / "a.png")
    (row,) = read(model, [image], attention=image / "look.png")
    assert row.hypotheses
    assert "cannot be written" in str(row.error)


def test_attention_of_several_pictures_needs_a_place_for_their_names(model, tmp_path):
    images = [tmp_path / "a.png", tmp_path / "b.png"]
    with pytest.raises(UsageError, match=r"\{stem\}"):
        predict.run(
            SETTINGS, SilentReporter(), images=images, model=model, attention=Path("out.png")
        )


def test_attention_is_a_picture_or_a_page(model, tmp_path):
    with pytest.raises(UsageError, match=r"\.png or \.gif or \.html"):
        read(model, [tmp_path / "a.png"], attention=Path("out.pdf"))


def test_without_any_model_the_error_says_how_to_get_one(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(models, "BUNDLED", tmp_path)
    with pytest.raises((CheckpointError, InputError), match="im2latex run"):
        predict.run(SETTINGS, SilentReporter(), images=[tmp_path / "a.png"])


def test_a_picture_that_does_not_fit_into_memory_costs_only_itself(model, tmp_path, monkeypatch):
    images = [save(tmp_path / f"{i}.png", seed=i) for i in range(4)]
    huge = save(tmp_path / "huge.png", seed=9)
    Image.open(huge).resize((100, 40)).save(huge)
    search = Decoder._search
    target = Recognizer.load(model, device="cpu").prepare(huge)

    def limited(self, pictures, decode):
        if any(np.array_equal(picture, target) for picture in pictures):
            raise MemoryError
        return search(self, pictures, decode)

    monkeypatch.setattr(Decoder, "_search", limited)
    rows = read(model, [*images[:2], huge, *images[2:]])
    assert [bool(row.hypotheses) for row in rows] == [True, True, False, True, True]
    assert "memory" in str(rows[2].error)


@pytest.mark.parametrize(
    ("latex", "tag"),
    [
        ("(3.2)", "3.2"),
        (r"\left(3\right)", "3"),
        ("[ 12 ]", "12"),
        (r"(\mathrm{A}.1)", "A.1"),
        ("(2^{\\prime})", "$2^{\\prime}$"),
        ("()", ""),
    ],
)
def test_equation_numbers_become_tags(latex: str, tag: str) -> None:
    assert predict.as_tag(latex) == tag
