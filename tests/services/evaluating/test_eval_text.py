"""eval-text: a split or a file in, predictions and figures out."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import tarfile
from collections import Counter
from pathlib import Path
from types import SimpleNamespace
from typing import ClassVar

import numpy as np
import pytest
from PIL import Image

from im2latex_cli.data import predictions
from im2latex_cli.data.predictions import Hypothesis
from im2latex_cli.errors import InputError, UsageError
from im2latex_cli.latex.tokenizer import join, tokenize
from im2latex_cli.latex.vocab import Vocab
from im2latex_cli.progress import SilentReporter
from im2latex_cli.recognition.models import default_model_for
from im2latex_cli.recognition.reader import OpenedPicture
from im2latex_cli.services.evaluating import eval_text
from im2latex_cli.settings.sections import EvaluateSettings, Settings
from im2latex_cli.vision.image import open_grey
from im2latex_cli.vision.ink import Ink

HEIGHT, CUT = 20, 2
"""Of a picture, in pixels, and what `open` takes off it."""
FORMULAS = ("x ^ { 2 } + 1", r"\frac { a } { b }", r"\alpha + \beta")


def png(number: int) -> bytes:
    """A picture whose size tells its number."""
    grey = np.full((HEIGHT, 30 + number), 255, np.uint8)
    grey[8:12, 5:20] = 0
    held = io.BytesIO()
    Image.fromarray(grey).save(held, "PNG")
    return held.getvalue()


def imagefolder(root: Path, formulas=FORMULAS, splits=("train", "test")) -> Path:
    for split in splits:
        folder = root / split
        folder.mkdir(parents=True)
        rows = []
        for number, formula in enumerate(formulas):
            (folder / f"{number}.png").write_bytes(png(number))
            rows.append(json.dumps({"file_name": f"{number}.png", "formula": formula}))
        (folder / "metadata.jsonl").write_text("\n".join(rows) + "\n", encoding="utf-8")
    return root


class Oracle:
    """Reads the number off the picture's width and answers from a list.

    Each token of the right formula costs 0.5, of any other 5.
    """

    answers: tuple[str | None, ...] = FORMULAS
    loaded = 0
    vocab = Vocab.build(Counter(" ".join(FORMULAS).split()), min_count=1)

    @classmethod
    def from_settings(cls, _settings, _model, **_options) -> Oracle:
        cls.loaded += 1
        return cls()

    def read(self, pictures):
        found = [self.answers[picture.shape[1] - 30] for picture in pictures]
        if None in found:
            raise InputError("nothing to read")
        return [[Hypothesis(join(tokenize(one)), tuple(tokenize(one)), -1, 1)] for one in found]

    def open(self, image, *, name="picture"):
        self.opened.append(name)
        grey = image if isinstance(image, np.ndarray) else open_grey(image, name=name)
        return OpenedPicture(Ink(grey[CUT:]), number_cut=True)

    def attention(self, picture, hypothesis):
        assert picture.shape[0] == HEIGHT - CUT
        self.attended.append(" ".join(hypothesis.tokens))
        weights = np.ones((len(hypothesis.tokens), 3, 5), np.float32)
        return SimpleNamespace(
            picture=picture, tokens=hypothesis.tokens, weights=weights, cell=(8, 8)
        )

    def log_likelihoods(self, pictures, formulas):
        assert {picture.shape[0] for picture in pictures} == {HEIGHT - CUT}
        return [
            (-0.5 if self._formula(picture) == list(tokens) else -5.0) * (len(tokens) + 1)
            for picture, tokens in zip(pictures, formulas, strict=True)
        ]

    def _formula(self, picture):
        return tokenize(FORMULAS[(picture.shape[1] - 30) % len(FORMULAS)])


@pytest.fixture
def oracle(monkeypatch, tmp_path):
    """The oracle in place of the recogniser, and the model file it claims to be."""
    model = tmp_path / "runs" / "best.safetensors"
    model.parent.mkdir()
    model.write_bytes(b"one")

    class Fresh(Oracle):
        loaded = 0
        attended: ClassVar[list[str]] = []
        opened: ClassVar[list[str]] = []

    monkeypatch.setattr(eval_text, "Recognizer", Fresh)
    monkeypatch.setattr(eval_text, "find_model", lambda *_: model)
    monkeypatch.setattr(eval_text, "find_model", lambda *_: model)
    return Fresh


def evaluate(tmp_path, *, data=None, model=None, output=None, reuse=False, **evaluation):
    return eval_text.run(
        Settings(evaluate=EvaluateSettings(**evaluation)),
        SilentReporter(),
        model=model or str(tmp_path / "runs"),
        data=data or tmp_path / "data",
        output=output,
        reuse=reuse,
    )


def test_a_perfect_model(tmp_path, oracle):
    imagefolder(tmp_path / "data")
    found = evaluate(tmp_path)
    assert (found.bleu4, found.edit_similarity, found.exact_match) == (100.0, 100.0, 100.0)
    assert found.perplexity == pytest.approx(np.exp(0.5))
    assert found.perplexity.interval == pytest.approx((np.exp(0.5), np.exp(0.5)))
    assert (found.pictures, found.failed, found.exit_code, found.note) == (3, 0, 0, None)
    assert [row.form for row in found.forms][:2] == ["raw", "im2markup"]
    assert found.confusions == ()


def test_each_picture_is_prepared_once(tmp_path, oracle):
    imagefolder(tmp_path / "data")
    evaluate(tmp_path)
    assert [Path(name).name for name in oracle.opened] == ["0.png", "1.png", "2.png"]


def test_predictions_and_their_origin_are_kept_in_the_run_folder(tmp_path, oracle):
    imagefolder(tmp_path / "data")
    evaluate(tmp_path)
    rows = predictions.read(tmp_path / "runs")
    assert [row.reference for row in rows] == list(FORMULAS)
    assert rows[1].hypotheses[0].latex == r"\frac{a}{b}"
    meta = predictions.read_meta(tmp_path / "runs")
    assert (meta["split"], meta["pictures"], meta["failed"]) == ("test", 3, 0)
    assert meta["decode"]["beam"] == 5


def test_labels_of_other_pictures_are_listed_and_shown(tmp_path, oracle):
    formulas = [*FORMULAS] * 10
    formulas[4], formulas[5] = formulas[5], formulas[4]
    formulas[7] = r"\gamma"  # the model cannot write it, so its loss says nothing
    imagefolder(tmp_path / "data", formulas, splits=("test",))
    oracle.answers = [*FORMULAS] * 10
    reporter = SilentReporter()
    found = eval_text.run(
        Settings(), reporter, model=str(tmp_path / "runs"), data=tmp_path / "data"
    )
    assert found.suspicious == 2
    sheet = tmp_path / "runs" / "suspicious-test.html"
    assert reporter.warnings == [f"2 of 29 labels may not belong to their pictures: see {sheet}."]
    lines = (tmp_path / "runs" / "suspicious-test.jsonl").read_text().splitlines()
    assert [json.loads(line) for line in lines] == [
        {
            "id": f"test/{number}.png",
            "formula": formulas[number],
            "reading": join(tokenize(FORMULAS[number % 3])),
            "loss": 5.0,
            "usual_loss": 0.5,
        }
        for number in (4, 5)
    ]
    assert sheet.read_text().count("<img") == 2
    assert evaluate(tmp_path, reuse=True).suspicious == 2

    (tmp_path / "data" / "test" / "metadata.jsonl").unlink()
    (tmp_path / "data" / "test").rename(tmp_path / "old")
    imagefolder(tmp_path / "data", splits=("test",))
    assert evaluate(tmp_path).suspicious == 0
    assert not sheet.exists()


def test_wrong_readings_are_scored_and_explained(tmp_path, oracle):
    imagefolder(tmp_path / "data")
    oracle.answers = ("x ^ { 2 } + 1", r"\frac { a } { c }", r"\alpha + \beta")
    found = evaluate(tmp_path)
    assert found.exact_match == pytest.approx(200 / 3)
    assert [(c.reference, c.hypothesis, c.count) for c in found.confusions] == [("b", "c", 1)]
    fraction = next(group for group in found.groups if group.group == "fraction")
    assert (fraction.pictures, fraction.exact_match) == (1, 0.0)


def test_a_picture_that_cannot_be_read_costs_only_itself(tmp_path, oracle):
    data = imagefolder(tmp_path / "data")
    (data / "test" / "1.png").write_bytes(b"text")
    found = evaluate(tmp_path)
    assert (found.pictures, found.failed, found.exit_code) == (3, 1, 7)
    assert found.exact_match == pytest.approx(200 / 3)
    rows = predictions.read(tmp_path / "runs")
    assert [row.error is None for row in rows] == [True, False, True]


def test_a_picture_that_the_recogniser_refuses_costs_only_itself(tmp_path, oracle):
    imagefolder(tmp_path / "data")
    oracle.answers = (FORMULAS[0], None, FORMULAS[2])
    found = evaluate(tmp_path)
    assert (found.failed, found.exit_code) == (1, 7)
    assert found.exact_match == pytest.approx(200 / 3)


def test_sources_of_the_data_set_are_groups(tmp_path, oracle):
    formulas = ("x ^ { 2 } + 1", "y", "z", "t")
    root = imagefolder(tmp_path / "data", formulas, ("test",))
    table = root / "test" / "metadata.jsonl"
    rows = [json.loads(line) for line in table.read_text().splitlines()]
    for row, source in zip(rows, ("a", "b", "a", "b"), strict=True):
        row["source"] = source
    table.write_text("\n".join(map(json.dumps, rows)))
    oracle.answers = ("x ^ { 2 } + 1", "wrong", "z", "t")
    found = evaluate(tmp_path)
    sources = [(row.group, row.exact_match) for row in found.groups if row.by == "source"]
    assert sources == [("a", 100.0), ("b", 50.0)]


def test_sources_of_a_file_of_references_are_groups(tmp_path):
    gold, made = tmp_path / "gold.tsv", tmp_path / "made.txt"
    gold.write_text("formula\tsource\nx\ta\ny\ta\nz\n", encoding="utf-8")
    made.write_text("x\nw\nz\n", encoding="utf-8")
    found = eval_text.run(Settings(), SilentReporter(), references=gold, hypotheses=made)
    sources = [(row.group, row.pictures) for row in found.groups if row.by == "source"]
    assert sources == [("a", 2), ("other or unknown", 1)]


def test_the_interval_of_the_perplexity_is_over_pictures():
    found = eval_text.perplexity([-1.0, -9.0] * 50, [10, 10] * 50, seed=0)
    assert found.value == pytest.approx(np.exp(0.5))
    low, high = found.interval
    assert np.exp(0.4) < low < found.value - 0.05
    assert found.value + 0.05 < high < np.exp(0.6)


def test_the_train_split_is_called_memory(tmp_path, oracle):
    imagefolder(tmp_path / "data")
    assert "memory" in evaluate(tmp_path, split="train").note


def test_a_tar_of_an_imagefolder(tmp_path, oracle):
    folder = imagefolder(tmp_path / "made")
    with tarfile.open(tmp_path / "made.tar", "w") as archive:
        archive.add(folder, arcname=".")
    found = evaluate(tmp_path, data=tmp_path / "made.tar", output=tmp_path / "out")
    assert (found.pictures, found.exact_match) == (3, 100.0)
    assert (tmp_path / "out" / "predictions.jsonl").is_file()


def test_an_imagefolder_without_splits_is_read_whole(tmp_path, oracle):
    folder = imagefolder(tmp_path / "made", splits=("pictures",))
    assert evaluate(tmp_path, data=folder / "pictures", limit=2).pictures == 2


def test_predictions_that_are_there_are_not_made_again(tmp_path, oracle):
    imagefolder(tmp_path / "data")
    first = evaluate(tmp_path, reuse=True)
    again = evaluate(tmp_path, reuse=True)
    assert (oracle.loaded, first.reused, again.reused) == (1, False, True)
    assert again.bleu4 == first.bleu4
    (tmp_path / "runs" / "best.safetensors").write_bytes(b"another")
    assert not evaluate(tmp_path, reuse=True).reused
    assert not evaluate(tmp_path, reuse=True, limit=2).reused
    assert not evaluate(tmp_path, reuse=False, limit=2).reused


def test_the_default_model_is_the_run_of_the_data_set(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert default_model_for(Path("data/mine")) == "pretrained"
    (tmp_path / "results/mine").mkdir(parents=True)
    assert default_model_for(Path("data/mine")) == "pretrained"
    (tmp_path / "results/mine/best.safetensors").write_bytes(b"")
    assert default_model_for(Path("data/mine")) == str(Path("results/mine"))
    assert default_model_for(Path("data/other")) == "pretrained"


def existing(references: Path | None, hypotheses: Path, **evaluation: object):
    settings = Settings(evaluate=EvaluateSettings(**evaluation))
    return eval_text.run(settings, SilentReporter(), references=references, hypotheses=hypotheses)


def test_another_systems_lines(tmp_path):
    (tmp_path / "gold.txt").write_text("a b c d\ne f g h\n", encoding="utf-8")
    (tmp_path / "made.txt").write_text("a b c d\n\n", encoding="utf-8")
    found = existing(tmp_path / "gold.txt", tmp_path / "made.txt", form="raw")
    assert found.form == "raw"
    assert found.bleu4 == pytest.approx(100 * np.exp(1 - 8 / 4))
    assert (found.exact_match, found.edit_similarity, found.exit_code) == (50.0, 50.0, 0)
    assert found.perplexity is None


def test_forms_forgive_what_their_normal_form_does(tmp_path):
    (tmp_path / "gold.txt").write_text("x^2_1 + y\\,z\n", encoding="utf-8")
    (tmp_path / "made.txt").write_text("x _ { 1 } ^ { 2 } + y z\n", encoding="utf-8")
    found = existing(tmp_path / "gold.txt", tmp_path / "made.txt")
    exact = {row.form: row.exact_match for row in found.forms}
    assert exact["raw"] == exact["im2markup"] == exact["normalised"] == 0.0
    assert exact["normalised_no_spacing"] == 100.0


def test_formulas_alone_have_no_references(tmp_path):
    (tmp_path / "made.txt").write_text("x\n", encoding="utf-8")
    with pytest.raises(InputError, match="no references"):
        existing(None, tmp_path / "made.txt")


def test_an_empty_file_of_predictions_scores_0(tmp_path):
    (tmp_path / "gold.txt").write_text("a b c d\n", encoding="utf-8")
    (tmp_path / "made.txt").touch()
    found = existing(tmp_path / "gold.txt", tmp_path / "made.txt")
    assert (found.bleu4, found.edit_similarity, found.exact_match, found.failed) == (0, 0, 0, 1)


def test_references_alone_are_a_usage_error(tmp_path):
    with pytest.raises(UsageError, match="`hypotheses`"):
        eval_text.run(Settings(), SilentReporter(), references=tmp_path / "gold.txt")


def test_a_page_with_everything_on_it(tmp_path):
    (tmp_path / "gold.txt").write_text("a + <b\nx ^ 2\n", encoding="utf-8")
    (tmp_path / "made.txt").write_text("a + <c\nx ^ 2\n", encoding="utf-8")
    path = tmp_path / "page.html"
    found = existing(tmp_path / "gold.txt", tmp_path / "made.txt", report=str(path))
    text = path.read_text(encoding="utf-8")
    assert found.report == str(path)
    assert text.count("<article>") == 2
    assert "&lt;" in text
    assert '<span class="lost">b</span>' in text
    assert '<span class="added">c</span>' in text


def test_the_page_of_a_model_shows_where_it_looked(tmp_path, oracle):
    imagefolder(tmp_path / "data")
    oracle.answers = ("x ^ { 2 } + 1", "b " * 100, r"\alpha + \beta")
    path = tmp_path / "page.html"
    evaluate(tmp_path, report=str(path))
    assert path.read_text(encoding="utf-8").count("<figcaption>where the model looked") == 3
    assert oracle.attended == [("b " * 100).strip(), "x ^ { 2 } + 1", r"\alpha + \beta"]
    existing(None, tmp_path / "runs", report=str(path))
    assert "where the model looked" not in path.read_text(encoding="utf-8")


def test_scoring_what_exists_loads_no_torch(tmp_path):
    (tmp_path / "gold.txt").write_text("a\n", encoding="utf-8")
    script = (
        "import sys; from pathlib import Path\n"
        "from im2latex_cli.progress import SilentReporter\n"
        "from im2latex_cli.services.evaluating import eval_text\n"
        "from im2latex_cli.settings.sections import Settings\n"
        f"gold = Path({str(tmp_path / 'gold.txt')!r})\n"
        "eval_text.run(Settings(), SilentReporter(), references=gold, hypotheses=gold)\n"
        "assert 'torch' not in sys.modules\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, check=False, text=True
    )
    assert done.returncode == 0, done.stderr
