"""eval-image: predictions in, two renders each, figures out; never torch."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from im2latex_cli.data import predictions
from im2latex_cli.data.predictions import Hypothesis, Prediction
from im2latex_cli.errors import InputError, UsageError
from im2latex_cli.progress import SilentReporter
from im2latex_cli.render.embedded.renderer import EmbeddedRenderer
from im2latex_cli.services.evaluating import eval_image
from im2latex_cli.settings.sections import EvaluateSettings, RenderSettings, Settings
from im2latex_cli.vision.finish import encode_png, finish

BROKEN = r"\frac{1}{"


def prediction(number: int, reference: str, read: str | None) -> Prediction:
    hypotheses = () if read is None else (Hypothesis(read, tuple(read.split()), -1.0, 0.5),)
    return Prediction(f"test/{number}", f"{number}.png", reference, (), hypotheses)


def write(folder: Path, *pairs: tuple[str, str | None]) -> Path:
    rows = [prediction(number, *pair) for number, pair in enumerate(pairs)]
    predictions.write(folder, rows, {"format": 1})
    return folder


def evaluate(results: Path, *, renderer: str = "embedded", **evaluation: object):
    settings = Settings(
        render=RenderSettings(renderer=renderer), evaluate=EvaluateSettings(**evaluation)
    )
    return eval_image.run(settings, SilentReporter(), results=results)


def test_right_predictions_score_100_though_written_otherwise(tmp_path):
    found = evaluate(write(tmp_path, ("x^2", "x ^ { 2 }"), (r"\frac12", r"\frac { 1 } { 2 }")))
    assert (found.pictures, found.predictions_not_rendered) == (2, 0)
    assert found.edit_similarity == found.exact_match == found.match_strict == 100.0
    assert found.seed_edit_similarity == found.seed_exact_match == 100.0
    assert found.exit_code == 0


def test_missing_and_broken_predictions_count_in_full_and_broken_references_are_left_out(tmp_path):
    found = evaluate(write(tmp_path, ("x+1", None), ("x+1", BROKEN), (BROKEN, "x"), ("x", "x")))
    assert (found.pictures, found.predictions_not_rendered) == (3, 2)
    assert found.references_not_rendered == 1
    assert found.exact_match == pytest.approx(100 / 3)
    assert 0 < found.edit_similarity < 50


def test_wrong_predictions_lose_ink(tmp_path):
    found = evaluate(write(tmp_path, ("a+b+c+d", "a+b"), ("m", "W")))
    assert found.exact_match == found.exact_match_without_blank == 0.0
    assert found.match_strict == 50.0  # the rule looks past a single letter: its strokes are thin
    assert 0 < found.edit_similarity < 60


def test_figures_of_the_embedded_renderer_are_not_called_harvards(tmp_path):
    found = evaluate(write(tmp_path, ("x", "x")))
    assert (found.renderer, found.dpi) == ("embedded", 200)
    assert (found.match_harvard, found.match_tolerant) == (None, 100.0)
    assert "not comparable" in found.note


@pytest.mark.tex
def test_figures_of_tex_are(tmp_path):
    found = evaluate(write(tmp_path, ("x^2", "x ^ { 2 }"), ("x", None)), renderer="tex")
    assert (found.renderer, found.match_harvard, found.match_tolerant) == ("tex", 50.0, None)
    assert found.note is None


def test_a_limit(tmp_path):
    assert evaluate(write(tmp_path, ("x", "x"), ("y", "z")), limit=1).exact_match == 100.0


@pytest.mark.parametrize("renderer", ["embedded", pytest.param("tex", marks=pytest.mark.tex)])
def test_characters_are_matched_on_request(tmp_path, renderer):
    pytest.importorskip("scipy.optimize")
    results = write(tmp_path, ("a+b", "a+b"), ("a+b", "a+c"), ("abcd", "abc"), ("x", None))
    found = evaluate(results, renderer=renderer, cdm=True)
    assert found.cdm == pytest.approx(100 * (1 + 0.667 + 0.857 + 0) / 4)
    assert found.cdm_exprate == 25.0
    assert evaluate(results, renderer=renderer).cdm is None


def test_matching_characters_needs_scipy(tmp_path, monkeypatch):
    monkeypatch.setattr(eval_image, "find_spec", lambda _: None)
    with pytest.raises(UsageError, match="SciPy"):
        evaluate(write(tmp_path, ("x", "x")), cdm=True)


def test_another_systems_formulas(tmp_path):
    (tmp_path / "gold.txt").write_text("x^2\ny\n", encoding="utf-8")
    (tmp_path / "made.txt").write_text("x^{2}\n\n", encoding="utf-8")
    found = eval_image.run(
        Settings(render=RenderSettings(renderer="embedded")),
        SilentReporter(),
        references=tmp_path / "gold.txt",
        hypotheses=tmp_path / "made.txt",
    )
    assert (found.pictures, found.exact_match) == (2, 50.0)


def test_mere_pictures_as_references_give_image_edit_alone(tmp_path):
    page = next(iter(EmbeddedRenderer(RenderSettings()).render(["x^2"])))
    picture, _ = finish(page.ink)
    (tmp_path / "a.png").write_bytes(encode_png(np.pad(picture, 5, constant_values=255)))
    rows = [
        {"path": str(tmp_path / "a.png"), "latex": read, "confidence": 1, "score": 0}
        for read in ("x^{2}", "y", "")
    ]
    text = "".join(json.dumps(row) + "\n" for row in rows)
    (tmp_path / "made.jsonl").write_text(text, encoding="utf-8")
    found = evaluate(tmp_path / "made.jsonl", report=str(tmp_path / "page.html"))
    assert (found.pictures, found.predictions_not_rendered) == (3, 1)
    assert 33 < found.edit_similarity < 60
    assert (found.exact_match, found.match_tolerant, found.seed_exact_match) == (None,) * 3
    assert "not comparable" in found.note
    assert evaluate(tmp_path / "made.jsonl", limit=1).edit_similarity == 100.0
    assert (tmp_path / "page.html").is_file()


def test_predictions_without_references_say_so(tmp_path):
    row = {"path": "a.png", "latex": "x", "confidence": 1, "score": 0}
    (tmp_path / "made.jsonl").write_text(json.dumps(row) + "\n", encoding="utf-8")
    with pytest.raises(InputError, match="no references"):
        evaluate(tmp_path / "made.jsonl")


def test_nothing_there(tmp_path):
    with pytest.raises(InputError, match="no predictions"):
        evaluate(tmp_path / "nowhere")


def test_a_page_with_scores_and_pictures(tmp_path):
    path = tmp_path / "page.html"
    results = write(tmp_path, ("x^2", "x^3"), ("y", "y"), ("z", BROKEN), ("t", None))
    found = evaluate(results, report=str(path))
    text = path.read_text(encoding="utf-8")
    assert found.report == str(path)
    assert f"{found.edit_similarity:.2f}" in text
    assert text.count("<article>") == 4
    assert text.count("data:image/png;base64,") == 4 + 2 + 2  # references, predictions, differences
    assert "does not render" in text
    assert "http" not in text.replace("https://www.w3.org", "")


def test_a_page_has_the_matched_characters_where_asked_for(tmp_path):
    pytest.importorskip("scipy")
    path = tmp_path / "page.html"
    results = write(tmp_path, ("x^2", "x^2"))
    evaluate(results, report=str(path))
    assert "CDM" not in path.read_text(encoding="utf-8")
    evaluate(results, report=str(path), cdm=True)
    assert "CDM ExpRate" in path.read_text(encoding="utf-8")


def test_torch_is_never_loaded(tmp_path):
    results = write(tmp_path, ("x^2", "x"))
    script = (
        "import sys; from pathlib import Path\n"
        "from im2latex_cli.progress import SilentReporter\n"
        "from im2latex_cli.services.evaluating import eval_image\n"
        "from im2latex_cli.settings.sections import RenderSettings\n"
        "from im2latex_cli.settings.sections import Settings\n"
        "settings = Settings(render=RenderSettings(renderer='embedded'))\n"
        f"eval_image.run(settings, SilentReporter(), results=Path({str(results)!r}))\n"
        "assert 'torch' not in sys.modules\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, check=False, text=True
    )
    assert done.returncode == 0, done.stderr
