"""The run folder: results/NAME with its model files and the state for going on."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.tensorboard import SummaryWriter

from im2latex_cli import checkpoints, files
from im2latex_cli.checkpoints import ModelFile
from im2latex_cli.errors import InputError, UsageError
from im2latex_cli.latex.vocab import Vocab
from im2latex_cli.runs import BEST, LAST, SETTINGS, STATE, VOCAB
from im2latex_cli.settings.reference import to_toml
from im2latex_cli.settings.sections import Settings
from im2latex_cli.settings.sources import ResolvedSettings
from im2latex_cli.train.run_state import RunState

METRICS = "metrics.jsonl"

SAMPLE = 20_000
"""Values of a tensor that make up its histogram, about."""

LARGEST = 1e19
"""The bins of TensorBoard's histograms end a little above."""

Row = Mapping[str, float | int | str]


@dataclass(frozen=True, slots=True)
class RunFolder:
    """Paths and files of one run.

    Attributes:
        path: the folder.
        writes: whether this process writes; of several that train together one does.
    """

    path: Path
    writes: bool = True

    @property
    def best(self) -> Path:
        """The model with the best evaluation."""
        return self.path / BEST

    @property
    def last(self) -> Path:
        """The model of the last evaluation or interruption."""
        return self.path / LAST

    @property
    def state(self) -> Path:
        """The state that a resumed run continues from."""
        return self.path / STATE

    def exists(self) -> bool:
        """Whether a run has left anything that a new one would overwrite."""
        return self.state.is_file() or self.best.is_file()

    def clear(self) -> None:
        """Remove the files of an earlier run; others stay."""
        for name in (BEST, LAST, STATE) if self.writes else ():
            (self.path / name).unlink(missing_ok=True)

    def describe(self, resolved: ResolvedSettings, vocab: Vocab) -> None:
        """Write settings.toml and vocab.json."""
        if not self.writes:
            return
        files.write_text(self.path / SETTINGS, to_toml(resolved.settings, resolved.origins))
        vocab.save(self.path / VOCAB)

    def save_model(self, model: ModelFile, *, best: bool) -> None:
        """Write last.safetensors, and best.safetensors if it is the best so far."""
        if self.writes:
            checkpoints.save(self.path / LAST, model)
        if self.writes and best:
            checkpoints.save(self.path / BEST, model)

    def save_state(self, tensors: Mapping[str, Tensor], state: RunState) -> None:
        """Write the state, whole or not at all."""
        if self.writes:
            checkpoints.write_tensors(self.state, tensors, state.to_json())

    def load_state(self) -> tuple[dict[str, Tensor], RunState]:
        """Read the state.

        Raises:
            CheckpointError: it is damaged or of a newer format.
        """
        tensors, record = checkpoints.read_tensors(self.state, kind="state")
        return tensors, RunState.from_json(record, name=str(self.state))

    def state_to_resume(
        self,
        settings: Settings,
        data: str,
        *,
        resume: bool,
        force: bool,
    ) -> tuple[dict[str, Tensor], RunState] | None:
        """Return the state to resume from, or None if a run begins anew.

        Args:
            settings: those of the requested run.
            data: key of its packed train split.
            resume: whether the user asked to resume.
            force: whether the user asked to begin anew.

        Raises:
            UsageError: the folder holds a run with other settings, or one that may be neither
                resumed nor replaced without `resume` or `force`.
            InputError: the folder holds a model, but no state to resume from.
            CheckpointError: the state is damaged.
        """
        if force or not self.exists():
            return None
        if not self.state.is_file():
            if resume:
                raise InputError(
                    f"{self.path} holds no state to resume from.", hint="`force` begins anew."
                )
            raise UsageError(f"{self.path} holds a model.", hint="`force` replaces it.")
        tensors, state = self.load_state()
        differences = state.differences(settings, data)
        if differences:
            raise UsageError(
                f"{self.path} holds a run with other {', '.join(differences)}.",
                hint="`force` begins anew, `output` takes another folder.",
            )
        if resume or state.finished_as(settings):
            return tensors, state
        finished = state.history.finished
        what = "a finished run of another length" if finished else "an unfinished run"
        raise UsageError(
            f"{self.path} holds {what}.",
            hint="`resume` continues it, `force` begins anew, `output` takes another folder.",
        )


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

    def attention(self, number: int, step: int, picture: NDArray[np.uint8]) -> None:
        """Show the attention of an example's tokens, (3, H, W) RGB."""
        self._board.add_image(f"attention/{number}", picture, step)

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

    def attention(self, number: int, step: int, picture: NDArray[np.uint8]) -> None:
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
