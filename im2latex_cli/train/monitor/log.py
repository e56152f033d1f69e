"""What a run writes down: metrics.jsonl and TensorBoard events, cut back on resume."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.tensorboard import SummaryWriter

from im2latex_cli import files

METRICS = "metrics.jsonl"

SAMPLE = 20_000
"""Values of a tensor that make up its histogram, about."""

LARGEST = 1e19
"""The bins of TensorBoard's histograms end a little above."""

Row = Mapping[str, float | int | str]


class RunLog:
    """The log of one run folder.

    Args:
        folder: the run folder.
        step: steps that the run has behind it; later rows of an interrupted run are dropped.
    """

    def __init__(self, folder: Path, *, step: int = 0) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / METRICS
        rows = [row for row in read_metrics(path) if int(row["step"]) <= step] if step else []
        files.write_jsonl(path, rows)
        if not step:
            for old in folder.glob("events.out.tfevents.*"):
                old.unlink()
        self._rows = path.open("a", encoding="utf-8", newline="\n")
        self._board = SummaryWriter(str(folder), purge_step=step + 1 if step else None)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._rows.close()
        self._board.close()

    def row(self, kind: str, step: int, values: Row) -> None:
        """Write one row; its numbers also become TensorBoard scalars named `kind/name`."""
        record = {"step": step, "kind": kind, **values}
        self._rows.write(json.dumps(record, ensure_ascii=False) + "\n")
        self._rows.flush()
        for name, value in values.items():
            if not isinstance(value, str):
                self._board.add_scalar(f"{kind}/{name}", value, step)

    def example(
        self, number: int, step: int, picture: NDArray[np.uint8], *, reference: str, hypothesis: str
    ) -> None:
        """Show one picture with its reading.

        Args:
            number: which of the examples.
            step: steps done.
            picture: (H, W) grey.
            reference: the formula.
            hypothesis: the prediction.
        """
        self._board.add_image(f"example/{number}", picture[None], step)
        text = f"read: `{hypothesis}`  \nwritten: `{reference}`"
        self._board.add_text(f"example/{number}", text, step)

    def attention(self, number: int, step: int, shown: NDArray[np.uint8]) -> None:
        """Show the attention of an example's tokens, (3, H, W) RGB."""
        self._board.add_image(f"attention/{number}", shown, step)

    def histograms(self, kind: str, step: int, values: Mapping[str, Tensor]) -> None:
        """Show how tensors' values are spread; those that are no numbers are left out."""
        for name, tensor in values.items():
            flat = tensor.detach().flatten().float().clamp(-LARGEST, LARGEST)
            sound = flat[torch.isfinite(flat)][:: max(1, flat.numel() // SAMPLE)]
            if len(sound):
                self._board.add_histogram(f"{kind}/{name}", sound.cpu().numpy(), step)

    def flush(self) -> None:
        """Bring everything to disk."""
        self._rows.flush()
        self._board.flush()


class SilentLog:
    """The log of a process that does not lead: nothing is written."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def row(self, kind: str, step: int, values: Row) -> None:
        """Write nothing."""

    def example(
        self, number: int, step: int, picture: NDArray[np.uint8], *, reference: str, hypothesis: str
    ) -> None:
        """Show nothing."""

    def attention(self, number: int, step: int, shown: NDArray[np.uint8]) -> None:
        """Show nothing."""

    def histograms(self, kind: str, step: int, values: Mapping[str, Tensor]) -> None:
        """Show nothing."""

    def flush(self) -> None:
        """Bring nothing to disk."""


def read_metrics(path: Path) -> Sequence[dict[str, float | int | str]]:
    """Rows of a metrics file, without a last line that a crash cut short; none without a file."""
    rows = []
    if path.is_file():
        for line in path.read_text(encoding="utf-8").splitlines():
            try:
                rows.append(json.loads(line))
            except ValueError:
                break
    return rows
