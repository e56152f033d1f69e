"""Training of the finder of formulas on typeset pages."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor
from torch.nn import functional
from torch.optim.swa_utils import AveragedModel

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
CROP = (512, 448)
"""Height and width of a training crop in pixels: most of a page, with its margins."""
MOST_TURN = 1.2
"""Degrees by which some crops are turned, as scans are."""
BLANK_WEIGHT = 0.02
"""Weight of a cell without ink in the loss; 1 for text."""
REGION_CELLS = 120.0
"""Cells of a region whose cells weigh 1; those of smaller ones weigh more."""
REGION_WEIGHTS = (0.6, 3.0)
"""Least and greatest weight of a region's cells."""
HARD = (0.4, 3.0)
"""How often pages are drawn: their loss over the mean one, up to the second, plus the first."""
DRAWN = 64
"""Pages that are drawn with the same odds."""
AVERAGE = 0.998
"""Share of the averaged weights that a step keeps."""
_EDGE_WEIGHT = 1.0
_INK = 0.15
FIRST_CROPS = 24
"""Crops that set the normalisation of given weights."""
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
    """Part of a page.

    Attributes:
        page: index of the page.
        picture: (H, W).
        classes: (h, w) of each cell.
        edges: (h, w, 4).
        weights: (h, w) of each cell in the loss.
        inline: inline formulas of this page are labelled, as far as is known.
    """

    page: int
    picture: Grey
    classes: NDArray[np.int64]
    edges: NDArray[np.float32]
    weights: NDArray[np.float32]
    inline: bool


def train(
    pages: Sequence[TrainingPage],
    *,
    steps: int,
    batch: int,
    learning_rate: float,
    max_seconds: float,
    seed: int,
    report: Callable[[FinderProgress], None],
    first: Mapping[str, NDArray[np.floating]] | None = None,
) -> TrainableFinder:
    """Train a finder with AdamW and a cosine schedule; its weights are averaged over the steps.

    Args:
        pages: what to train on.
        steps: most steps.
        batch: crops of a step.
        learning_rate: the highest.
        max_seconds: the schedule ends by then.
        seed: of the weights and the crops.
        report: hears of every step.
        first: weights to begin with, as `TrainableFinder.weights` gives them.
    """
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    sampler = CropSampler(pages, rng)
    network = TrainableFinder()
    if first is not None:
        network.load_folded(first, _ink(sampler.draw(FIRST_CROPS)))
    average = AveragedModel(network, avg_fn=_averaged, use_buffers=True)
    optimizer = torch.optim.AdamW(network.parameters(), lr=learning_rate, weight_decay=0.01)
    started = time.monotonic()
    mean = 0.0
    for step in range(1, steps + 1):
        share = max(step / steps, (time.monotonic() - started) / max_seconds)
        if share > 1:
            break
        rate = min(1.0, step / _WARM_UP) * 0.5 * (1 + math.cos(math.pi * share))
        for group in optimizer.param_groups:
            group["lr"] = learning_rate * max(rate, 0.01)
        crops = sampler.draw(batch)
        loss, of_crops = _loss(network, crops)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(network.parameters(), _CLIP)
        optimizer.step()
        average.update_parameters(network)
        sampler.learn(crops, of_crops)
        mean += (float(loss.detach()) - mean) * max(0.02, 1 / step)
        report(FinderProgress(step, share, mean))
    return cast("TrainableFinder", average.module).eval()


def _averaged(average: Tensor, value: Tensor, steps: Tensor | int) -> Tensor:
    """The next moving average of a weight; faster in the first steps, when weights are raw."""
    if not value.is_floating_point():
        return value
    return average.lerp(value, 1 - min(AVERAGE, int(steps) / (20 + int(steps))))


def _ink(crops: Sequence[_Crop]) -> Tensor:
    """(B, 1, H, W), from 0 to 1."""
    ink = torch.from_numpy(np.stack([255 - crop.picture for crop in crops])).float() / 255
    return ink[:, None].contiguous(memory_format=torch.channels_last)


