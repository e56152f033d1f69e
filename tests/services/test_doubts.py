import numpy as np

from im2latex_cli.data.predictions import Hypothesis
from im2latex_cli.services.doubts import doubt

PICTURE = np.full((40, 100), 255, np.uint8)
PICTURE[10:20, 10:20] = 0


def hypothesis(latex: str, *, confidence: float = 0.9, truncated: bool = False) -> Hypothesis:
    return Hypothesis(latex, tuple(latex), -1.0, confidence, truncated=truncated)


def names(*hypotheses: Hypothesis, picture: np.ndarray = PICTURE) -> tuple[str, ...]:
    return doubt(picture, hypotheses)[1]


def test_a_good_reading_is_not_doubted() -> None:
    best, other = hypothesis("a+b"), hypothesis("a", confidence=0.01, truncated=True)
    assert doubt(PICTURE, (best, other)) == ((best, other), ())
    assert doubt(PICTURE, ()) == ((), ())


def test_doubts_have_names() -> None:
    assert names(hypothesis("a", confidence=0.49)) == ("low-confidence",)
    assert names(hypothesis("abc", truncated=True)) == ("truncated",)
    photo = np.full((300, 300), 255, np.uint8)
    photo[50:250, 50:250] = 0
    assert names(hypothesis("a"), picture=photo) == ("not-a-formula",)


def test_circles_are_cut_where_the_length_was_used_up() -> None:
    circling = hypothesis("x=" + "01" * 10, truncated=True)
    (best,), told = doubt(PICTURE, [circling])
    assert (best.latex, best.tokens, told) == ("x=01", ("x", "=", "0", "1"), ("repetition-cut",))
    assert best.score == circling.score
    finished = hypothesis("x=" + "01" * 10)
    assert doubt(PICTURE, [finished]) == ((finished,), ())
    endless = hypothesis("x=" + "01" * 30)
    assert doubt(PICTURE, [endless])[1] == ("repetition-cut",)


def test_what_the_ink_says_is_told(monkeypatch) -> None:
    from im2latex_cli.services import doubts

    found = doubts.layout.Layout(words=True, formulas=True)
    monkeypatch.setattr(doubts.layout, "examine", lambda _: found)
    monkeypatch.setattr(doubts.foreign, "is_foreign", lambda _: True)
    told = doubt(PICTURE, [hypothesis("a")], numbered=True)[1]
    assert told == ("text-around", "several-formulas", "out-of-vocabulary", "number-cut")
    monkeypatch.setattr(doubts, "may_be_formula", lambda _: False)
    assert names(hypothesis("a")) == ("not-a-formula", "text-around")


def test_every_name_is_explained_wherever_it_is_told() -> None:
    from pathlib import Path

    from im2latex_cli import serve
    from im2latex_cli.cli.rows import ADVICE
    from im2latex_cli.serve.openapi import WARNINGS
    from im2latex_cli.services import doubts

    known = {value for name, value in vars(doubts).items() if name.isupper() and name != "UNSURE"}
    assert known == set(WARNINGS) == ADVICE.keys() - {"does-not-render"}
    page = (Path(serve.__file__).parent / "page" / "script.js").read_text(encoding="utf-8")
    assert all(f'"{name}":' in page for name in known)
