"""compare: two runs on the same pictures."""

from __future__ import annotations

from pathlib import Path

import pytest

from im2latex_cli.data import predictions
from im2latex_cli.data.predictions import Hypothesis, Prediction
from im2latex_cli.errors import InputError
from im2latex_cli.progress import SilentReporter
from im2latex_cli.services.evaluating import compare
from im2latex_cli.settings.sections import EvaluateSettings, RenderSettings, Settings

SETTINGS = Settings(render=RenderSettings(renderer="embedded"))


def write(folder: Path, readings: dict[str, tuple[str, str]]) -> Path:
    rows = [
        Prediction(name, "", reference, (), (Hypothesis(read, tuple(read.split()), -1, 1),))
        for name, (reference, read) in readings.items()
    ]
    predictions.write(folder, rows, {})
    return folder


def test_what_got_better_and_what_got_worse(tmp_path):
    first = write(tmp_path / "a", {"1": ("x + y", "x"), "2": ("z", "z"), "3": ("t", "t")})
    second = write(tmp_path / "b", {"3": ("t", "t"), "2": ("z", "w"), "1": ("x + y", "x + y")})
    found = compare.run(SETTINGS, SilentReporter(), first=first, second=second)
    assert (found.pictures, found.b_better, found.b_worse, found.alike) == (3, 1, 1, 1)
    assert [(row.id, row.read_by_a, row.read_by_b) for row in found.better] == [("1", "x", "x + y")]
    assert [(row.id, row.a, row.b) for row in found.worse] == [("2", 100.0, 0.0)]
    exact = next(row for row in found.figures if row.figure == "exact_match")
    assert exact.a == exact.b == pytest.approx(200 / 3)


def test_pictures_of_one_run_only_are_left_out_and_counted(tmp_path):
    first = write(tmp_path / "a", {"1": ("x", "x"), "2": ("y", "y")})
    second = write(tmp_path / "b", {"1": ("x", "x"), "3": ("z", "z")})
    reporter = SilentReporter()
    assert compare.run(SETTINGS, reporter, first=first, second=second).pictures == 1
    assert "2 pictures" in reporter.warnings[0]


@pytest.mark.parametrize(
    ("other", "said"),
    [({"9": ("x", "x")}, "in common"), ({"1": ("y", "x")}, "different references for 1")],
)
def test_runs_that_do_not_fit(tmp_path, other, said):
    first = write(tmp_path / "a", {"1": ("x", "x")})
    second = write(tmp_path / "b", other)
    with pytest.raises(InputError, match=said):
        compare.run(SETTINGS, SilentReporter(), first=first, second=second)


def test_runs_without_references_cannot_be_compared(tmp_path):
    run = write(tmp_path / "a", {"1": ("", "x")})
    with pytest.raises(InputError, match="no references"):
        compare.run(SETTINGS, SilentReporter(), first=run, second=run)


def test_a_page_with_pictures(tmp_path):
    first = write(tmp_path / "a", {"1": ("x^2", "x"), "2": ("z", "z")})
    second = write(tmp_path / "b", {"1": ("x^2", "x^3"), "2": ("z", "w")})
    path = tmp_path / "page.html"
    settings = SETTINGS.model_copy(update={"evaluate": EvaluateSettings(report=str(path))})
    compare.run(settings, SilentReporter(), first=first, second=second)
    page = path.read_text(encoding="utf-8")
    assert "<h3>better</h3>" in page
    assert "<h3>worse</h3>" in page
    assert page.count("data:image/png") == 2 * len(("reference", "a", "a's", "b", "b's"))
    assert "edit similarity: a 20.0 %, b 80.0 %" in page
