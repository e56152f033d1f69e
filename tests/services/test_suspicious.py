"""Labels whose loss is far above that of their neighbours."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from im2latex_cli.services.suspicious import FEWEST, LEAST, TIMES, find_suspects


def losses(count: int, scale: float) -> list[float]:
    return [float(x) for x in np.random.default_rng(0).lognormal(np.log(scale), 0.3, count)]


def test_labels_of_other_pictures_stand_out() -> None:
    found = losses(300, 0.1)
    found[7], found[200] = 5.0, 6.5
    suspects = find_suspects(found, [10] * 300)
    assert [suspect.index for suspect in suspects] == [200, 7]
    assert suspects[0].loss == 6.5
    assert 0.05 < suspects[0].usual < 0.2


def test_a_model_that_has_learned_nothing_suspects_nobody() -> None:
    assert find_suspects(losses(300, 3.0), list(range(300))) == []


def test_what_is_usual_depends_on_the_length() -> None:
    short, long = losses(200, 1.5), losses(200, 0.1)
    short[3] = long[3] = 4.0
    suspects = find_suspects([*short, *long], [2] * 200 + [40] * 200)
    assert [suspect.index for suspect in suspects] == [203]


def test_few_pictures_have_no_neighbours() -> None:
    assert find_suspects([0.1] * (FEWEST - 2) + [9.0], [5] * (FEWEST - 1)) == []
    assert len(find_suspects([0.1] * (FEWEST - 1) + [9.0], [5] * FEWEST)) == 1
    assert find_suspects([], []) == []


@given(st.lists(st.tuples(st.floats(0, 50), st.integers(1, 300)), max_size=250))
def test_suspects_are_above_both_bounds(rows: list[tuple[float, int]]) -> None:
    values = [loss for loss, _ in rows]
    suspects = find_suspects(values, [length for _, length in rows])
    for suspect in suspects:
        assert suspect.loss == values[suspect.index]
        assert suspect.loss > LEAST
        assert suspect.loss > TIMES * suspect.usual
    assert sorted((-one.loss, one.index) for one in suspects) == [
        (-one.loss, one.index) for one in suspects
    ]
