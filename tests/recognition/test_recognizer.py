from __future__ import annotations

import io
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from im2latex_cli import checkpoints
from im2latex_cli.decoding.batches import alike, plan, shares
from im2latex_cli.decoding.calibration import Calibration
from im2latex_cli.errors import CheckpointError, InputError, UsageError
from im2latex_cli.latex.tokenizer import join
from im2latex_cli.recognition import models
from im2latex_cli.recognition.decoder import Decoder
from im2latex_cli.recognition.models import default_model, find_model
from im2latex_cli.recognition.recognizer import Recognizer
from im2latex_cli.settings.sections import DecodeSettings, ModelSettings
from im2latex_cli.vision.prepare import Preprocessing, padded

torch.set_num_threads(1)  # tensors are tiny; threads would only wait for each other

TOKENS = ["x", "y", "+", "2", "{", "}", "^", r"\frac", r"\alpha", "="]
DIMS = ModelSettings(
    encoder="residual",
    decoder="transformer",
    channels=(4, 8, 16),
    width=32,
    feedforward=32,
    decoder_layers=2,
)
DECODE = DecodeSettings(beam=3, nbest=2, max_tokens=12)


def drawn(seed: int, size: tuple[int, int] = (40, 120)) -> np.ndarray:
    """Strokes on paper."""
    rng = np.random.default_rng(seed)
    page = np.full(size, 255, np.uint8)
    for _ in range(6):
        top, left = rng.integers(4, size[0] - 14), rng.integers(4, size[1] - 14)
        page[top : top + rng.integers(2, 9), left : left + rng.integers(2, 9)] = 0
    return page


@pytest.fixture(scope="module")
def model_file(untrained) -> Path:
    return untrained(DIMS, TOKENS)


@pytest.fixture(scope="module")
def reader(model_file: Path) -> Recognizer:
    return Recognizer.load(model_file, device="cpu", decode=DECODE)


def test_every_kind_of_input_is_the_same_picture(reader, tmp_path):
    page = drawn(1)
    path = tmp_path / "page.png"
    Image.fromarray(page).save(path)
    content = path.read_bytes()
    kinds = [path, str(path), content, io.BytesIO(content), page, Image.fromarray(page)]
    colour = np.repeat(page[:, :, None], 3, axis=2)
    kinds += [colour, Image.fromarray(page).convert("1"), Image.fromarray(colour).convert("CMYK")]
    expected = reader(path)
    assert all(reader(kind) == expected for kind in kinds)


def test_a_hypothesis_is_latex_tokens_score_and_confidence(reader):
    best, second = reader(drawn(2), nbest=2)
    assert best.latex == join(best.tokens)
    assert set(best.tokens) <= {*TOKENS, "<unk>"} or best.tokens
    assert best.score < 0 < best.confidence <= 1
    assert best.tokens != second.tokens


def test_a_batch_gives_what_each_picture_gives_alone_in_order(reader):
    pages = [drawn(i, size) for i, size in enumerate([(40, 90), (80, 60), (30, 300), (40, 90)])]
    together = reader(pages, nbest=2)
    for page, some in zip(pages, together, strict=True):
        alone = reader(page, nbest=2)
        assert [one.tokens for one in some] == [one.tokens for one in alone]
        assert [one.score for one in some] == pytest.approx([one.score for one in alone], abs=1e-4)


def test_a_calibration_in_the_model_file_gives_the_confidence(model_file, tmp_path):
    model = checkpoints.load(model_file)
    fitted = Calibration(bias=0.3, total=0.1, mean=0.0)
    model.info["calibration"] = fitted.to_json()
    checkpoints.save(tmp_path / "calibrated.safetensors", model)
    best = Recognizer.load(tmp_path / "calibrated.safetensors", device="cpu", decode=DECODE)(
        drawn(1)
    )
    assert best.confidence == pytest.approx(fitted(best.score, len(best.tokens) + 1))
    model.info["calibration"] = {"bias": "high"}
    checkpoints.save(tmp_path / "broken.safetensors", model)
    with pytest.raises(CheckpointError, match="calibration"):
        Recognizer.load(tmp_path / "broken.safetensors", device="cpu")


