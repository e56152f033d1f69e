"""Pictures a second of training steps: `fast` against `seed` on the same pictures.

Beside it the share of the matrix rate, measured in the same run: of bf16 on CUDA, of float32 on a
CPU, whose instruction set is named. On CUDA also `base`; then pictures a second that the loader
alone delivers, and the share of a batch's pixels that are not padding. The pictures are those of
`pictures.py`.
`python tests/bench/bench_train.py [--pictures N] [--seconds S] [--device D] [--presets P ...]`.
"""

from __future__ import annotations

import argparse
import os
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
import torch
from pictures import Labelled, describe, labelled
from torch.utils.flop_counter import FlopCounterMode

from im2latex_cli.latex.vocab import Vocab
from im2latex_cli.network.network import Network
from im2latex_cli.network.torch_engine import fast_in_bfloat16
from im2latex_cli.settings.sections import PRESETS, ModelSettings, TrainSettings
from im2latex_cli.train.batches import BatchStream
from im2latex_cli.train.loop import Learner, fit
from im2latex_cli.train.pack import PackedSplit
from im2latex_cli.vision.augment import Augmenter
from im2latex_cli.vision.prepare import Preprocessing, prepare

WARM = 2
"""Steps before the clock starts."""
STEPS = 100_000
"""Of the run that the schedule believes in."""
MATRIX = 8192


@dataclass(frozen=True)
class Pace:
    """What some steps came to: pictures a second, percent of the time that the loader took."""

    rate: float
    loader: float
    steps: int


def packed(pictures: Sequence[Labelled], vocab: Vocab) -> PackedSplit:
    """The pictures as training sees them, in memory."""
    prepared = [prepare(picture, Preprocessing()) for picture, _ in pictures]
    ids = [np.array(vocab.encode(tokens)) for _, tokens in pictures]
    return PackedSplit(
        pixels=np.concatenate([picture.ravel() for picture in prepared]),
        starts=np.cumsum([0, *(picture.size for picture in prepared)]),
        sizes=np.array([picture.shape for picture in prepared]),
        ids=np.concatenate(ids),
        id_starts=np.cumsum([0, *(len(formula) for formula in ids)]),
        glyphs=np.zeros((0, 4), np.float32),
        glyph_starts=np.zeros(len(ids) + 1, np.int64),
        kinds=(),
        names=tuple(map(str, range(len(ids)))),
    )


def settings(name: str) -> tuple[ModelSettings, TrainSettings]:
    preset = PRESETS[name]
    return ModelSettings(**preset["model"]), TrainSettings(**{**preset["train"], "short_first": 0})


def stream(split: PackedSplit, train: TrainSettings, device: torch.device, *, augment: bool):
    return BatchStream(
        split,
        train,
        seed=0,
        steps=STEPS,
        augment=Augmenter(Preprocessing()) if augment else None,
        workers=1 if device.type == "cpu" else 8,
        device=device.type,
    )


def pace(learner: Learner, batches: BatchStream, seconds: float) -> Pace:
    """Train for so long, after a few steps to warm up."""
    reports = fit(learner, batches)
    list(islice(reports, WARM))
    synchronise(learner.device)
    began, count, steps, waited, spent = time.perf_counter(), 0, 0, 0.0, 0.0
    for report in reports:
        count, steps = count + report.pictures, steps + 1
        waited, spent = waited + report.waited, spent + report.seconds
        if time.perf_counter() - began > seconds:
            break
    synchronise(learner.device)
    reports.close()
    return Pace(count / (time.perf_counter() - began), 100 * waited / max(spent, 1e-9), steps)


