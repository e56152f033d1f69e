"""Whether a run begins, goes on, or is done: what a run folder already holds decides."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from im2latex_cli.errors import InputError, UsageError
from im2latex_cli.settings.reference import values
from im2latex_cli.settings.tree import Settings
from im2latex_cli.train.run.folder import RunFolder

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
    extra: Mapping[str, Any],
    *,
    resume: bool,
    force: bool,
) -> tuple[dict[str, Tensor], dict[str, Any]] | None:
    """The state to go on from, or None where a run begins.

    Args:
        folder: the run folder.
        settings: how long the run shall be.
        extra: settings and data of this run, as `bound` and the pack's key give them.
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
            raise InputError(f"{folder.path} holds no state to resume from.", hint="Take --force.")
        raise UsageError(f"{folder.path} holds a model.", hint="--force replaces it.")
    tensors, header = folder.load_state()
    changed, done = _changed(header, extra), bool(header["memory"]["finished"])
    if changed:
        raise UsageError(
            f"{folder.path} holds a run with other {', '.join(changed)}.",
            hint="--force begins anew, --output takes another folder.",
        )
    if resume or finished(header, settings):
        return tensors, header
    what = "a finished run of another length" if done else "an unfinished run"
    raise UsageError(
        f"{folder.path} holds {what}.",
        hint="--resume goes on with it, --force begins anew, --output takes another folder.",
    )


def finished(header: Mapping[str, Any], settings: Settings) -> bool:
    """Whether a run is done, and not asked to be longer or shorter than it was."""
    asked = (settings.train.epochs, settings.train.max_minutes)
    return bool(header["memory"]["finished"]) and asked == (
        header["epochs"],
        header["max_minutes"],
    )


def _changed(header: Mapping[str, Any], extra: Mapping[str, Any]) -> list[str]:
    # a setting that the run's version did not have yet had its default
    before, now = bound(Settings()) | header["settings"], extra["settings"]
    names = sorted(name for name in before.keys() | now.keys() if before.get(name) != now.get(name))
    return names + (["data"] if header["data"] != extra["data"] else [])
