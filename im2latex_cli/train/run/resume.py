"""Whether a run begins, goes on, or is done: what a run folder already holds decides."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from im2latex_cli.errors import InputError, UsageError
from im2latex_cli.settings.reference import values
from im2latex_cli.settings.tree import Settings
from im2latex_cli.train.run.folder import RunFolder
from im2latex_cli.train.run.run_state import RunState

_FREE = (
    "train.epochs",
    "train.max_minutes",
    "train.session_minutes",
    "train.output",
    "train.compile",
    "train.evaluate_every",
    "train.evaluate_limit",
    "train.patience",
)
"""Settings that a resumed run may change."""

_BOUND = ("model.", "train.", "latex.", "vocab.", "runtime.seed")


def bound(settings: Settings) -> dict[str, Any]:
    """The settings that a run is bound to, JSON-ready, by dotted name."""
    return {
        name: list(value) if isinstance(value, tuple) else value
        for name, value in values(settings).items()
        if name.startswith(_BOUND) and name not in _FREE
    }


def open_state(
    folder: RunFolder,
    settings: Settings,
    data: str,
    *,
    resume: bool,
    force: bool,
) -> tuple[dict[str, Tensor], RunState] | None:
    """The state to go on from, or None where a run begins.

    Args:
        folder: the run folder.
        settings: of the run that is asked for.
        data: key of its packed train split.
        resume: whether going on was asked for.
        force: whether beginning anew was asked for.

    Raises:
        UsageError: the folder holds a run that neither flag nor equality lets us touch.
        InputError: there is nothing to resume from.
        CheckpointError: the state is damaged.
    """
    if force or not folder.exists():
        return None
    if not folder.state.is_file():
        if resume:
            raise InputError(
                f"{folder.path} holds no state to resume from.", hint="`force` begins anew."
            )
        raise UsageError(f"{folder.path} holds a model.", hint="`force` replaces it.")
    tensors, state = folder.load_state()
    changed = _changed(state, settings, data)
    if changed:
        raise UsageError(
            f"{folder.path} holds a run with other {', '.join(changed)}.",
            hint="`force` begins anew, `output` takes another folder.",
        )
    if resume or state.finished_as(settings):
        return tensors, state
    done = state.history.finished
    what = "a finished run of another length" if done else "an unfinished run"
    raise UsageError(
        f"{folder.path} holds {what}.",
        hint="`resume` continues it, `force` begins anew, `output` takes another folder.",
    )


def _changed(state: RunState, settings: Settings, data: str) -> list[str]:
    # a setting that the run's version did not have yet had its default
    before, now = bound(Settings()) | dict(state.settings), bound(settings)
    names = sorted(name for name in before.keys() | now.keys() if before.get(name) != now.get(name))
    return names + (["data"] if state.data != data else [])
