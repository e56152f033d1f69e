"""What predict writes, where, and with which exit code; the service is a fake."""

import io
import json
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from im2latex_cli.data.predictions import Hypothesis
from im2latex_cli.errors import InputError
from im2latex_cli.formats import convert as convert_module
from im2latex_cli.pages.regions import RegionKind
from im2latex_cli.reading_warning import ReadingWarning
from im2latex_cli.services.reading import clipboard
from im2latex_cli.services.reading.find import FindRequest
from im2latex_cli.services.reading.inputs import Origin
from im2latex_cli.services.reading.predict import PredictRow


@dataclass(frozen=True)
class Row(PredictRow):
    hypotheses: tuple[Hypothesis, ...] = ()
    model: str = "results/small"
    milliseconds: float = 12.345


GOOD = Row(
    "a.png",
    (
        Hypothesis("x^{2}", ("x", "^", "{", "2", "}"), -0.5, 0.9),
        Hypothesis("x^{z}", ("x", "^", "{", "z", "}"), -2.5, 0.1),
    ),
)
BAD = Row("b.png", error=InputError("b.png is no picture.", hint="Send a PNG."))
COMMON = {"model": "results/small", "milliseconds": 12.3, "warnings": []}
BAD_JSON = {
    "path": "b.png",
    "error": {"code": "input", "message": "b.png is no picture."},
    **COMMON,
}
GOOD_JSON = {
    "path": "a.png",
    "latex": "x^{2}",
    "confidence": 0.9,
    "score": -0.5,
    "alternatives": [{"latex": "x^{z}", "confidence": 0.1, "score": -2.5}],
    **COMMON,
}


@pytest.fixture
def predict(invoke, service):
    def run(*args: str, rows: list[Row], **options):
        run.service = service("predict", iter(rows))
        return invoke("predict", *args, **options)

    return run


def test_text_is_a_line_a_picture(predict) -> None:
    result = predict("a.png", "b.png", "a.png", rows=[GOOD, BAD, GOOD])
    assert result.stdout == "x^{2}\n\nx^{2}\n"
    assert result.stderr == "model: results/small\nwarning: b.png is no picture. Send a PNG.\n"
    assert result.exit_code == 7


def test_text_never_breaks_a_line(predict) -> None:
    row = Row("a.png", (Hypothesis("a\nb\r\nc", ("a", "b", "c"), -1.0, 0.5),))
    assert predict("a.png", rows=[row]).stdout == "a b c\n"


def test_jsonl_is_an_object_a_picture(predict) -> None:
    result = predict("a.png", "b.png", "--format", "jsonl", rows=[GOOD, BAD])
    assert [json.loads(line) for line in result.stdout.splitlines()] == [GOOD_JSON, BAD_JSON]
    assert result.exit_code == 7


def test_json_is_one_object(predict) -> None:
    result = predict("a.png", "b.png", "--json", rows=[GOOD, BAD])
    told = json.loads(result.stdout)
    assert (told["status"], told["result"]) == ("partial", {"pictures": [GOOD_JSON, BAD_JSON]})
    assert result.exit_code == 7


@pytest.mark.parametrize("args", [[], ["--format", "jsonl"], ["--json"]])
def test_all_good_is_exit_zero(predict, args: list[str]) -> None:
    assert predict("a.png", *args, rows=[GOOD]).exit_code == 0


@pytest.mark.parametrize(
    ("args", "stdout"),
    [
        ([], "\n"),
        (["--format", "jsonl"], json.dumps(BAD_JSON) + "\n"),
    ],
)
def test_a_lone_failure_ends_with_its_own_code(predict, args: list[str], stdout: str) -> None:
    result = predict("b.png", *args, rows=[BAD])
    assert (result.exit_code, result.stdout) == (3, stdout)
    assert result.stderr == "model: results/small\nerror: b.png is no picture.\nhint: Send a PNG.\n"


def test_a_lone_failure_as_json_is_an_error(predict) -> None:
    result = predict("b.png", "--json", rows=[BAD])
    assert json.loads(result.stdout)["error"]["code"] == "input"
    assert result.exit_code == 3


def test_json_and_format_exclude_each_other(predict) -> None:
    result = predict("a.png", "--json", "--format", "text", rows=[GOOD])
    assert result.exit_code == 2
    assert "--json and --format exclude each other." in result.stderr


def test_arguments_reach_the_service(predict) -> None:
    predict("a.png", "--model", "m", "--beam=3", "--nbest=2", "--attention=o.png", rows=[GOOD])
    made = predict.service
    assert made.options["images"].sources == [Path("a.png")]
    assert (made.options["model"], made.options["attention"]) == ("m", Path("o.png"))
    assert (made.args[0].decode.beam, made.args[0].decode.nbest) == (3, 2)


