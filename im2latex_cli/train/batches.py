"""Batches of a packed split: bucketed, budgeted, shuffled from the seed, built ahead in threads.

The order of batches is a pure function of seed, settings and cursor, so a resumed run goes on
with exactly the batches that an uninterrupted one would have seen. Augmentation changes the sizes
of pictures, so the pictures of a pool are augmented before they are sorted into batches: sorted by
the sizes that they have in the pack, a quarter of a batch's work would be padding.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import islice

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from im2latex_cli.latex.vocab import BOS, EOS, PAD
from im2latex_cli.network.torch_engine import to_ink
from im2latex_cli.settings.sections import TrainSettings
from im2latex_cli.train.distributed import SINGLE_PROCESS, ProcessGroup
from im2latex_cli.train.losses import GlyphClasses, GlyphTargets, collate
from im2latex_cli.train.optimizer import allowed_length
from im2latex_cli.train.pack import Glyphs, PackedSplit
from im2latex_cli.vision.prepare import UNIT

POOL = 8_192
"""Pictures that are sorted into buckets together; augmented ones of two pools are in memory."""

_WIDTH_STEP = 32
_JITTER = 0.05
"""Spread of the widths that pictures are sorted by, so that batches differ between epochs."""

Indices = NDArray[np.int64]
Augment = Callable[
    [NDArray[np.uint8], Glyphs, np.random.Generator], tuple[NDArray[np.uint8], Glyphs]
]
"""Distorts a picture and moves its glyph rows along."""

Picture = tuple[NDArray[np.uint8], Glyphs]
"""(H, W) grey values and the glyph rows that belong to them."""


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where the stream of batches stands; JSON-ready numbers.

    Attributes:
        epoch: passes over the split that are complete.
        offset: pictures of this epoch's order that went into earlier pools.
        position: batches of the current pool already delivered.
        origin: batches delivered before the current pool was planned.
        allowed: longest formula of the current pool, or 0 if it is not planned yet.
    """

    epoch: int = 0
    offset: int = 0
    position: int = 0
    origin: int = 0
    allowed: int = 0

    @property
    def delivered(self) -> int:
        """Batches delivered in all."""
        return self.origin + self.position


@dataclass(frozen=True, slots=True)
class Batch:
    """One batch on one device.

    Attributes:
        images: (B, 1, H, W) ink, 0 is paper; as bytes where 255 is paper until `to` a GPU.
        sizes: (B, 2) height and width of each picture in pixels.
        ids: (B, T + 1) begin, tokens, end, padding.
        glyphs: where the glyphs stand, or None.
        cursor: the stream's place after this batch.
    """

    images: Tensor
    sizes: Tensor
    ids: Tensor
    glyphs: GlyphTargets | None
    cursor: Cursor

    def __len__(self) -> int:
        return len(self.ids)

    def to(self, device: torch.device) -> Batch:
        """The batch on another device, bytes turned into ink there; waits for nothing.

        On a GPU sizes go along: the network then masks every batch and asks for no answer.
        """
        if device.type == "cpu" and self.images.dtype != torch.uint8:
            return self
        images = self.images.to(device, non_blocking=True)
        return replace(
            self,
            images=to_ink(images) if images.dtype == torch.uint8 else images,
            sizes=self.sizes.to(device, non_blocking=True),
            ids=self.ids.to(device, non_blocking=True),
            glyphs=self.glyphs.to(device) if self.glyphs else None,
        )

    def pinned(self) -> Batch:
        """The batch in memory that a GPU reads by itself while other work goes on."""
        return replace(
            self,
            images=self.images.pin_memory(),
            sizes=self.sizes.pin_memory(),
            ids=self.ids.pin_memory(),
            glyphs=self.glyphs.pinned() if self.glyphs else None,
        )


