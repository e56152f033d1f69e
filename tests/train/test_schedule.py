import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from im2latex_cli.train.schedule import allowed_length, learning_rate

SEED = {"steps": 150, "peak": 1e-3, "warmup": 2 / 15, "final": 0.1, "kind": "seed"}
COSINE = {"steps": 100, "peak": 2.0, "warmup": 0.1, "final": 0.05, "kind": "cosine"}


@pytest.mark.parametrize(
    ("step", "rate"),
    [(0, 1e-4), (19, 1e-4), (20, 1e-3), (60, 1e-3), (95, 10**-3.5), (130, 1e-4), (149, 1e-4)],
)
def test_seed_warms_up_holds_decays_and_holds(step: int, rate: float) -> None:
    assert learning_rate(step, **SEED) == pytest.approx(rate)


@pytest.mark.parametrize(("step", "rate"), [(0, 0.2), (4, 1.0), (9, 2.0), (10, 2.0), (100, 0.1)])
def test_cosine_warms_up_and_falls_to_the_final_rate(step: int, rate: float) -> None:
    assert learning_rate(step, **COSINE) == pytest.approx(rate)


def test_cosine_is_half_way_between_in_the_middle() -> None:
    assert learning_rate(55, **COSINE) == pytest.approx((2.0 + 0.1) / 2)


@given(
    step=st.integers(0, 1000),
    steps=st.integers(1, 1000),
    warmup=st.floats(0, 1),
    final=st.floats(0, 1),
    kind=st.sampled_from(["seed", "cosine"]),
)
def test_rate_stays_between_nothing_and_the_peak(
    step: int, steps: int, warmup: float, final: float, kind: str
) -> None:
    rate = learning_rate(step, steps=steps, peak=1.0, warmup=warmup, final=final, kind=kind)
    assert math.isfinite(rate)
    assert 0.0 <= rate <= 1.0 + 1e-9


def test_allowed_length_grows_from_short_to_all() -> None:
    lengths = [
        allowed_length(step, steps=100, short_first=0.5, shortest=5, longest=55)
        for step in (0, 25, 49, 50, 99)
    ]
    assert lengths == [5, 30, 54, 55, 55]


def test_without_curriculum_all_lengths_are_allowed_at_once() -> None:
    assert allowed_length(0, steps=9, short_first=0.0, shortest=5, longest=55) == 55