@pytest.mark.parametrize("args", [["-"], []])
def test_standard_input_is_one_picture(invoke, service, args: list[str]) -> None:
    fake, read = service("predict", None), []

    def run(*_: object, images, **__: object) -> Iterator[Row]:
        read.extend(images)
        return iter([GOOD])

    fake.run = run
    invoke("predict", *args, input=b"picture")
    (entry,) = read
    assert (entry.path, entry.picture) == ("-", b"picture")


def test_rows_are_written_as_they_come(invoke, service, monkeypatch) -> None:
    from im2latex_cli.cli import console

    order: list[str] = []
    monkeypatch.setattr(console, "out", lambda text: order.append(f"wrote {text}"))

    def rows() -> Iterator[Row]:
        for number in range(2):
            order.append(f"read {number}")
            yield GOOD

    service("predict", rows())
    invoke("predict", "a.png", "b.png")
    assert order == ["read 0", "wrote x^{2}", "read 1", "wrote x^{2}"]


@pytest.mark.parametrize(
    ("form", "stdout"),
    [
        ("tsv", "path\tlatex\tconfidence\na.png\tx^{2}\t0.9000\nb.png\t\t\n"),
        ("markdown", "$$x^{2}$$\n\n\n"),
    ],
)
def test_other_forms(predict, form: str, stdout: str) -> None:
    assert predict("a.png", "b.png", "--format", form, rows=[GOOD, BAD]).stdout == stdout


def test_tsv_keeps_to_its_columns(predict) -> None:
    row = Row("a\tb\n.png", GOOD.hypotheses)
    (_, line) = predict("x", "--format", "tsv", rows=[row]).stdout.splitlines()
    assert line.split("\t") == ["a b .png", "x^{2}", "0.9000"]


def test_mathml_is_an_element_a_line(predict) -> None:
    odd = Row("a.png", (Hypothesis(r"\frac{<}", (r"\frac", "{", "<", "}"), -1.0, 0.5),))
    good, bad = predict("a.png", "--format", "mathml", rows=[GOOD, odd]).stdout.splitlines()
    assert ET.fromstring(good).tag.endswith("math")
    assert any(one.tag.endswith("merror") for one in ET.fromstring(bad).iter())


@pytest.mark.parametrize(
    ("form", "beginning"),
    [("typst", "x^2"), ("mathml", "<math "), ("omml", "<m:oMathPara ")],
)
def test_a_formula_is_a_line_of_its_format(predict, form: str, beginning: str) -> None:
    tokens = ("x", "^", "{", "2", "}")
    row = Row("a.png", (Hypothesis("x^{2}", tokens, -1.0, 0.5),))
    (line,) = predict("a.png", "--format", form, rows=[row]).stdout.splitlines()
    assert line.startswith(beginning)


def test_what_a_format_cannot_say_is_a_warning(predict) -> None:
    row = Row("a.png", (Hypothesis(r"\wurst", (r"\wurst",), -1.0, 0.5),))
    done = predict("a.png", "--format", "typst", rows=[row])
    assert done.stdout == '"\\\\wurst"\n'
    assert r"a.png: typst: \wurst is not known" in done.stderr


def test_a_document_holds_every_formula_that_was_read(predict) -> None:
    tokens = ("x", "^", "{", "2", "}")
    row = Row("a.png", (Hypothesis("x^{2}", tokens, -1.0, 0.5),))
    done = predict("a.png", "b.png", "c.png", "--format", "docx", rows=[row, BAD, row])
    with zipfile.ZipFile(io.BytesIO(done.stdout_bytes)) as archive:
        document = archive.read("word/document.xml").decode()
    assert document.count("<m:oMathPara") == 2


@pytest.mark.parametrize(
    ("style", "stdout"),
    [
        ("compact", r"\frac{1}{2}\slash\sin x"),
        ("katex", r"\frac{1}{2}/\sin x"),
        ("im2markup", r"\frac { 1 } { 2 } \slash \operatorname { s i n } x"),
    ],
)
def test_styles(predict, style: str, stdout: str) -> None:
    tokens = (r"\frac", "{", "1", "}", "{", "2", "}", r"\slash", r"\sin", "x")
    row = Row("a.png", (Hypothesis(r"\frac{1}{2}\slash\sin x", tokens, -1.0, 0.5),))
    assert predict("a.png", "--style", style, rows=[row]).stdout == stdout + "\n"


def test_tokens_have_their_log_probabilities(predict) -> None:
    scores = (-0.1, -0.2, -0.3)
    row = Row("a.png", (Hypothesis("ab", ("a", "b"), -0.6, 0.5, scores),))
    told = json.loads(predict("a.png", "--format", "jsonl", "--tokens", rows=[row]).stdout)
    assert (told["tokens"], told["log_probabilities"]) == ("a b", list(scores))
    assert predict("a.png", "--tokens", rows=[row]).exit_code == 2


