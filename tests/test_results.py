from __future__ import annotations

import copy
import json
import pickle
from dataclasses import dataclass, field

from im2latex_cli.results import DETAIL, Score, is_detail, items


@dataclass(frozen=True)
class Result:
    bleu4: Score
    exact: Score | None = None
    spare: Score = field(default=Score(1.0), metadata=DETAIL)
    name: str | None = None


def test_a_score_is_its_figure_with_an_interval() -> None:
    score = Score(42.5, 40.0, 45.0)
    assert score == score.value == 42.5
    assert (score.low, score.high, score.interval) == (40.0, 45.0, (40.0, 45.0))
    assert f"{score:.1f}" == "42.5"
    assert json.dumps(score) == "42.5"
    assert repr(score) == "Score(42.5, 40.0, 45.0)"
    assert Score(1.0).interval is None


def test_a_score_survives_copying() -> None:
    score = Score(42.5, 40.0, 45.0)
    for other in (copy.deepcopy(score), pickle.loads(pickle.dumps(score))):
        assert (type(other), other, other.interval) == (Score, 42.5, (40.0, 45.0))


def test_a_score_is_written_as_a_figure_and_its_interval() -> None:
    assert list(items(Result(Score(9.0, 8.0, 10.0)))) == [
        ("bleu4", 9.0),
        ("bleu4_interval", (8.0, 10.0)),
        ("exact", None),
        ("exact_interval", None),
        ("spare", 1.0),
        ("spare_interval", None),
        ("name", None),
    ]


def test_the_interval_of_a_detail_is_a_detail() -> None:
    result = Result(Score(9.0))
    assert is_detail(result, "spare_interval")
    assert not is_detail(result, "bleu4_interval")
