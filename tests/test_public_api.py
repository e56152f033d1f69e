"""The names that semantic versioning covers, and what they promise."""

from __future__ import annotations

import inspect
import io
import logging
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import im2latex_cli
from im2latex_cli import (
    CheckpointError,
    DecodeSettings,
    Hypothesis,
    Im2LatexError,
    InputError,
    Recognizer,
    UsageError,
    convert,
    load,
    normalize,
    text_scores,
    tokenize,
)
from im2latex_cli.settings.sections import ModelSettings

ROOT = Path(__file__).parent.parent
NAMES = {
    *("CheckpointError", "DecodeSettings", "Hypothesis", "Im2LatexError", "InputError"),
    *("Normalized", "Picture", "ReadingWarning", "Recognizer", "Score", "TextScores", "UsageError"),
    *("__version__", "calibration_error", "join", "load", "normalize", "recombine"),
    *("text_scores", "tokenize", "convert", "Conversion"),
}
DIMS = ModelSettings(
    encoder="residual",
    decoder="transformer",
    channels=(4, 8, 16),
    width=32,
    feedforward=32,
    decoder_layers=2,
)
TOKENS = ["x", "y", "+", "2", "{", "}", "^", r"\frac", "="]


@pytest.fixture(scope="module")
def model_file(untrained) -> Path:
    return untrained(DIMS, TOKENS)


@pytest.fixture(scope="module")
def recognizer(model_file: Path) -> Recognizer:
    decode = DecodeSettings(max_tokens=12)
    return load(model_file, device="cpu", beam=3, decode=decode, threads=1)


@pytest.fixture
def page() -> np.ndarray:
    page = np.full((40, 120), 255, np.uint8)
    page[10:14, 10:30] = page[8:30, 50:54] = page[20:24, 70:110] = 0
    return page