def synchronise(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize()


def work_of(learner: Learner, batches: BatchStream) -> float:
    """Floating-point operations of a training step, the optimiser's included, for each picture."""
    reports = fit(learner.copy(), batches)
    with FlopCounterMode(display=False) as counter:
        pictures = sum(report.pictures for report in islice(reports, 4))
    reports.close()
    return counter.get_total_flops() / pictures


def matrix_rate(device: torch.device, *, seconds: float = 2.0) -> float:
    """Operations a second of a large matrix product: bf16 on a GPU, float32 on a CPU."""
    side, dtype = (MATRIX, torch.bfloat16) if device.type == "cuda" else (1024, torch.float32)
    left, right = (torch.randn(side, side, device=device, dtype=dtype) for _ in "ab")
    for _ in range(3):
        left @ right
    synchronise(device)
    began, done = time.perf_counter(), 0
    while time.perf_counter() - began < seconds:
        for _ in range(10):
            left @ right
        synchronise(device)
        done += 10
    return 2 * side**3 * done / (time.perf_counter() - began)


def loader_rate(batches: BatchStream, seconds: float) -> tuple[float, float]:
    """Pictures a second that the loader delivers to nobody, and percent of pixels not padding."""
    began, count, pixels, area = time.perf_counter(), 0, 0, 0
    for batch in batches:
        count += len(batch)
        pixels += int(batch.sizes.prod(1).sum())
        area += batch.images.numel()
        if time.perf_counter() - began > seconds:
            break
    return count / (time.perf_counter() - began), 100 * pixels / area


def named(device: torch.device) -> str:
    """The device, what it multiplies with, and whether training takes bfloat16 there."""
    bfloat16 = f"bfloat16 {'used' if fast_in_bfloat16(device) else 'not used'}"
    if device.type == "cuda":
        return f"cuda, {torch.cuda.get_device_name()}, {bfloat16}"
    instructions = torch.backends.cpu.get_cpu_capability()
    return f"{device.type}, {torch.get_num_threads()} threads, {instructions}, {bfloat16}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pictures", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=30.0, help="of each measurement")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--presets", nargs="+", choices=sorted(PRESETS))
    wanted = parser.parse_args()
    device = torch.device(wanted.device)
    cuda = device.type == "cuda"
    pictures = labelled(wanted.pictures)
    vocab = Vocab.build(Counter(one for _, tokens in pictures for one in tokens), min_count=1)
    split = packed(pictures, vocab)
    print(f"{describe(pictures)}; {named(device)}, load {os.getloadavg()[0]:.1f}\n")
    peak = matrix_rate(device)
    dtype, size = ("bf16", MATRIX) if cuda else ("float32", 1024)
    print(f"{dtype} product of {size} x {size} matrices: {peak / 1e12:.3g} Tflop/s\n")
    print("| preset | augmented | parameters | pictures/s | loader | of the matrix rate |")
    print("|---|---|---|---|---|---|", flush=True)
    rates = {}
    for preset in wanted.presets or (["seed", "fast", "base"] if cuda else ["seed", "fast"]):
        dims, train = settings(preset)
        torch.manual_seed(0)
        learner = Learner(Network(dims, len(vocab)), train, steps=STEPS, device=device)
        size = sum(one.numel() for one in learner.network.parameters()) / 1e6
        work = work_of(learner, stream(split, train, device, augment=False))
        for augment in (False,) if preset == "seed" else (False, True):
            found = pace(learner, stream(split, train, device, augment=augment), wanted.seconds)
            share = f"{100 * found.rate * work / peak:.1f} %"
            told = f"{size:.1f} M | {found.rate:,.1f} | {found.loader:.1f} % | {share}"
            print(f"| {preset} | {'yes' if augment else 'no'} | {told} |", flush=True)
            rates.setdefault(preset, found.rate)
    if {"seed", "fast"} <= rates.keys():
        print(
            f"\nfast against seed: {rates['fast'] / rates['seed']:.1f} times the pictures a second"
        )
    for augment in (False, True):
        rate, filled = loader_rate(stream(split, settings("fast")[1], device, augment=augment), 3.0)
        kind = "augmented" if augment else "plain"
        print(f"the loader alone, {kind}: {rate:,.0f} pictures/s, {filled:.0f} % of pixels filled")


if __name__ == "__main__":
    main()
