import io

import numpy as np
import pytest
from PIL import Image

from im2latex_cli.vision.finish import finish
from im2latex_cli.vision.ink import CELLS, SCALES, Ink, count_sizes, save_counts


def resized(page, factor):
    image = Image.fromarray(np.pad(page, 16, constant_values=255))
    size = (round(image.width * factor), round(image.height * factor))
    return np.asarray(image.resize(size, Image.Resampling.LANCZOS))


@pytest.mark.parametrize("factor", [0.5, 0.75, 1.0, 1.5, 2.0, 3.0])
def test_most_scales_are_right_within_20_percent(all_pages, factor):
    dpi = 400
    found = [Ink(resized(page, factor * 100 / dpi)).scale / factor for page in all_pages(dpi)]
    close = [abs(ratio - 1) < 0.2 for ratio in found]
    assert sum(close) >= len(close) - 1, found


def test_finished_pictures_have_scale_one(all_pages):
    found = [Ink(finish(page)[0]).scale for page in all_pages()]
    assert np.median(found) == pytest.approx(1, abs=0.1)
    assert max(abs(np.log(found))) < np.log(1.25)


def test_grey_ink_counts_as_black_does(all_pages):
    page = resized(all_pages()[0], 0.5)
    faint = (255 - (255 - page.astype(int)) * 0.4).astype(np.uint8)
    assert Ink(faint).scale == pytest.approx(Ink(page).scale, rel=0.05)


@pytest.mark.parametrize("shape", [(1, 1), (5, 5), (40, 60)])
def test_nothing_to_go_by(shape):
    assert Ink(np.full(shape, 255, np.uint8)).scale == 1.0


def test_any_blots_give_a_number(blots):
    for seed in range(30):
        assert 0.24 < Ink(blots(30, 50, seed)).scale < 5.1


def test_counts_go_to_the_nearest_table():
    picture = np.full((60, 60), 255, np.uint8)
    picture[10:30, 10:20] = 0
    counts = count_sizes([(picture, 2.1)])
    assert counts.shape == (len(SCALES), CELLS, CELLS)
    assert counts.sum() == 1
    ((table, row, column),) = np.argwhere(counts)
    assert SCALES[table] == 2.0
    assert row > column


def test_counts_survive_a_file(all_pages):
    counts = count_sizes([(page, 2.0) for page in all_pages()])
    buffer = io.BytesIO()
    save_counts(buffer, counts)
    buffer.seek(0)
    assert (np.load(buffer, allow_pickle=False)["counts"] == counts).all()