def _loss(network: TrainableFinder, crops: Sequence[_Crop]) -> tuple[Tensor, list[float]]:
    """Cross-entropy of the classes and -log IoU of the boxes; the first alone for each crop."""
    pictures = _ink(crops)
    outputs = network(pictures).permute(0, 2, 3, 1)
    classes = torch.from_numpy(np.stack([crop.classes for crop in crops]))
    edges = torch.from_numpy(np.stack([crop.edges for crop in crops]))
    inked = functional.max_pool2d(pictures, CELL)[:, 0] > _INK
    weight = torch.from_numpy(np.stack([crop.weights for crop in crops]))
    weight = torch.where(inked, weight, BLANK_WEIGHT)
    inline = torch.tensor([crop.inline for crop in crops])[:, None, None]
    losses = weight * class_losses(outputs[..., : len(CLASSES)], classes, inline)
    total = losses.sum() / weight.sum()
    of_crops = (losses.detach().sum((1, 2)) / weight.sum((1, 2))).tolist()
    shown = inked & (classes == CLASSES.index("display"))
    if not shown.any():
        return total, of_crops
    logs = outputs[..., len(CLASSES) :][shown].clamp(-LONGEST, LONGEST)
    boxes = _box_losses(EDGE_UNIT * torch.exp(logs), edges[shown])
    mean = (boxes * weight[shown]).sum() / weight[shown].sum()
    return total + _EDGE_WEIGHT * mean, of_crops


def class_losses(logits: Tensor, classes: Tensor, inline: Tensor) -> Tensor:
    """Cross-entropy of each cell, (B, h, w).

    Args:
        logits: (B, h, w, 4).
        classes: (B, h, w).
        inline: (B, 1, 1), whether inline formulas are labelled; if not, text may be one.
    """
    shares = functional.log_softmax(logits, dim=-1)
    losses = -shares.gather(-1, classes[..., None])[..., 0]
    either = [CLASSES.index("text"), CLASSES.index("inline")]
    lenient = ~inline & (classes == CLASSES.index("text"))
    return torch.where(lenient, -shares[..., either].logsumexp(-1), losses)


def _box_losses(found: Tensor, true: Tensor) -> Tensor:
    """-log IoU of boxes around the same cell, given as distances (N, 4) to their edges."""
    shared = torch.minimum(found, true)
    intersection = (shared[:, 0] + shared[:, 2]) * (shared[:, 1] + shared[:, 3])
    areas = [(one[:, 0] + one[:, 2]) * (one[:, 1] + one[:, 3]) for one in (found, true)]
    union = areas[0] + areas[1] - intersection
    return -torch.log((intersection + 1.0) / (union + 1.0))


class CropSampler:
    """Draws crops of pages; those with a high loss more often.

    Args:
        pages: what to draw from.
        rng: what chooses.
    """

    def __init__(self, pages: Sequence[TrainingPage], rng: np.random.Generator) -> None:
        self._pages = pages
        self._rng = rng
        self._losses = np.ones(len(pages))
        self._next: list[int] = []

    def draw(self, count: int) -> list[_Crop]:
        """So many crops."""
        return [_crop(self._pages[at], at, self._rng) for at in self._indices(count)]

    def learn(self, crops: Sequence[_Crop], losses: Sequence[float]) -> None:
        """Note the losses of crops."""
        for crop, loss in zip(crops, losses, strict=True):
            self._losses[crop.page] += 0.5 * (loss - self._losses[crop.page])

    def _indices(self, count: int) -> Iterator[int]:
        for _ in range(count):
            if not self._next:
                base, most = HARD
                odds = base + np.minimum(self._losses / self._losses.mean(), most)
                drawn = self._rng.choice(len(self._pages), DRAWN, p=odds / odds.sum())
                self._next = [int(at) for at in drawn]
            yield self._next.pop()


def _crop(page: TrainingPage, index: int, rng: np.random.Generator) -> _Crop:
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
    labelled = any(kind is RegionKind.INLINE for kind, _ in page.boxes)
    weights = region_weights(moved, CROP)
    return _Crop(index, _degraded(canvas, rng), *targets(moved, CROP), weights, labelled)


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
        size: height and width of the picture, multiples of 64.
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


def region_weights(
    boxes: Sequence[tuple[RegionKind, Rectangle]], size: tuple[int, int]
) -> NDArray[np.float32]:
    """Weights of cells in the loss: more in small displays and numbers, less in large displays.

    Args:
        boxes: kind and rectangle of each region.
        size: height and width of the picture.
    """
    weights = np.ones((size[0] // CELL, size[1] // CELL), np.float32)
    for kind, box in boxes:
        if kind is RegionKind.INLINE:
            continue
        cells = weights[
            max(0, int(box.top / CELL)) : max(0, math.ceil(box.bottom / CELL)),
            max(0, int(box.left / CELL)) : max(0, math.ceil(box.right / CELL)),
        ]
        if cells.size:
            cells[:] = np.clip(math.sqrt(REGION_CELLS / cells.size), *REGION_WEIGHTS)
    return weights
