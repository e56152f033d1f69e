"""What predict writes, where, and with which exit code; the service is a fake."""

import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from im2latex_cli.data.predictions import Hypothesis
from im2latex_cli.errors import Im2LatexError, InputError


@dataclass(frozen=True)
class Row:
    path: str
    hypotheses: tuple[Hypothesis, ...] = ()
    model: str = "results/small"
    error: Im2LatexError | None = None


GOOD = Row(
    "a.png",
    (
        Hypothesis("x^{2}", ("x", "^", "{", "2", "}"), -0.5, 0.9),
        Hypothesis("x^{z}", ("x", "^", "{", "z", "}"), -2.5, 0.1),
    ),
)
BAD = Row("b.png", error=InputError("b.png is no picture.", hint="Send a PNG."))
BAD_JSON = {"path": "b.png", "error": {"code": "input", "message": "b.png is no picture."}}
GOOD_JSON = {
    "path": "a.png",
    "latex": "x^{2}",
    "confidence": 0.9,
    "score": -0.5,
    "alternatives": [{"latex": "x^{z}", "confidence": 0.1, "score": -2.5}],
    "model": "results/small",
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
    assert made.options == {"images": [Path("a.png")], "model": "m", "attention": Path("o.png")}
    assert (made.args[0].decode.beam, made.args[0].decode.nbest) == (3, 2)


@pytest.mark.parametrize("args", [["-"], []])
def test_standard_input_is_one_picture(predict, args: list[str]) -> None:
    predict(*args, rows=[GOOD], input=b"picture")
    (stream,) = predict.service.options["images"]
    assert not isinstance(stream, Path)


def test_no_picture_on_a_terminal_is_a_usage_error(predict, monkeypatch) -> None:
    from im2latex_cli.cli import predict as command

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    class Sys:
        stdin = Terminal()

    monkeypatch.setattr(command, "sys", Sys)
    result = predict(rows=[])
    assert result.exit_code == 2
    assert "No picture was given." in result.stderr


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
