from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from im2latex_cli.data.sources.entries import SPLITS, Split, hashed_split, own_split, remove_repeats

FORMS = st.lists(st.tuples(st.sampled_from(SPLITS), st.sampled_from("abcdefgh")), max_size=40)


@pytest.mark.parametrize(
    ("name", "split"),
    [("train", "train"), ("Validation", "val"), ("dev", "val"), (" test ", "test")],
)
def test_words_for_splits(name: str, split: Split) -> None:
    assert own_split(name) == split


@pytest.mark.parametrize("name", [None, "", "holdout"])
def test_other_words_mean_no_split(name: str | None) -> None:
    assert own_split(name) is None


def test_shares_come_out_as_asked() -> None:
    counts = Counter(hashed_split(f"x {n}", val_share=0.1, test_share=0.2) for n in range(5000))
    assert counts["test"] == pytest.approx(1000, rel=0.12)
    assert counts["val"] == pytest.approx(500, rel=0.15)


def test_the_hash_is_fixed_for_ever() -> None:
    splits = [hashed_split(str(n), val_share=0.3, test_share=0.3)[:2] for n in range(12)]
    assert splits == ["va", "va", "tr", "va", "te", "tr", "tr", "va", "te", "te", "te", "va"]


@given(st.text(), st.floats(0, 0.4), st.floats(0, 0.4), st.floats(0, 0.2))
def test_a_larger_share_only_takes_from_train(
    text: str, val: float, test: float, more: float
) -> None:
    before = hashed_split(text, val_share=val, test_share=test)
    after = hashed_split(text, val_share=val + more, test_share=test)
    assert after == before or (before, after) == ("train", "val")


@given(FORMS)
def test_each_form_stays_exactly_once_and_never_outside_train_if_train_has_it(
    items: list[tuple[Split, str]],
) -> None:
    kept, removed = remove_repeats(items)
    assert sorted([*kept, *(one.index for one in removed)]) == list(range(len(items)))
    assert kept == sorted(kept)
    forms = [items[index][1] for index in kept]
    assert len(forms) == len(set(forms)) == len({form for _, form in items})
    train = {form for split, form in items if split == "train"}
    assert all(items[index][0] == "train" for index in kept if items[index][1] in train)
    for one in removed:
        assert items[one.kept][1] == items[one.index][1]
        assert one.kept in kept
        assert one.overlap == (items[one.kept][0] != items[one.index][0])


@given(FORMS, FORMS)
def test_formulas_added_behind_move_none_inside_a_split(
    items: list[tuple[Split, str]], more: list[tuple[Split, str]]
) -> None:
    before = set(remove_repeats(items)[0])
    after = set(remove_repeats([*items, *more])[0])
    new_train = {form for split, form in more if split != "test"}
    for index in before - after:
        assert items[index][1] in new_train
