import numpy as np

from im2latex_cli.data.predictions import Hypothesis
from im2latex_cli.reading_warning import ReadingWarning
from im2latex_cli.recognition import reader
from im2latex_cli.recognition.reader import find_warnings
from im2latex_cli.vision.ink import Ink

PICTURE = np.full((40, 100), 255, np.uint8)
PICTURE[10:20, 10:20] = 0


def hypothesis(latex: str, *, confidence: float = 0.9, truncated: bool = False) -> Hypothesis:
    return Hypothesis(latex, tuple(latex), -1.0, confidence, truncated=truncated)


def names(*hypotheses: Hypothesis, picture: np.ndarray = PICTURE) -> tuple[str, ...]:
    return find_warnings(Ink(picture), hypotheses)[1]


def test_a_good_reading_is_not_doubted() -> None:
    best, other = hypothesis("a+b"), hypothesis("a", confidence=0.01, truncated=True)
    assert find_warnings(Ink(PICTURE), (best, other)) == ((best, other), ())
    assert find_warnings(Ink(PICTURE), ()) == ((), ())


def test_doubts_have_names() -> None:
    assert names(hypothesis("a", confidence=0.49)) == ("low-confidence",)
    assert names(hypothesis("abc", truncated=True)) == ("truncated",)
    photo = np.full((300, 300), 255, np.uint8)
    photo[50:250, 50:250] = 0
    assert names(hypothesis("a"), picture=photo) == ("not-a-formula",)


def test_circles_are_cut_where_the_length_was_used_up() -> None:
    circling = hypothesis("x=" + "01" * 10, truncated=True)
    (best,), told = find_warnings(Ink(PICTURE), [circling])
    assert (best.latex, best.tokens, told) == ("x=01", ("x", "=", "0", "1"), ("repetition-cut",))
    assert best.score == circling.score
    finished = hypothesis("x=" + "01" * 10)
    assert find_warnings(Ink(PICTURE), [finished]) == ((finished,), ())
    endless = hypothesis("x=" + "01" * 30)
    assert find_warnings(Ink(PICTURE), [endless])[1] == ("repetition-cut",)


def test_what_the_ink_says_is_told(monkeypatch) -> None:
    found = reader.layout.Layout(words=True, formulas=True)
    monkeypatch.setattr(reader.layout, "examine", lambda _: found)
    monkeypatch.setattr(reader.foreign, "is_foreign", lambda _: True)
    told = find_warnings(Ink(PICTURE), [hypothesis("a")], number_cut=True)[1]
    assert told == ("text-around", "several-formulas", "out-of-vocabulary", "number-cut")
    monkeypatch.setattr(reader, "may_be_formula", lambda _: False)
    assert names(hypothesis("a")) == ("not-a-formula", "text-around")


def test_warnings_come_in_the_order_of_the_enumeration(monkeypatch) -> None:
    monkeypatch.setattr(reader.foreign, "is_foreign", lambda _: True)
    doubtful = hypothesis("abc", confidence=0.1, truncated=True)
    found = find_warnings(Ink(PICTURE), [doubtful], number_cut=True)[1]
    assert list(found) == [one for one in ReadingWarning if one in found]
    assert len(found) == 4


def test_every_warning_says_what_to_do() -> None:
    for warning in ReadingWarning:
        assert warning.advice.strip(" .") == warning.advice
        assert "--" not in warning.advice
