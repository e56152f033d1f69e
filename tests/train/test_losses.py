import math

import numpy as np
import pytest
import torch

from im2latex_cli.latex.vocab import PAD
from im2latex_cli.train.losses import (
    GlyphClasses,
    GlyphHead,
    GlyphTargets,
    Mean,
    attention_loss,
    cells_of,
    collate,
    find_classes,
    text_loss,
    token_places,
)
from im2latex_cli.train.pack import PackedSplit

NAN = math.nan


def glyphs(*rows: tuple[float, float, float, float]) -> np.ndarray:
    return np.array(rows, np.float32).reshape(-1, 4)


def test_structure_takes_the_place_of_the_next_glyph() -> None:
    # \frac { a } { b }: the bar belongs to \frac, braces paint nothing.
    marks = glyphs((0, 50, 20, 0), (1, 48, 8, 2), (2, 47, 30, 5))
    places = token_places(marks, 7)
    expected = [(50, 20), (48, 8), (48, 8), (47, 30), (47, 30), (47, 30), (NAN, NAN)]
    assert np.array_equal(places, np.array(expected, np.float32), equal_nan=True)


def test_a_token_of_several_glyphs_stands_at_its_first() -> None:
    places = token_places(glyphs((0, 5, 1, 0), (0, 15, 1, 0), (0, 25, 1, -1)), 1)
    assert places.tolist() == [[5, 1]]


def test_collate_numbers_pictures_and_classes() -> None:
    classes = GlyphClasses(names=(("f", 7),), of_kind=(-1, 1))
    targets = collate([glyphs((1, 4, 5, 0)), glyphs((0, 6, 7, 1))], [[9], [9, 9]], classes)
    assert targets.rows.tolist() == [0, 1]
    assert targets.classes.tolist() == [1, -1]
    assert targets.centres.tolist() == [[4, 5], [6, 7]]
    assert targets.places.shape == (2, 3, 2)
    assert targets.places[0, 0].tolist() == [4, 5]
    assert targets.places[0, 1:].isnan().all(), "the end has no place"
    assert targets.places[1, :2].tolist() == [[6, 7], [6, 7]]


def test_classes_are_the_kinds_that_occur_often(packed: PackedSplit) -> None:
    classes = find_classes(packed, min_count=5)
    assert classes is not None
    assert set(classes.names) == {("font", ord("a")), ("font", ord("b"))}
    assert len(classes) == 3
    again = classes.for_kinds((("font", ord("b")), ("other", 1)))
    assert again.of_kind == (1 + classes.names.index(("font", ord("b"))), -1)


def test_text_loss_skips_padding() -> None:
    logits = torch.randn(1, 3, 5)
    short = text_loss(logits[:, :2], torch.tensor([[3, 4]]), smoothing=0.0)
    padded = text_loss(logits, torch.tensor([[3, 4, PAD]]), smoothing=0.0)
    assert padded.value.item() == pytest.approx(short.value.item())
    assert padded.weight == short.weight == 2


def test_places_fall_into_cells() -> None:
    places = torch.tensor([[0.0, 0.0], [31.9, 15.9], [8.0, 8.0], [99.0, -5.0], [NAN, NAN]])
    cells, known = cells_of(places, grid=(2, 4), frame=(16, 32))
    assert cells[:4].tolist() == [[0, 0], [1, 3], [1, 1], [0, 3]]
    assert known.tolist() == [True, True, True, True, False]


def targets_at(*places: tuple[float, float]) -> GlyphTargets:
    return GlyphTargets(
        rows=torch.zeros(len(places), dtype=torch.long),
        classes=torch.ones(len(places), dtype=torch.long),
        centres=torch.tensor(places),
        places=torch.tensor([places]),
    )


def test_attention_loss_is_small_only_on_the_right_cell() -> None:
    targets, frame = targets_at((9.0, 1.0), (NAN, NAN)), (16, 32)
    mask = torch.ones(1, 8, dtype=torch.bool)
    right, wrong = torch.zeros(1, 2, 8), torch.zeros(1, 2, 8)
    right[0, 0, 1] = wrong[0, 0, 4] = 20.0
    assert attention_loss(right, mask, targets, grid=(2, 4), frame=frame).value < 1e-3
    assert attention_loss(wrong, mask, targets, grid=(2, 4), frame=frame).value > 10.0


@pytest.mark.parametrize("reason", ["no place", "cell is padding"])
def test_attention_loss_of_nothing_known_is_zero_and_has_a_gradient(reason: str) -> None:
    logits = torch.zeros(1, 1, 8, requires_grad=True)
    mask = torch.ones(1, 8, dtype=torch.bool)
    place = (NAN, NAN) if reason == "no place" else (9.0, 1.0)
    if reason == "cell is padding":
        mask[0, 1] = False
    loss = attention_loss(logits, mask, targets_at(place), grid=(2, 4), frame=(16, 32))
    loss.value.backward()
    assert loss.value.item() == loss.weight.item() == 0.0
    assert logits.grad is not None
    assert not logits.grad.any()


def test_glyph_head_learns_where_the_glyph_stands() -> None:
    torch.manual_seed(0)
    head, features = GlyphHead(4, 2), torch.zeros(1, 4, 2, 4)
    features[0, :, 0, 1] = 1.0
    frame, targets = (16, 32), targets_at((9.0, 1.0))
    optimizer = torch.optim.Adam(head.parameters(), lr=0.1)
    first = head(features, targets, frame).value.item()
    for _ in range(60):
        optimizer.zero_grad()
        loss = head(features, targets, frame).value
        loss.backward()
        optimizer.step()
    assert loss.item() < 0.1 * first
    named = head.classify(features).argmax(1)[0]
    assert named.tolist() == [[0, 1, 0, 0], [0, 0, 0, 0]]


@pytest.mark.parametrize("split", [1, 2, 3])
def test_weighted_means_of_parts_make_up_the_mean_of_the_whole(split: int) -> None:
    torch.manual_seed(split)
    head, features = GlyphHead(4, 3), torch.randn(4, 4, 2, 4)
    places = torch.rand(4, 2, 2) * 16
    places[0] = NAN
    rows = torch.arange(4).repeat_interleave(2)
    classes = torch.tensor([1, 2, -1, 1, 0, 2, 1, 1])
    logits, ids = torch.randn(4, 2, 7), torch.tensor([[4, 5], [6, PAD], [4, 4], [PAD, PAD]])
    mask, looked = torch.ones(4, 8, dtype=torch.bool), torch.randn(4, 2, 8)

    def losses(part: slice) -> list[Mean]:
        inside = (rows >= part.start) & (rows < part.stop)
        targets = GlyphTargets(
            rows[inside] - part.start, classes[inside], places.flatten(0, 1)[inside], places[part]
        )
        return [
            text_loss(logits[part], ids[part], smoothing=0.1),
            head(features[part], targets, (16, 32)),
            attention_loss(looked[part], mask[part], targets, grid=(2, 4), frame=(16, 32)),
        ]

    whole = losses(slice(0, 4))
    parts = [losses(slice(0, split)), losses(slice(split, 4))]
    for one, pieces in zip(whole, zip(*parts, strict=True), strict=True):
        weight = sum(piece.weight for piece in pieces)
        summed = sum(piece.value.nan_to_num() * piece.weight for piece in pieces)
        assert weight == pytest.approx(one.weight.item())
        assert (summed / weight).item() == pytest.approx(one.value.item(), rel=1e-5)
