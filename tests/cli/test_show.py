from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from im2latex_cli.cli import show
from im2latex_cli.errors import InputError


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
    assert list(show.lines(SCORES)) == [
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
    shown = list(show.lines({"part": scores}))
    assert shown[-1].strip() == "... 2 more"
    assert len(list(show.lines(scores))) == 3 + 1 + 12


def test_plain_has_only_what_json_has() -> None:
    assert show.plain(SCORES) == {
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
    assert show.plain(value) == expected


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
    assert show.cell(value) == expected
