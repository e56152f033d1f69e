"""Training of the finder of formulas on typeset pages."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor
from torch.nn import functional

from im2latex_cli.network.finder import TrainableFinder
from im2latex_cli.pages.network import (
    CELL,
    CLASSES,
    DEEPEST,
    EDGE_UNIT,
    LONGEST,
)
from im2latex_cli.pages.regions import Rectangle, RegionKind, hull
from im2latex_cli.vision.prepare import resize

JITTER = (0.75, 1.3)
"""Factors on the size of text, because it is only estimated later."""
CROP = (320, 448)
"""Height and width of a training crop in pixels."""
MOST_TURN = 1.2
"""Degrees by which some crops are turned, as scans are."""
_BLANK = 0.02
"""Weight of a cell without ink in the loss."""
_EDGE_WEIGHT = 1.0
_INK = 0.15
_WARM_UP = 50
_CLIP = 5.0

Grey = NDArray[np.uint8]


@dataclass(frozen=True, slots=True, eq=False)
class TrainingPage:
    """One page of the training set, with text of the finder's size times the largest jitter.

    Attributes:
        picture: (H, W) uint8, 255 is paper.
        boxes: kind and rectangle of each region, in pixels of `picture`.
    """

    picture: Grey
    boxes: tuple[tuple[RegionKind, Rectangle], ...]


@dataclass(frozen=True, slots=True)
class FinderProgress:
    """Where a training is.

    Attributes:
        step: steps done.
        share: of all the training that is planned, 0 to 1.
        loss: mean of the last steps.
    """

    step: int
    share: float
    loss: float


@dataclass(frozen=True, slots=True, eq=False)
class _Crop:
    picture: Grey
    classes: NDArray[np.int64]
    edges: NDArray[np.float32]


def train(
    pages: Sequence[TrainingPage],
    *,
    steps: int,
    batch: int,
    learning_rate: float,
    max_seconds: float,
    seed: int,
    report: Callable[[FinderProgress], None],
) -> TrainableFinder:
    """Train a finder with AdamW and a cosine schedule.

    Args:
        pages: what to train on.
        steps: most steps.
        batch: crops of a step.
        learning_rate: the highest.
        max_seconds: the schedule ends by then.
        seed: of the weights and the crops.
        report: hears of every step.
    """
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    network = TrainableFinder()
    optimizer = torch.optim.AdamW(network.parameters(), lr=learning_rate, weight_decay=0.01)
    started = time.monotonic()
    mean = 0.0
    crops = _crops(pages, rng)
    for step in range(1, steps + 1):
        share = max(step / steps, (time.monotonic() - started) / max_seconds)
        if share > 1:
            break
        rate = min(1.0, step / _WARM_UP) * 0.5 * (1 + math.cos(math.pi * share))
        for group in optimizer.param_groups:
            group["lr"] = learning_rate * max(rate, 0.01)
        loss = _loss(network, [next(crops) for _ in range(batch)])
        optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(network.parameters(), _CLIP)
        optimizer.step()
        mean += (float(loss.detach()) - mean) * max(0.02, 1 / step)
        report(FinderProgress(step, share, mean))
    return network.eval()


def _loss(network: TrainableFinder, crops: Sequence[_Crop]) -> Tensor:
    """Cross-entropy of the classes and -log IoU of the boxes, over cells with ink."""
    ink = torch.from_numpy(np.stack([255 - crop.picture for crop in crops])).float() / 255
    pictures = ink[:, None].contiguous(memory_format=torch.channels_last)
    outputs = network(pictures).permute(0, 2, 3, 1)
    classes = torch.from_numpy(np.stack([crop.classes for crop in crops]))
    edges = torch.from_numpy(np.stack([crop.edges for crop in crops]))
    inked = functional.max_pool2d(pictures, CELL)[:, 0] > _INK
    weight = torch.where(inked, 1.0, _BLANK)
    count = len(CLASSES)
    losses = functional.cross_entropy(
        outputs[..., :count].permute(0, 3, 1, 2), classes, reduction="none"
    )
    total = (losses * weight).sum() / weight.sum()
    shown = inked & (classes == CLASSES.index("display"))
    if not shown.any():
        return total
    distances = EDGE_UNIT * torch.exp(outputs[..., count:][shown].clamp(-LONGEST, LONGEST))
    return total + _EDGE_WEIGHT * _box_loss(distances, edges[shown])


def _box_loss(found: Tensor, true: Tensor) -> Tensor:
    """-log IoU of boxes around the same cell, given as distances (N, 4) to their edges."""
    shared = torch.minimum(found, true)
    intersection = (shared[:, 0] + shared[:, 2]) * (shared[:, 1] + shared[:, 3])
    areas = [(one[:, 0] + one[:, 2]) * (one[:, 1] + one[:, 3]) for one in (found, true)]
    union = areas[0] + areas[1] - intersection
    return -torch.log((intersection + 1.0) / (union + 1.0)).mean()


def _crops(pages: Sequence[TrainingPage], rng: np.random.Generator) -> Iterator[_Crop]:
    """Crops without end: each page once before any comes again."""
    while True:
        for at in rng.permutation(len(pages)):
            yield _crop(pages[at], rng)


def _crop(page: TrainingPage, rng: np.random.Generator) -> _Crop:
    ratio = float(np.exp(rng.uniform(*np.log(JITTER)))) / JITTER[1]
    picture = page.picture if abs(ratio - 1) < 0.02 else resize(page.picture, ratio)
    height, width = CROP
    free = picture.shape[0] - height, picture.shape[1] - width
    top, left = (int(rng.integers(min(0, room), max(0, room) + 1)) for room in free)
    canvas = np.full(CROP, 255, np.uint8)
    y0, x0 = max(0, -top), max(0, -left)
    part = picture[max(0, top) : top + height, max(0, left) : left + width]
    part = part[: height - y0, : width - x0]
    canvas[y0 : y0 + part.shape[0], x0 : x0 + part.shape[1]] = part
    boxes = [(kind, box.scaled(ratio)) for kind, box in page.boxes]
    moved = [
        (kind, Rectangle(box.left - left, box.top - top, box.right - left, box.bottom - top))
        for kind, box in boxes
    ]
    if rng.random() < 0.12:
        canvas, moved = turned(canvas, moved, float(rng.uniform(-MOST_TURN, MOST_TURN)))
    return _Crop(_degraded(canvas, rng), *targets(moved, CROP))


def turned(
    picture: Grey, boxes: Sequence[tuple[RegionKind, Rectangle]], degrees: float
) -> tuple[Grey, list[tuple[RegionKind, Rectangle]]]:
    """Turned a little about the middle; boxes are those around the turned ones."""
    turned = np.asarray(
        Image.fromarray(picture).rotate(degrees, Image.Resampling.BILINEAR, fillcolor=255)
    )
    sine, cosine = math.sin(math.radians(degrees)), math.cos(math.radians(degrees))
    y0, x0 = picture.shape[0] / 2, picture.shape[1] / 2

    def around(box: Rectangle) -> Rectangle:
        xs, ys = (box.left - x0, box.right - x0), (box.top - y0, box.bottom - y0)
        corners = [(x0 + x * cosine + y * sine, y0 - x * sine + y * cosine) for x in xs for y in ys]
        return hull([Rectangle(x, y, x, y) for x, y in corners])

    return turned, [(kind, around(box)) for kind, box in boxes]


def _degraded(picture: Grey, rng: np.random.Generator) -> Grey:
    """Paler, bolder, shaded or noisier, as scans, slides and screens are."""
    ink = (255 - picture).astype(np.float32)
    if rng.random() < 0.08:
        top, left = (int(rng.integers(0, side)) for side in picture.shape)
        shaded = ink[
            top : top + int(rng.integers(20, 200)), left : left + int(rng.integers(60, 448))
        ]
        np.maximum(shaded, rng.uniform(8, 50), out=shaded)
    if rng.random() < 0.5:
        ink *= rng.uniform(0.6, 1.6)
    if rng.random() < 0.2:
        ink += rng.normal(0, rng.uniform(2, 14), picture.shape)
    return (255 - np.clip(ink, 0, 255)).astype(np.uint8)


def targets(
    boxes: Sequence[tuple[RegionKind, Rectangle]], size: tuple[int, int]
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """For each cell its class, and the distances to the edges of its display in pixels.

    Args:
        boxes: kind and rectangle of each region.
        size: height and width of the picture, multiples of 4.
    """
    if size[0] % DEEPEST or size[1] % DEEPEST:
        raise ValueError(f"{size} are no multiples of {DEEPEST}")
    rows, columns = size[0] // CELL, size[1] // CELL
    classes = np.zeros((rows, columns), np.int64)
    edges = np.ones((rows, columns, 4), np.float32)
    y = (np.arange(rows, dtype=np.float32) + 0.5) * CELL
    x = (np.arange(columns, dtype=np.float32) + 0.5) * CELL
    for kind, box in sorted(boxes, key=lambda one: one[0] is not RegionKind.DISPLAY):
        inside_y = (y > box.top - CELL / 2) & (y < box.bottom + CELL / 2)
        inside_x = (x > box.left - CELL / 2) & (x < box.right + CELL / 2)
        if not (inside_y.any() and inside_x.any()):
            continue
        cells = np.ix_(inside_y, inside_x)
        classes[cells] = CLASSES.index(kind.value)
        if kind is RegionKind.DISPLAY:
            yy, xx = np.meshgrid(y[inside_y], x[inside_x], indexing="ij")
            sides = (xx - box.left, yy - box.top, box.right - xx, box.bottom - yy)
            edges[cells] = np.maximum(np.stack(sides, axis=-1), 1.0)
    return classes, edges
