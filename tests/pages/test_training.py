"""Targets and training of the finder, and the commands around it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from im2latex_cli.errors import InputError, UsageError
from im2latex_cli.pages import store
from im2latex_cli.pages.finder import find_by_rules
from im2latex_cli.pages.network import CELL, CLASSES
from im2latex_cli.pages.regions import Rectangle, Region, RegionKind, match
from im2latex_cli.progress import SilentReporter
from im2latex_cli.settings.sections import Settings
from im2latex_cli.vision.finish import encode_png

pytest.importorskip("torch")


def test_targets_name_the_class_and_the_edges_of_each_cell() -> None:
    from im2latex_cli.train.finder import targets

    display, number = Rectangle(20, 10, 60, 30), Rectangle(50, 12, 58, 20)
    classes, edges = targets([(RegionKind.NUMBER, number), (RegionKind.DISPLAY, display)], (64, 64))
    assert classes.shape == (64 // CELL, 64 // CELL)
    assert classes[4, 6] == CLASSES.index("display")
    assert classes[3, 13] == CLASSES.index("number")  # over the display
    assert classes[0, 0] == 0
    x, y = (6 + 0.5) * CELL, (4 + 0.5) * CELL
    assert edges[4, 6] == pytest.approx((x - 20, y - 10, 60 - x, 30 - y))


def test_targets_need_whole_cells() -> None:
    from im2latex_cli.train.finder import targets

    with pytest.raises(ValueError, match="multiples of 64"):
        targets([], (32, 64))


def test_small_regions_weigh_more() -> None:
    from im2latex_cli.train.finder import REGION_WEIGHTS, region_weights

    small, large = Rectangle(4, 4, 12, 12), Rectangle(0, 64, 640, 320)
    boxes = [(RegionKind.NUMBER, small), (RegionKind.DISPLAY, large)]
    weights = region_weights([*boxes, (RegionKind.INLINE, Rectangle(40, 4, 60, 12))], (320, 640))
    assert (weights[2, 2], weights[40, 80]) == pytest.approx(REGION_WEIGHTS[::-1])
    assert weights[2, 12] == weights[10, 10] == 1  # inline formulas and text
    assert region_weights([(RegionKind.DISPLAY, Rectangle(-90, 4, -50, 20))], (64, 64)).min() == 1


def test_hard_pages_are_drawn_more_often() -> None:
    from im2latex_cli.train.finder import CropSampler, TrainingPage

    page = TrainingPage(np.full((64, 64), 255, np.uint8), ())
    sampler = CropSampler([page] * 4, np.random.default_rng(0))
    first = sampler.draw(64)
    sampler.learn(first, [9.0 if crop.page == 2 else 0.1 for crop in first])
    drawn = [crop.page for crop in sampler.draw(256)]
    assert drawn.count(2) > 100
    assert set(drawn) == {0, 1, 2, 3}


def test_text_may_be_inline_where_inline_formulas_are_not_labelled() -> None:
    import torch

    from im2latex_cli.train.finder import class_losses

    logits = torch.tensor([0.0, -9.0, -9.0, 5.0]).expand(2, 1, 1, 4)
    labelled = torch.tensor([True, False])[:, None, None]
    text, display = (
        class_losses(logits, torch.full((2, 1, 1), at), labelled)[:, 0, 0] for at in (0, 1)
    )
    assert text[0] > 5
    assert text[1] < 0.01
    assert display[0] == display[1] > 10


def test_a_training_begins_with_given_weights() -> None:
    import torch

    from im2latex_cli.network.finder import TrainableFinder

    torch.manual_seed(0)
    ink = torch.rand(2, 1, 64, 128)
    first = TrainableFinder()
    first(ink)  # sets the statistics of its normalisation
    second = TrainableFinder()
    second.load_folded(first.eval().weights(), ink)
    assert torch.allclose(second.eval()(ink), first(ink), atol=0.02)
    again = second.weights()
    for name, weight in first.weights().items():
        assert again[name] == pytest.approx(weight, abs=0.01)


def made(root: Path, split: str, count: int) -> None:
    """Pages with a line of large bars, which are displays, among lines of small ones."""
    rng = np.random.default_rng(count)
    rows = []
    for number in range(count):
        page = np.full((320, 448), 255, np.uint8)
        regions = []
        for top in range(20, 290, 30):
            if rng.random() < 0.3:
                left = int(rng.integers(120, 200))
                for at in range(8):
                    page[top : top + 14, left + 20 * at : left + 20 * at + 3] = 0
                box = Rectangle(left, top, left + 143, top + 14)
                regions.append(Region(RegionKind.DISPLAY, box, "x"))
            else:
                for at in range(20, 420, 7):
                    page[top : top + 5, at : at + 4] = 0
        folder = root / split
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{number}.png").write_bytes(encode_png(page))
        size = (448, 320)
        rows.append(store.to_row(f"{number}.png", size, regions, dpi=72, layout="a", typeface="b"))
    store.write_rows(root / split, rows)


def test_a_finder_learns_and_is_scored(tmp_path: Path) -> None:
    from im2latex_cli.services import eval_pages, train_finder

    made(tmp_path / "pages", "train", 8)
    made(tmp_path / "pages", "val", 4)
    request = train_finder.FinderRequest(
        data=tmp_path / "pages",
        output=tmp_path / "finder.safetensors",
        steps=60,
        batch=2,
        learning_rate=5e-3,
        max_minutes=2.0,
    )
    told = train_finder.run(Settings(), SilentReporter(), request)
    assert (told.pages, told.steps) == (8, 60)
    assert told.precision > 80
    assert told.recall > 80
    with pytest.raises(UsageError, match="is there already"):
        train_finder.run(Settings(), SilentReporter(), request)
    further = replace(request, output=tmp_path / "b.safetensors", init=request.output, steps=2)
    assert train_finder.run(Settings(), SilentReporter(), further).loss < 2 * told.loss
    scores = eval_pages.run(
        SilentReporter(),
        data=tmp_path / "pages",
        split="val",
        model=tmp_path / "finder.safetensors",
        limit=None,
    )
    assert (scores.precision, scores.recall) == (told.precision, told.recall)
    assert scores.pages == 4
    assert scores.displays > 3


def test_pages_are_read_as_they_were_written(tmp_path: Path) -> None:
    made(tmp_path, "test", 2)
    records = store.read(tmp_path, "test")
    assert store.read(tmp_path / "test", "train") == records  # the folder itself
    assert [record.image.name for record in records] == ["0.png", "1.png"]
    assert all(region.formula == "x" for record in records for region in record.regions)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ({"file_name": "a.png"}, "no 'regions'"),
        ({"file_name": "../a.png", "regions": []}, "broken line"),
        ({"file_name": "a.png", "regions": [{"kind": "poem", "box": [1, 2, 3, 4]}]}, "broken line"),
        ({"file_name": "a.png", "regions": [{"kind": "display", "box": [1, 2]}]}, "broken line"),
    ],
)
def test_broken_metadata_names_the_line(tmp_path: Path, line: dict, said: str) -> None:
    (tmp_path / "metadata.jsonl").write_text(json.dumps(line) + "\n")
    with pytest.raises(InputError, match=r"metadata\.jsonl, line 1") as caught:
        store.read(tmp_path, "test")
    assert said in str(caught.value)


def test_no_data_set(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="There is no data set of pages"):
        store.read(tmp_path, "test")


def test_rules_find_a_display_between_lines_of_words() -> None:
    page = np.full((300, 600), 255, np.uint8)
    for top in (20, 40, 200, 220):
        for at in range(20, 560, 7):
            page[top : top + 8, at : at + 5] = 0
    for at in range(6):  # no letters: far apart, and high
        page[110 : 134 - at, 200 + 20 * at : 206 + 20 * at] = 0
    found = [one.box for one in find_by_rules(page)]
    assert match(found, [Rectangle(200, 110, 306, 134)]).right == 1


def test_boxes_turn_with_their_crop() -> None:
    from im2latex_cli.train.finder import CROP, turned

    picture = np.full(CROP, 255, np.uint8)
    box = Rectangle(300, 60, 400, 80)
    picture[60:80, 300:400] = 0
    for degrees in (-3.0, 3.0):
        ink, ((kind, around),) = turned(picture, [(RegionKind.DISPLAY, box)], degrees)
        rows, columns = np.nonzero(ink < 128)
        inked = (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
        assert kind is RegionKind.DISPLAY
        assert around == pytest.approx(inked, abs=1.5)
