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
