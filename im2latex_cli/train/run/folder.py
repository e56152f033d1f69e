"""The run folder: results/NAME with its model files and the state for going on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from im2latex_cli import checkpoints, files
from im2latex_cli.checkpoints import ModelFile
from im2latex_cli.errors import InputError, UsageError
from im2latex_cli.latex.vocab import Vocab
from im2latex_cli.runs import BEST, LAST, SETTINGS, STATE, VOCAB
from im2latex_cli.settings.reference import to_toml
from im2latex_cli.settings.resolve import ResolvedSettings
from im2latex_cli.settings.sections import Settings
from im2latex_cli.train.run.run_state import RunState


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
        changed = state.differences(settings, data)
        if changed:
            raise UsageError(
                f"{self.path} holds a run with other {', '.join(changed)}.",
                hint="`force` begins anew, `output` takes another folder.",
            )
        if resume or state.finished_as(settings):
            return tensors, state
        done = state.history.finished
        what = "a finished run of another length" if done else "an unfinished run"
        raise UsageError(
            f"{self.path} holds {what}.",
            hint="`resume` continues it, `force` begins anew, `output` takes another folder.",
        )
