from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from im2latex_cli.cli import console
from im2latex_cli.errors import InputError
from im2latex_cli.results import DETAIL


@dataclass(frozen=True)
class Token:
    token: str
    count: int
    note: str | None = None


@dataclass(frozen=True)
class Scores:
    bleu4: float
    bleu4_interval: tuple[float, float] | None
    note: str | None
    counts: Mapping[str, int]
    tokens: tuple[Token, ...]
    names: tuple[str, ...] = ()
    exit_code: int = 0


SCORES = Scores(
    bleu4=90.125,
    bleu4_interval=(88.0, 92.5),
    note=None,
    counts={"train": 12345, "val": 3},
    tokens=(Token("x", 1000), Token(r"\frac", 2)),
    names=("one", "two"),
)


def test_a_result_for_people() -> None:
    assert list(console.lines(SCORES)) == [
        "bleu4  90.12  (88.00 to 92.50)",
        "",
        "counts",
        "  train  12,345",
        "  val    3",
        "",
        "tokens",
        "  token  count",
        "  x      1,000",
        r"  \frac  2",
        "",
        "names",
        "  one",
        "  two",
    ]


def test_tables_inside_results_are_cut() -> None:
    scores = Scores(1.0, None, None, {}, tuple(Token("x", n) for n in range(12)))
    shown = list(console.lines({"part": scores}))
    assert shown[-1].strip() == "... 2 more"
    assert len(list(console.lines(scores))) == 3 + 1 + 12


@dataclass(frozen=True)
class Detailed:
    bleu4: float
    bleu4_nltk: float = field(metadata=DETAIL)
    tokens: tuple[Token, ...] = field(metadata=DETAIL)
    names: tuple[str, ...] = field(metadata=DETAIL)


DETAILED = Detailed(90.0, 80.0, (Token("x", 1),), ())


def test_details_wait_for_verbose() -> None:
    short = ["bleu4  90.00", "", "More with --verbose: tokens."]
    assert list(console.lines(DETAILED, verbose=False)) == short
    inside = console.lines({"part": DETAILED}, verbose=False)
    assert list(inside) == ["", "part", *(f"  {line}".rstrip() for line in short)]
    full = list(console.lines(DETAILED, verbose=True))
    assert full == [
        "bleu4       90.00",
        "bleu4 nltk  80.00",
        "",
        "tokens",
        "  token  count",
        "  x      1",
    ]


@dataclass(frozen=True)
class Row:
    name: str
    text: str = field(metadata=DETAIL)


def test_columns_of_details_wait_for_verbose() -> None:
    rows = {"rows": (Row("a", "long"),)}
    assert list(console.lines(rows, verbose=True)) == ["", "rows", "  name  text", "  a     long"]
    assert list(console.lines(rows, verbose=False)) == [
        "",
        "rows",
        "  name",
        "  a",
        "",
        "More with --verbose: text.",
    ]


def test_json_has_the_details(capsys: pytest.CaptureFixture[str]) -> None:
    console.show("c", DETAILED, as_json=True)
    assert '"bleu4_nltk": 80.0' in capsys.readouterr().out


@pytest.mark.parametrize(
    ("count", "expected"),
    [
        (0, "0 bytes"),
        (999, "999 bytes"),
        (1000, "1.0 kB"),
        (9949, "9.9 kB"),
        (9950, "10 kB"),
        (999_499, "999 kB"),
        (999_500, "1.0 MB"),
        (643_718_072, "644 MB"),
        (5_000_000_000_000, "5,000 GB"),
    ],
)
def test_sizes(count: int, expected: str) -> None:
    assert list(console.lines({"cache_bytes": count})) == [f"cache size  {expected}"]
    assert console.plain({"cache_bytes": count}) == {"cache_bytes": count}


def test_plain_has_only_what_json_has() -> None:
    assert console.plain(SCORES) == {
        "bleu4": 90.125,
        "bleu4_interval": [88.0, 92.5],
        "note": None,
        "counts": {"train": 12345, "val": 3},
        "tokens": [
            {"token": "x", "count": 1000, "note": None},
            {"token": r"\frac", "count": 2, "note": None},
        ],
        "names": ["one", "two"],
    }


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (Path("a/b"), "a/b"),
        (float("nan"), None),
        (float("inf"), None),
        (frozenset({1}), [1]),
        (InputError("Message.", hint="Hint."), {"code": "input", "message": "Message."}),
        (True, True),
    ],
)
def test_plain_values(value: object, expected: object) -> None:
    assert console.plain(value) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (True, "yes"),
        (12345, "12,345"),
        (0.0, "0.00"),
        (1234.5678, "1,234.57"),
        (0.000123456, "0.000123"),
        ((1, 2.5), "1, 2.50"),
        (None, ""),
        ("a", "a"),
    ],
)
def test_cells(value: object, expected: str) -> None:
    assert console.cell(value) == expected
