from itertools import islice

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from im2latex_cli.latex.vocab import BOS, EOS, PAD
from im2latex_cli.settings.sections import TrainSettings
from im2latex_cli.train.batches import Batch, BatchStream, Cursor, pad_ids, plan
from im2latex_cli.train.pack import Glyphs, PackedSplit


def made_up(sizes: list[tuple[int, int]], lengths: list[int]) -> PackedSplit:
    """A split of blank pictures with formulas of the given lengths."""
    areas = np.cumsum([0] + [height * width for height, width in sizes])
    empty = np.zeros((0, 4), np.float32)
    return PackedSplit(
        pixels=np.full(int(areas[-1]), 255, np.uint8),
        starts=areas,
        sizes=np.array(sizes),
        ids=np.full(sum(lengths), 5),
        id_starts=np.cumsum([0, *lengths]),
        glyphs=empty,
        glyph_starts=np.zeros(len(sizes) + 1, np.int64),
        kinds=(),
        names=tuple(map(str, range(len(sizes)))),
    )


def stream(packed: PackedSplit, cursor: Cursor | None = None, **changes: object) -> BatchStream:
    wanted = TrainSettings(**{"batch_size": 3, **changes})
    return BatchStream(packed, wanted, seed=7, steps=40, cursor=cursor)


SPLIT = made_up([(16 * (1 + i % 3), 32 * (1 + i % 5)) for i in range(30)], [*range(1, 31)])


@given(
    st.lists(st.tuples(st.integers(1, 64), st.integers(1, 200), st.integers(1, 50)), min_size=1),
    st.integers(1, 8),
    st.integers(1, 40_000),
    st.integers(1, 300),
)
@settings(max_examples=50, deadline=None)
def test_plan_keeps_every_picture_once_and_every_budget(
    rows: list[tuple[int, int, int]], pictures: int, pixels: int, tokens: int
) -> None:
    packed = made_up([(h, w) for h, w, _ in rows], [n for *_, n in rows])
    pool = np.arange(len(rows))
    batches = plan(
        pool,
        packed,
        pictures=pictures,
        pixels=pixels,
        tokens=tokens,
        random=np.random.default_rng(0),
    )
    assert sorted(np.concatenate(batches)) == list(pool)
    for batch in batches:
        sizes, lengths = packed.sizes[batch], packed.lengths[batch] + 1
        padded = len(batch) * sizes[:, 0].max() * sizes[:, 1].max()
        fits = len(batch) <= pictures and padded <= pixels and len(batch) * lengths.max() <= tokens
        assert fits or len(batch) == 1


def test_order_is_the_same_for_the_same_seed_and_differs_between_epochs() -> None:
    first = [list(indices) for indices, _ in islice(stream(SPLIT).order(), 30)]
    again = [list(indices) for indices, _ in islice(stream(SPLIT).order(), 30)]
    assert first == again
    count = stream(SPLIT).epoch_batches()
    assert first[:count] != first[count : 2 * count]


def test_an_epoch_shows_every_picture_once() -> None:
    seen = []
    for indices, cursor in stream(SPLIT).order():
        seen += list(indices)
        if cursor.epoch:
            break
    assert sorted(seen) == list(range(30))


@pytest.mark.parametrize("changes", [{}, {"short_first": 0.8}])
def test_stream_goes_on_from_any_cursor(changes: dict[str, object]) -> None:
    whole = list(islice(stream(SPLIT, **changes).order(), 40))
    for done in (1, 7, 13, 25):
        rest = islice(stream(SPLIT, whole[done - 1][1], **changes).order(), 40 - done)
        for (indices, cursor), (wanted, after) in zip(rest, whole[done:], strict=True):
            assert list(indices) == list(wanted)
            assert cursor == after
    assert [cursor.delivered for _, cursor in whole] == list(range(1, 41))