def test_no_pictures_give_no_hypotheses(reader):
    assert reader([]) == []
    assert reader.read([]) == []


def test_the_score_is_the_likelihood_of_the_tokens(reader):
    pages = [drawn(3), drawn(4, (60, 200))]
    once = DecodeSettings(max_tokens=200, scales=())
    ended = Recognizer(reader._decoder.engine, reader.vocab, Preprocessing(), decode=once)
    pictures = [ended.prepare(page) for page in pages]
    best = [some[0] for some in ended.read(pictures)]
    likely = ended.log_likelihoods(pictures, [one.tokens for one in best])
    for one, likelihood in zip(best, likely, strict=True):
        cut_off = len(one.tokens) == 200
        assert likelihood <= one.score + 1e-3
        assert cut_off or likelihood == pytest.approx(one.score, abs=1e-3)


def test_a_formula_is_no_longer_than_its_picture_can_hold(model_file):
    endless = Recognizer.load(model_file, device="cpu", decode=DecodeSettings(max_tokens=5000))
    small, large = endless.read([endless.prepare(drawn(3, size)) for size in ((24, 24), (24, 300))])
    assert len(small[0].tokens) < len(large[0].tokens) < 300
    assert small[0].truncated
    alone = endless.read([endless.prepare(drawn(3, (24, 24)))])[0]
    assert small[0].tokens == alone[0].tokens


def test_likelihoods_do_not_depend_on_the_batch(reader):
    pages = [reader.prepare(one) for one in (drawn(5), drawn(6, (60, 200)), drawn(7))]
    formulas = [["x"], ["x", "^", "{", "2", "}"], ["unheard", "of"]]
    together = reader.log_likelihoods(pages, formulas)
    alone = [reader.log_likelihoods([p], [f])[0] for p, f in zip(pages, formulas, strict=True)]
    assert together == pytest.approx(alone, abs=1e-4)
    assert all(math.isfinite(one) and one < 0 for one in together)


def test_attention_covers_the_picture_for_each_token(reader):
    picture = reader.prepare(drawn(8))
    best = reader.read([picture])[0][0]
    looked = reader.attention(picture, best)
    assert looked.tokens == best.tokens
    assert looked.weights.shape[0] == len(best.tokens)
    assert looked.weights.shape[1] * looked.cell[0] >= picture.shape[0]
    assert looked.weights.shape[2] * looked.cell[1] >= picture.shape[1]
    assert np.allclose(looked.weights.sum((1, 2)), 1, atol=1e-5)


@pytest.mark.parametrize("failure", [MemoryError(), torch.OutOfMemoryError("CUDA out of memory")])
def test_a_batch_too_large_for_the_memory_is_halved(reader, monkeypatch, failure):
    pages = [drawn(i) for i in range(7)]
    expected = [one.tokens for one in reader(pages)]
    search = Decoder._search

    def narrow(self, pictures, decode):
        if len(pictures) > 2:
            raise failure
        return search(self, pictures, decode)

    monkeypatch.setattr(Decoder, "_search", narrow)
    assert [one.tokens for one in reader(pages)] == expected


def test_one_picture_too_large_for_the_memory_is_the_pictures_fault(reader, monkeypatch):
    def never(self, pictures, decode):
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate")

    monkeypatch.setattr(Decoder, "_search", never)
    with pytest.raises(InputError, match="too large for the memory"):
        reader(drawn(1))


def test_other_failures_are_not_swallowed(reader, monkeypatch):
    def broken(self, pictures, decode):
        raise RuntimeError("shape mismatch")

    monkeypatch.setattr(Decoder, "_search", broken)
    with pytest.raises(RuntimeError, match="shape mismatch"):
        reader(drawn(1))


def test_a_picture_without_ink_is_named(reader, tmp_path):
    with pytest.raises(InputError, match="picture 2: nothing to read"):
        reader([drawn(1), np.full((40, 40), 255, np.uint8)])
    with pytest.raises(InputError, match=r"nowhere\.png"):
        reader(tmp_path / "nowhere.png")


