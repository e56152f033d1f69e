"""A preset slides between the defaults and what users set."""

from __future__ import annotations

from typing import Any, TypeVar

from im2latex_cli.settings.sections import Section
from im2latex_cli.settings.training import PRESETS
from im2latex_cli.settings.tree import Settings

SMALL_BELOW = 2_000
"""Training pictures below which `auto` takes the preset `small`."""

_Section = TypeVar("_Section", bound=Section)


def with_preset(settings: Settings, pictures: int) -> Settings:
    """Settings in which every leaf that nobody set has the preset's value.

    Args:
        settings: what users set; `train.preset` names the preset.
        pictures: size of the train split, which decides where the preset is `auto`.
    """
    name = settings.train.preset
    if name == "auto":
        name = "small" if pictures < SMALL_BELOW else "fast"
    preset = PRESETS[name]
    train = _slide(settings.train, {**preset["train"]}).model_copy(update={"preset": name})
    return settings.model_copy(
        update={"model": _slide(settings.model, preset["model"]), "train": train}
    )


def _slide(section: _Section, values: dict[str, Any]) -> _Section:
    given = {name: getattr(section, name) for name in section.model_fields_set}
    return type(section).model_validate({**values, **given})