def test_pools_are_exact_where_the_split_is_larger_than_a_pool(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("im2latex_cli.train.batches.POOL", 8)
    test_an_epoch_shows_every_picture_once()
    test_stream_goes_on_from_any_cursor({"short_first": 0.5})


def test_short_formulas_come_first() -> None:
    batches = list(islice(stream(SPLIT, short_first=0.5).order(), 60))
    longest = [int(SPLIT.lengths[indices].max()) for indices, _ in batches]
    assert max(longest[:2]) <= 6
    assert max(longest[:10]) < 20
    assert max(longest[30:]) == 30


def resize(
    picture: NDArray[np.uint8], glyphs: Glyphs, random: np.random.Generator
) -> tuple[NDArray[np.uint8], Glyphs]:
    """A picture of another size, of one grey that tells the draw."""
    height, width = (int(side * random.uniform(0.5, 2)) for side in picture.shape)
    return np.full((height, width), random.integers(0, 255), np.uint8), glyphs


def augmented(cursor: Cursor | None = None, **changes: object) -> BatchStream:
    settings = TrainSettings(**{"batch_size": 4, "batch_pixels": 12_000, **changes})
    return BatchStream(SPLIT, settings, seed=7, steps=40, cursor=cursor, augment=resize)


def same(one: Batch, other: Batch) -> bool:
    return torch.equal(one.images, other.images) and torch.equal(one.ids, other.ids)


@pytest.mark.parametrize("pool", [8, 8192])
@pytest.mark.parametrize("changes", [{}, {"short_first": 0.5}])
def test_augmented_batches_go_on_from_any_cursor(
    pool: int, changes: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("im2latex_cli.train.batches.POOL", pool)
    whole = list(islice(augmented(**changes), 40))
    assert [batch.cursor.delivered for batch in whole] == list(range(1, 41))
    for done in (1, 7, 13, 25):
        rest = list(islice(augmented(whole[done - 1].cursor, **changes), 40 - done))
        assert all(map(same, rest, whole[done:]))
        assert [batch.cursor for batch in rest] == [batch.cursor for batch in whole[done:]]


@pytest.mark.parametrize("pool", [8, 8192])
def test_an_augmented_epoch_shows_every_picture_once_and_keeps_the_budgets(
    pool: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("im2latex_cli.train.batches.POOL", pool)
    lengths = []
    for batch in augmented():
        lengths += [int(row.sum()) // 5 for row in batch.ids * (batch.ids == 5)]
        height, width = batch.sizes.max(0).values.tolist()
        assert len(batch) == 1 or len(batch) * height * width <= 12_000
        if batch.cursor.epoch:
            break
    assert sorted(lengths) == list(range(1, 31))


def test_pictures_are_augmented_anew_in_each_epoch() -> None:
    epochs: list[set[float]] = [set(), set(), set()]
    for batch in islice(augmented(), 40):
        before = batch.cursor.epoch - (batch.cursor.position == 0)
        epochs[min(before, 2)] |= {round(float(ink), 6) for ink in batch.images.amax((1, 2, 3))}
    assert len(epochs[0] & epochs[1]) < 15


def test_batches_hold_padded_ids_and_pictures() -> None:
    batch = next(iter(stream(SPLIT)))
    assert batch.images.shape[0] == len(batch) == 3
    for row, ids in zip(batch.sizes, batch.ids, strict=True):
        length = int((ids == 5).sum())
        assert ids.tolist()[: length + 2] == [BOS, *[5] * length, EOS]
        assert (ids[length + 2 :] == PAD).all()
        assert row[0] <= batch.images.shape[2]


def test_an_error_while_building_reaches_the_consumer(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise OSError("disk gone")

    monkeypatch.setattr(BatchStream, "build", fail)
    with pytest.raises(OSError, match="disk gone"):
        next(iter(stream(SPLIT)))


def test_pad_ids_of_empty_formulas() -> None:
    assert torch.equal(pad_ids([[]]), torch.tensor([[BOS, EOS]]))