def test_doubts_are_warnings_for_people_and_fields_for_programs(predict) -> None:
    row = Row("a.png", GOOD.hypotheses, warnings=(ReadingWarning.LOW_CONFIDENCE,))
    assert "warning: a.png: low-confidence: " in predict("a.png", rows=[row]).stderr
    asked = predict("a.png", "--format", "jsonl", rows=[row])
    assert json.loads(asked.stdout)["warnings"] == ["low-confidence"]
    assert "low-confidence" not in asked.stderr


def test_a_drawing_that_failed_keeps_the_reading(predict) -> None:
    row = Row("a.png", GOOD.hypotheses, error=InputError("o.png cannot be written."))
    result = predict("a.png", "--format", "jsonl", rows=[row])
    told = json.loads(result.stdout)
    assert (told["latex"], told["error"]["code"], result.exit_code) == ("x^{2}", "input", 3)


@pytest.mark.parametrize(
    "args",
    [
        ["-0", "a.png"],
        ["-", "--files-from", "-"],
        ["a.pdf", "--pages", "3-1"],
        ["a.pdf", "--pages", "x"],
        ["a.pdf", "--box", "1,2,3"],
        ["a.pdf", "--box", "10,0,5,5"],
        ["a.pdf", "--box", "nan,0,5,5"],
    ],
)
def test_what_does_not_fit_is_a_usage_error(predict, args: list[str]) -> None:
    result = predict(*args, rows=[GOOD])
    assert (result.exit_code, result.stdout) == (2, "")


def test_the_latex_is_copied(predict, monkeypatch) -> None:
    copied: list[str] = []
    monkeypatch.setattr(clipboard, "copy", copied.append)
    predict("a.png", "b.png", "c.png", "--copy", rows=[GOOD, BAD, GOOD])
    assert copied == ["x^{2}\nx^{2}"]
    predict("a.png", "--watch", ".", "--copy", rows=[GOOD, BAD, GOOD])
    assert copied[1:] == ["x^{2}", "x^{2}"]


def test_failures_are_told_at_once_where_more_may_come(invoke, service, monkeypatch) -> None:
    from im2latex_cli.cli.session import TerminalReporter

    told: list[str] = []
    monkeypatch.setattr(TerminalReporter, "warn", lambda _, message: told.append(message))

    def rows() -> Iterator[Row]:
        yield BAD
        assert told == ["b.png is no picture. Send a PNG."]

    service("predict", rows())
    assert invoke("predict", "--files-from", "-", input=b"b.png").exit_code == 3


@pytest.mark.parametrize("form", ["typst", "mathml"])
def test_a_formula_is_converted_once(predict, monkeypatch, form: str) -> None:
    plain, converted = convert_module.convert, []

    def counting(tokens: tuple[str, ...], to: str):
        converted.append(tokens)
        return plain(tokens, to)

    monkeypatch.setattr(convert_module, "convert", counting)
    monkeypatch.setattr(clipboard, "copy", lambda _text: None)
    done = predict("a.png", "b.png", "--format", form, "--copy", rows=[GOOD, BAD])
    assert done.exit_code == 7
    assert converted == [GOOD.hypotheses[0].tokens]


PLACED = replace(
    GOOD, place=Origin((1.0, 2.0, 30.04, 40.0), "pt", RegionKind.DISPLAY, page=2), number="3.2"
)


def test_formulas_of_pages_have_their_place_in_json(predict) -> None:
    result = predict("a.pdf", "--format", "jsonl", rows=[PLACED])
    told = json.loads(result.stdout)
    assert told == {
        **GOOD_JSON,
        "page": 2,
        "box": [1.0, 2.0, 30.0, 40.0],
        "unit": "pt",
        "kind": "display",
        "number": "(3.2)",
    }


@pytest.mark.parametrize(
    ("args", "stdout"),
    [
        ([], "x^{2}\n"),
        (["--number", "tag"], "x^{2} \\tag{3.2}\n"),
        (["--format", "markdown"], "$$x^{2} \\tag{3.2}$$\n"),
        (["--format", "markdown", "--number", "cut"], "$$x^{2}$$\n"),
        (
            ["--format", "tsv", "--number", "tag"],
            "path\tlatex\tconfidence\na.png\tx^{2} \\tag{3.2}\t0.9000\n",
        ),
    ],
)
def test_numbers_are_cut_or_kept(predict, args: list[str], stdout: str) -> None:
    assert predict("a.pdf", *args, rows=[PLACED]).stdout == stdout


def test_what_to_find_reaches_the_service(predict) -> None:
    predict("a.pdf", rows=[GOOD])
    assert predict.service.options["find"] == FindRequest("auto")
    predict("a.pdf", "--find=always", "--inline", "--number=tag", "--overlay=o.pdf", rows=[GOOD])
    assert predict.service.options["find"] == FindRequest(
        "always", inline=True, overlay=Path("o.pdf"), numbers=True
    )


def test_an_overlay_needs_a_search(predict) -> None:
    result = predict("a.pdf", "--find=never", "--overlay=o.pdf", rows=[GOOD])
    assert result.exit_code == 2
    assert "--overlay" in result.stderr
