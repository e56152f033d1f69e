"""Time of `predict`: one picture, batches, the search beside a plain one, and the first answer.

The pictures are those of `pictures.py`. The plain search is the same beam search written candidate
by candidate: one network call a hypothesis, Python tuples, `sorted`; both must find the same.
`python tests/bench/bench_predict.py [--pictures N] [--plain N] [--threads N] [--model M]`.
"""

from __future__ import annotations

import argparse
import math
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from pictures import Labelled, describe, labelled
from PIL import Image

from im2latex_cli import checkpoints
from im2latex_cli.decoding.beam import BeamHypothesis, search
from im2latex_cli.latex.vocab import BOS, EOS
from im2latex_cli.network.network import Network
from im2latex_cli.network.torch_engine import to_batch
from im2latex_cli.recognition.models import find_model
from im2latex_cli.recognition.recognizer import Recognizer
from im2latex_cli.settings.sections import DecodeSettings

WIDTH = 5
MOST = 256
SHAPE, TOKENS = (64, 320), 40
"""Of the single picture, about."""
TRIES = 3


def plain_search(network: Network, picture: np.ndarray) -> BeamHypothesis:
    """The beam search candidate by candidate, ranked by log-probability per id."""
    start = network.start(network.encode(*to_batch([picture])))
    alive: list[tuple[float, tuple[int, ...], tuple[float, ...], Any, bool]]
    alive = [(0.0, (BOS,), (), start, False)]
    for taken in range(MOST):
        if taken and over(alive):
            break
        candidates = []
        for score, ids, scores, state, ended in alive:
            if ended:
                candidates.append((score, ids, scores, state, True))
                continue
            row, after = network.step(torch.tensor([ids[-1]]), state)
            for one, more in enumerate(row[0].tolist()):
                grown = (score + more, (*ids, one), (*scores, more), after, one == EOS)
                candidates.append(grown)
        alive = sorted(candidates, key=lambda one: one[0] / len(one[2]), reverse=True)[:WIDTH]
    best = max(alive, key=lambda one: (one[4], one[0] / len(one[2])))
    return BeamHypothesis(best[1][1 : len(best[1]) - best[4]], best[0], best[2], not best[4])


def over(alive: list[Any]) -> bool:
    """Whether no living hypothesis can still overtake the best that ended."""
    bar = max((score / len(scores) for score, _, scores, _, ended in alive if ended), default=None)
    hopes = [score / MOST for score, _, _, _, ended in alive if not ended]
    return bar is not None and all(hope <= bar for hope in hopes)


@torch.inference_mode()
def against_plain(network: Network, pictures: list[np.ndarray]) -> None:
    began = time.perf_counter()
    plain = [plain_search(network, picture) for picture in pictures]
    slow = time.perf_counter() - began
    began = time.perf_counter()
    state = network.start(network.encode(*to_batch(pictures)))
    start = torch.full((len(pictures),), BOS)
    found = search(start, state, network.step, width=WIDTH, max_steps=MOST, eos=EOS)
    fast = time.perf_counter() - began
    same = sum(one.ids == rows[0].ids for one, rows in zip(plain, found, strict=True))
    print(
        f"\nbeam {WIDTH} of {len(pictures)} pictures: {fast:.2f} s; candidate by candidate "
        f"{slow:.2f} s, {slow / fast:.1f} times as long; {same} of {len(pictures)} found alike"
    )


def median_ms(work: Callable[[], object], *, times: int) -> float:
    work()
    spent = []
    for _ in range(times):
        began = time.perf_counter()
        work()
        spent.append(1000 * (time.perf_counter() - began))
    return statistics.median(spent)


def single(reader: Recognizer, pictures: list[Labelled]) -> None:
    """The picture nearest to `SHAPE` and `TOKENS`, already prepared, again and again."""

    def far(one: Labelled) -> float:
        height, width = one[0].shape
        ratios = (height / SHAPE[0], width / SHAPE[1], len(one[1]) / TOKENS)
        return max(abs(math.log(ratio)) for ratio in ratios)

    picture, tokens = min(pictures, key=far)
    ready = reader.prepare(picture)
    spent = median_ms(lambda: reader.read([ready]), times=15)
    size = " x ".join(map(str, ready.shape))
    print(f"one picture of {size} pixels and {len(tokens)} tokens, warm: {spent:.0f} ms (median)")
    free = Recognizer.load(
        reader.name, device="cpu", backend="torch", decode=DecodeSettings(grammar=False)
    )
    bare = median_ms(lambda: free.read([ready]), times=15)
    print(f"the same without grammar: {bare:.0f} ms")


def batched(model: str, pictures: list[Labelled], **options: Any) -> None:
    for name, width in (("greedy", 1), ("beam 5", WIDTH)):
        reader = Recognizer.load(model, decode=DecodeSettings(beam=width), **options)
        some = [picture for picture, _ in pictures]
        reader(some[:4])
        began = time.perf_counter()
        found = reader(some, nbest=1)
        spent = time.perf_counter() - began
        right = sum(
            rows[0].tokens == tokens for rows, (_, tokens) in zip(found, pictures, strict=True)
        )
        rate = len(some) / spent
        print(
            f"| {options['backend']} | {name} | {rate:.1f} | {right} of {len(some)} |", flush=True
        )


def first_answer(picture: np.ndarray, model: str) -> None:
    """Seconds of whole processes that read one picture, best of three."""
    tool = [sys.executable, "-m", "im2latex_cli", "predict"]
    usage = subprocess.run([*tool, "--help"], capture_output=True, text=True, check=False).stdout
    backends = ["torch", "onnx"] if "--backend" in usage else [""]
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "formula.png"
        Image.fromarray(picture).save(path)
        for backend in backends:
            flags = ["--backend", backend] if backend else []
            spent, code = [], 0
            for _ in range(TRIES):
                began = time.perf_counter()
                command = [*tool, str(path), "--model", model, *flags]
                code = subprocess.run(command, capture_output=True, check=False).returncode
                spent.append(time.perf_counter() - began)
            answer = f"{min(spent):.2f} s" if code == 0 else f"skipped, it exits with {code}"
            print(f"start to first LaTeX, {backend or 'torch'}: {answer}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pictures", type=int, default=200)
    parser.add_argument("--plain", type=int, default=8, help="pictures of the plain search")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--model", default="pretrained")
    wanted = parser.parse_args()
    torch.set_num_threads(wanted.threads)
    pictures = labelled(wanted.pictures)
    print(f"{describe(pictures)}; {wanted.threads} threads, load {os.getloadavg()[0]:.1f}\n")
    options = {"device": "cpu", "threads": wanted.threads, "backend": "torch"}
    reader = Recognizer.load(wanted.model, **options)
    single(reader, pictures)
    print("\n| backend | search | pictures/s | exactly right |")
    print("|---|---|---|---|", flush=True)
    batched(wanted.model, pictures, **options)
    try:
        batched(wanted.model, pictures, **{**options, "backend": "onnx"})
    except Exception as error:  # noqa: BLE001 - whatever keeps it from running here
        print(f"| onnx | skipped: {error} | | |")
    network = checkpoints.load(find_model(wanted.model)).network().eval()
    shapes = [reader.prepare(picture) for picture, _ in pictures[: wanted.plain]]
    against_plain(network, shapes)
    first_answer(pictures[0][0], wanted.model)


if __name__ == "__main__":
    main()