def plan(
    pool: Indices,
    packed: PackedSplit,
    *,
    pictures: int,
    pixels: int,
    tokens: int,
    random: np.random.Generator,
    sizes: NDArray[np.int64] | None = None,
) -> list[Indices]:
    """Cut a pool of pictures into batches of like size and length, in random order.

    A batch holds at most `pictures` pictures and, padding included, at most `pixels` pixels and
    `tokens` tokens; a picture that alone exceeds a budget gets a batch of its own.

    Args:
        pool: (N,) indices into the split.
        packed: the split.
        pictures: most pictures in a batch.
        pixels: most pixels in a batch.
        tokens: most tokens in a batch.
        random: source of the order.
        sizes: (N, 2) height and width of the pool's pictures, if not those of the pack.
    """
    spread = _JITTER if sizes is None else 0.0
    sizes, lengths = packed.sizes[pool] if sizes is None else sizes, packed.lengths[pool] + 1
    jitter = random.uniform(1 - spread, 1 + spread, len(pool))
    heights, widths = sizes[:, 0], sizes[:, 1]
    high, wide = -(-heights // UNIT[0]), (widths * jitter).astype(np.int64) // _WIDTH_STEP
    order = np.lexsort((lengths, wide, high))
    batches, start, height, width, longest = [], 0, 0, 0, 0
    for end, index in enumerate(order):
        largest = (
            max(height, heights[index]),
            max(width, widths[index]),
            max(longest, lengths[index]),
        )
        count = end - start + 1
        full = (
            count > pictures
            or count * largest[0] * largest[1] > pixels
            or count * largest[2] > tokens
        )
        if count > 1 and full:
            batches.append(pool[order[start:end]])
            start, largest = end, (heights[index], widths[index], lengths[index])
        height, width, longest = largest
    if len(order):
        batches.append(pool[order[start:]])
    return [batches[i] for i in random.permutation(len(batches))]


class BatchStream:
    """An endless stream of batches from a cursor on.

    Args:
        packed: the split.
        settings: batch sizes and the curriculum.
        seed: seed of the order.
        steps: steps of the run, over which the allowed length grows; may be changed later.
        cursor: where to begin.
        classes: glyph classes where glyph losses are wanted.
        augment: distorts a picture and its glyph rows, or None.
        workers: threads that augment pictures and build batches ahead.
        processes: of every batch this process builds its share; a batch of fewer pictures than
            processes holds some twice. Several processes sort pictures by the sizes of the pack,
            so that each augments only its own.
        device: where the batches will go; for a GPU they stay bytes, in pinned memory.
    """

    def __init__(
        self,
        packed: PackedSplit,
        settings: TrainSettings,
        *,
        seed: int,
        steps: int,
        cursor: Cursor | None = None,
        classes: GlyphClasses | None = None,
        augment: Augment | None = None,
        workers: int = 1,
        processes: ProcessGroup = SINGLE_PROCESS,
        device: str = "cpu",
    ) -> None:
        self.packed = packed
        self.steps = steps
        self._settings = settings
        self._seed = seed
        self._cursor = cursor or Cursor()
        self._classes = classes
        self._augment = augment
        self._workers = workers
        self._processes = processes
        self._device = device
        lengths = np.sort(packed.lengths)
        self._shortest = int(lengths[len(lengths) // 10])
        self._longest = int(lengths[-1])

    def __iter__(self) -> Iterator[Batch]:
        workers = ThreadPoolExecutor(self._workers, thread_name_prefix="batches")
        ahead: deque[Future[Batch]] = deque()
        try:
            for indices, cursor, pictures in self._batches(workers):
                ahead.append(workers.submit(self.build, indices, cursor, pictures))
                if len(ahead) > 2 * self._workers:
                    yield ahead.popleft().result()
        finally:
            workers.shutdown(cancel_futures=True)

    def order(self) -> Iterator[tuple[Indices, Cursor]]:
        """Indices of each batch, with the cursor after it; pictures have the sizes of the pack."""
        for indices, cursor, _ in self._batches(None):
            yield indices, cursor

    def _batches(
        self, workers: ThreadPoolExecutor | None
    ) -> Iterator[tuple[Indices, Cursor, Mapping[int, Picture]]]:
        """Indices of each batch, the cursor after it, and pictures that are augmented already.

        The next pool is augmented while the batches of this one are delivered, a slice at a time.

        Args:
            workers: None augments nothing ahead.
        """
        if not self._augments_ahead:
            workers = None
        pool = self._pool(self._cursor)
        pictures = _gather(self._augment_ahead(pool, 2 * self._workers, workers))
        while True:
            batches = self._plan(pool, pictures)
            at = pool.cursor.position
            following = self._pool(replace(pool.after, origin=pool.cursor.origin + len(batches)))
            slices = self._augment_ahead(following, len(batches) - at, workers)
            futures: list[Future[dict[int, Picture]]] = []
            for position in range(at, len(batches)):
                futures += islice(slices, 1)
                last = position + 1 == len(batches)
                here = replace(pool.cursor, position=position + 1)
                yield batches[position], following.cursor if last else here, pictures
            pool, pictures = following, _gather(futures)

    def epoch_batches(self) -> int:
        """Batches of one pass over the whole split, all lengths allowed; about, if it augments."""
        whole = BatchStream(
            self.packed,
            self._settings.model_copy(update={"short_first": 0.0}),
            seed=self._seed,
            steps=self.steps,
        )
        return next(cursor.delivered for _, cursor in whole.order() if cursor.epoch)

    def sample(self) -> list[Indices]:
        """Batches like those still to come, from ten pools between here and the end."""
        done = self._cursor.delivered
        left = max(self.steps * self._settings.accumulate - done, 0)
        cursors = (Cursor(epoch=n, origin=done + left * n // 10) for n in range(10))
        return [indices for cursor in cursors for indices in self._plan(self._pool(cursor), {})]

    def build(
        self, indices: Indices, cursor: Cursor, augmented: Mapping[int, Picture] | None = None
    ) -> Batch:
        """Read, distort, pad and stack this process's pictures of one batch.

        Args:
            indices: the batch.
            cursor: after it.
            augmented: pictures that are distorted already, by their index.
        """
        rank, size = self._processes.rank, self._processes.size
        mine = np.resize(indices, max(len(indices), size))[rank::size]
        ready = augmented or {}
        loaded = [
            ready.get(int(index)) or self._picture(int(index), cursor.epoch) for index in mine
        ]
        pictures, rows = [picture for picture, _ in loaded], [glyphs for _, glyphs in loaded]
        # All processes pad alike where they can, since padding counts in batch normalisation.
        whole = self.packed.sizes[indices].max(axis=0) if self._augment is None else (0, 0)
        grey, sizes = stack(pictures, at_least=(int(whole[0]), int(whole[1])))
        formulas = [self.packed.formula(index) for index in mine]
        targets = collate(rows, formulas, self._classes) if self._classes else None
        if self._device == "cuda":
            return Batch(grey, sizes, pad_ids(formulas), targets, cursor).pinned()
        return Batch(to_ink(grey), sizes, pad_ids(formulas), targets, cursor)

    def _allowed(self, cursor: Cursor) -> int:
        return allowed_length(
            cursor.origin // self._settings.accumulate,
            steps=self.steps,
            short_first=self._settings.short_first,
            shortest=self._shortest,
            longest=self._longest,
        )

    @property
    def _augments_ahead(self) -> bool:
        return self._augment is not None and self._processes.size == 1

    def _picture(self, index: int, epoch: int) -> Picture:
        """One picture as it is trained on in an epoch."""
        picture, glyphs = self.packed.picture(index), self.packed.glyphs_of(index)
        if self._augment is None:
            return picture, glyphs
        random = np.random.default_rng([self._seed, 2, epoch, index])
        return self._augment(picture, glyphs, random)

    def _augment_ahead(
        self, pool: _Pool, slices: int, workers: ThreadPoolExecutor | None
    ) -> Iterator[Future[dict[int, Picture]]]:
        """Hand out the pictures of a pool in so many slices, each when it is asked for."""
        if workers is None:
            return

        def draw(indices: Indices) -> dict[int, Picture]:
            return {int(index): self._picture(int(index), pool.cursor.epoch) for index in indices}

        for indices in np.array_split(pool.indices, max(slices, 1)):
            yield workers.submit(draw, indices)

    def _pool(self, cursor: Cursor) -> _Pool:
        """The pool that begins at `cursor`."""
        cursor = replace(cursor, allowed=cursor.allowed or self._allowed(cursor))
        count = len(self.packed)
        order = np.random.default_rng([self._seed, 0, cursor.epoch]).permutation(count)
        rest = self.packed.lengths[order[cursor.offset :]]
        fitting = np.flatnonzero(rest <= cursor.allowed)[:POOL]
        end = cursor.offset + int(fitting[-1]) + 1 if len(fitting) == POOL else count
        after = Cursor(cursor.epoch, end) if end < count else Cursor(cursor.epoch + 1)
        return _Pool(cursor, order[cursor.offset :][fitting], after)

    def _plan(self, pool: _Pool, pictures: Mapping[int, Picture]) -> list[Indices]:
        """Batches of a pool, by the sizes of its augmented pictures if there are any."""
        sizes = [pictures[int(index)][0].shape for index in pool.indices] if pictures else None
        return plan(
            pool.indices,
            self.packed,
            pictures=self._settings.batch_size,
            pixels=self._settings.batch_pixels,
            tokens=self._settings.batch_tokens,
            random=np.random.default_rng([self._seed, 1, pool.cursor.epoch, pool.cursor.offset]),
            sizes=np.array(sizes, dtype=np.int64) if sizes else None,
        )


@dataclass(frozen=True, slots=True)
class _Pool:
    """Pictures that are sorted into batches together.

    Attributes:
        cursor: where it begins; `position` and later batches are still to be delivered.
        indices: (N,) into the split.
        after: where the next pool begins, without `origin` and `allowed`.
    """

    cursor: Cursor
    indices: Indices
    after: Cursor


def _gather(futures: Iterable[Future[dict[int, Picture]]]) -> dict[int, Picture]:
    """All pictures; every future is taken, and so begun, before the first is waited for."""
    return {
        index: picture for future in list(futures) for index, picture in future.result().items()
    }


def stack(
    pictures: Sequence[NDArray[np.uint8]], *, at_least: tuple[int, int] = (0, 0)
) -> tuple[Tensor, Tensor]:
    """Put pictures at the top left of one frame, as `to_batch` does, and leave them bytes.

    Args:
        pictures: (H, W) each, 255 is paper.
        at_least: height and width that the frame has at least.

    Returns:
        (B, 1, H, W) bytes and (B, 2) sizes.
    """
    sizes = np.array([picture.shape for picture in pictures], dtype=np.int64)
    height, width = -(-np.maximum(sizes.max(axis=0), at_least) // UNIT) * UNIT
    batch = np.full((len(pictures), 1, int(height), int(width)), 255, dtype=np.uint8)
    for slot, picture in zip(batch, pictures, strict=True):
        slot[0, : picture.shape[0], : picture.shape[1]] = picture
    return torch.from_numpy(batch), torch.from_numpy(sizes)


def pad_ids(formulas: list[list[int]]) -> Tensor:
    """(B, T + 1) begin, tokens, end, padding."""
    longest = max(map(len, formulas), default=0)
    rows = np.full((len(formulas), longest + 2), PAD, dtype=np.int64)
    for row, formula in zip(rows, formulas, strict=True):
        row[: len(formula) + 2] = [BOS, *formula, EOS]
    return torch.from_numpy(rows)