def test_a_beam_wider_than_the_vocabulary_is_a_usage_error(model_file):
    wide = Recognizer.load(model_file, device="cpu", decode=DecodeSettings(beam=99))
    with pytest.raises(UsageError, match="beam"):
        wide(drawn(1))


def test_models_are_found_by_name_folder_and_file(model_file, monkeypatch, tmp_path):
    assert find_model(model_file) == model_file
    assert find_model(str(model_file.parent)) == model_file
    monkeypatch.setattr(models, "BUNDLED", model_file.parent)
    assert find_model("pretrained") == model_file
    assert default_model() == "pretrained"
    monkeypatch.setattr(models, "BUNDLED", tmp_path)
    assert default_model() == str(Path("results/small"))


def test_a_missing_model_says_what_to_do(monkeypatch, tmp_path):
    monkeypatch.setattr(models, "BUNDLED", tmp_path)
    with pytest.raises(CheckpointError, match=r"im2latex run.*`model`"):
        Recognizer.load()
    with pytest.raises(InputError, match="no model at"):
        find_model(tmp_path / "nowhere")
    with pytest.raises(CheckpointError, match=r"best\.safetensors"):
        find_model(tmp_path)


def test_last_stands_in_for_best(tmp_path):
    (tmp_path / "last.safetensors").touch()
    assert find_model(tmp_path) == tmp_path / "last.safetensors"


def test_a_device_that_is_not_here_is_a_usage_error(model_file):
    if torch.backends.mps.is_available():
        pytest.skip("mps is here")
    with pytest.raises(UsageError, match="no mps device"):
        Recognizer.load(model_file, device="mps")


@pytest.mark.parametrize("backend", ["torch", "onnx"])
def test_two_cores_read_what_one_reads_and_torch_keeps_its_threads(model_file, backend):
    if backend == "onnx":
        pytest.importorskip("onnxruntime")
    before = torch.get_num_threads()
    pictures = [drawn(number) for number in range(1, 6)]
    try:
        model = "pretrained" if backend == "onnx" else model_file
        reader = Recognizer.load(model, device="cpu", backend=backend, threads=2, decode=DECODE)
        together, alone = reader(pictures), [reader(picture) for picture in pictures]
        assert torch.get_num_threads() == (2 if backend == "torch" else before)
    finally:
        torch.set_num_threads(before)
    assert [one.tokens for one in together] == [one.tokens for one in alone]
    assert [one.score for one in together] == pytest.approx([one.score for one in alone], abs=1e-3)


SHAPES = st.lists(st.tuples(st.integers(1, 400), st.integers(1, 900)), max_size=30)


@given(SHAPES, st.integers(0, 50_000))
def test_pictures_encoded_together_waste_no_more_than_allowed(shapes, waste):
    groups = list(alike(shapes, waste=waste))
    assert sorted(at for group in groups for at in group) == list(range(len(shapes)))
    for group in groups:
        sizes = [padded(shapes[at]) for at in group]
        height, width = (max(sides) for sides in zip(*sizes, strict=True))
        assert len(group) * height * width - sum(h * w for h, w in sizes) <= waste


@given(SHAPES.filter(len), st.integers(1, 4))
def test_the_cores_share_the_pictures_of_a_batch(shapes, count):
    parts = shares(range(len(shapes)), shapes, count)
    assert sorted(at for part in parts for at in part) == list(range(len(shapes)))
    areas = [sum(shapes[at][0] * shapes[at][1] for at in part) for part in parts]
    largest = max(height * width for height, width in shapes)
    assert len(parts) <= count
    assert max(areas) <= sum(areas) / count + largest


@given(
    SHAPES,
    st.integers(1, 200_000),
)
def test_batches_hold_every_picture_once_within_the_budget(shapes, budget):
    groups = list(plan(shapes, budget))
    assert sorted(at for group in groups for at in group) == list(range(len(shapes)))
    for group in groups:
        height = max(-(-shapes[at][0] // 16) * 16 for at in group)
        width = max(-(-shapes[at][1] // 8) * 8 for at in group)
        assert len(group) == 1 or len(group) * height * width <= budget