def test_the_names_are_these() -> None:
    assert set(im2latex_cli.__all__) == NAMES
    assert set(dir(im2latex_cli)) >= NAMES
    for name in NAMES:
        assert getattr(im2latex_cli, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = im2latex_cli.nothing


def test_no_module_has_the_name_of_something_public() -> None:
    # Importing a sub-package binds its name in the package, over whatever was there.
    code = (
        "import im2latex_cli as package, importlib, pkgutil\n"
        "for module in pkgutil.iter_modules(package.__path__, 'im2latex_cli.'):\n"
        "    if module.name != 'im2latex_cli.__main__':\n"
        "        importlib.import_module(module.name)\n"
        "for name, home in package._MODULES.items():\n"
        "    value = getattr(importlib.import_module(f'im2latex_cli.{home}'), name)\n"
        "    assert getattr(package, name) is value, name\n"
        "assert set(package._MODULES) == set(package.__all__)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_load_takes_these_arguments() -> None:
    parameters = inspect.signature(load).parameters
    defaults = {name: parameter.default for name, parameter in parameters.items()}
    assert list(defaults.items())[:4] == [
        ("model", "pretrained"),
        ("device", "auto"),
        ("beam", None),
        ("backend", "auto"),
    ]
    assert all(p.kind is p.KEYWORD_ONLY for name, p in parameters.items() if name != "model")


def test_the_package_loads_nothing_before_it_is_needed() -> None:
    code = (
        "import sys, im2latex_cli; heavy = {'torch', 'numpy', 'PIL', 'pydantic'}; "
        "assert not heavy & set(sys.modules); im2latex_cli.tokenize('x'); "
        "assert not heavy & set(sys.modules); im2latex_cli.load; "
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_documents_import_nothing_deeper() -> None:
    deeper = re.compile(r"(?:from|import) im2latex_cli\.[a-z_.]+")
    pages = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]
    found = {
        str(path.relative_to(ROOT)): names
        for path in pages
        if (names := deeper.findall(path.read_text(encoding="utf-8")))
    }
    assert not found


def test_one_picture_gives_one_reading_and_several_a_list(recognizer, page) -> None:
    one = recognizer(page)
    assert isinstance(one, Hypothesis)
    assert [reading.latex for reading in recognizer([page, page])] == [one.latex] * 2
    assert [reading.latex for reading in recognizer((page,))] == [one.latex]
    assert recognizer([]) == []


def test_each_kind_of_picture_is_read(recognizer, page, tmp_path) -> None:
    path = tmp_path / "page.png"
    Image.fromarray(page).save(path)
    content = path.read_bytes()
    kinds = [path, str(path), content, io.BytesIO(content), Image.fromarray(page), page]
    assert {reading.latex for reading in recognizer(kinds)} == {recognizer(page).latex}


def test_nbest_gives_a_list_for_each_picture(recognizer, page) -> None:
    best, *others = recognizer(page, nbest=3)
    assert best == recognizer(page)
    assert 1 <= len(others) <= 2
    assert [len(readings) for readings in recognizer([page, page], nbest=1)] == [1, 1]


def test_beam_holds_for_one_call(recognizer, page) -> None:
    greedy = recognizer(page, beam=1, nbest=1)
    assert len(greedy) == 1
    assert recognizer.decode.beam == 3
    with pytest.raises(UsageError, match="beam of 1"):
        recognizer(page, beam=1, nbest=2)
    with pytest.raises(UsageError, match="beam: "):
        recognizer(page, beam=0)


def test_an_error_is_raised_or_returned(recognizer, page, tmp_path, caplog) -> None:
    missing = tmp_path / "missing.png"
    with pytest.raises(InputError, match=r"missing\.png"):
        recognizer([page, missing])
    with caplog.at_level(logging.WARNING, "im2latex_cli"):
        first, error, last = recognizer([page, missing, page], errors="return")
    assert isinstance(error, Im2LatexError)
    assert isinstance(recognizer(missing, errors="return"), InputError)
    assert first.latex == last.latex == recognizer(page).latex
    assert "missing.png: no such file" in caplog.text
    with pytest.raises(UsageError, match="errors="):
        recognizer(page, errors="ignore")


@pytest.mark.parametrize(
    "wrong", [3, None, np.zeros((4, 4, 4, 4)), np.zeros((3, 3), complex), {"a": 1}, b"", ""]
)
def test_what_is_no_picture_is_one_clear_error(recognizer, wrong) -> None:
    error = recognizer(wrong, errors="return")
    assert isinstance(error, InputError)
    assert "\n" not in str(error)


def test_warnings_and_the_model_are_logged(model_file, page, caplog) -> None:
    with caplog.at_level(logging.DEBUG, "im2latex_cli"):
        decode = DecodeSettings(max_tokens=12)
        untrained = load(model_file, device="cpu", beam=1, decode=decode)
        untrained(page)
    assert f"model: {model_file}" in caplog.text
    assert "backend: " in caplog.text
    assert "picture 1: low-confidence: " in caplog.text


def test_a_recogniser_says_what_it_is(recognizer, model_file) -> None:
    assert recognizer.device == "cpu"
    text = repr(recognizer)
    assert text.startswith(f"Recognizer({str(model_file)!r}, device='cpu', backend='torch', beam=3")


def test_moving_to_the_same_device_changes_nothing(recognizer, page) -> None:
    before = recognizer(page)
    assert recognizer.to("cpu") is recognizer
    assert recognizer(page) == before
    with pytest.raises(UsageError, match="mars"):
        recognizer.to("mars")
    assert recognizer.device == "cpu"


def test_a_saved_model_reads_the_same(recognizer, page, tmp_path) -> None:
    saved = recognizer.save(tmp_path / "deep" / "copy.safetensors")
    copy = load(saved, device="cpu", beam=3, decode=DecodeSettings(max_tokens=12))
    assert copy(page) == recognizer(page)


def test_a_model_file_that_changed_is_not_saved(model_file, tmp_path) -> None:
    other = tmp_path / "best.safetensors"
    other.write_bytes(model_file.read_bytes())
    loaded = load(other, device="cpu")
    other.write_bytes(b"something else")
    with pytest.raises(CheckpointError, match="changed"):
        loaded.save(tmp_path / "copy.safetensors")
    other.unlink()
    with pytest.raises(CheckpointError, match="gone"):
        loaded.save(tmp_path / "copy.safetensors")


def test_formulas_are_scored_as_text() -> None:
    scores = text_scores([r"x^2", r"a+b"], [r"x^{2}", None])
    assert (scores.pairs, scores.missing, scores.exact_match) == (2, 1, 50.0)
    assert text_scores(["x^2"], ["x^{2}"], form="raw").exact_match == 0.0
    for references, predictions in ([], []), (["x"], []):
        with pytest.raises(UsageError, match="references and"):
            text_scores(references, predictions)
    with pytest.raises(UsageError, match="form="):
        text_scores(["x"], ["x"], form="upside-down")


def test_formulas_are_normalised_and_cut_into_tokens() -> None:
    assert tokenize(r"\frac12") == [r"\frac", "1", "2"]
    assert normalize(r"\frac12").tokens == (r"\frac", "{", "1", "}", "{", "2", "}")


def test_formulas_are_converted() -> None:
    tokens = normalize(r"\frac12").tokens
    assert convert(tokens, "typst").text == "frac(1, 2)"
    assert "<mfrac>" in convert(tokens, "mathml").text
