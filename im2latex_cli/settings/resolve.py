"""Merge all sources into one validated tree in which every setting knows its origin.

Precedence: command line > environment > project file > user file > preset > default.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any, get_args

from pydantic import ValidationError

from im2latex_cli.errors import SettingsError
from im2latex_cli.settings import sources
from im2latex_cli.settings.reference import leaves, sections
from im2latex_cli.settings.sections import Settings
from im2latex_cli.settings.sources import SettingValue

DEFAULT = "default"


@dataclass(frozen=True, slots=True)
class ResolvedSettings:
    """The settings of one invocation.

    Attributes:
        settings: the validated tree.
        origins: dotted name -> origin of the value, for every setting.
        user_values: all values from users, lowest precedence first; they override a preset.
    """

    settings: Settings
    origins: Mapping[str, str]
    user_values: tuple[SettingValue, ...] = field(default=(), repr=False)

    def with_preset(self, name: str) -> ResolvedSettings:
        """Return the settings with the preset `name`, overridden by all values from users.

        `train.preset` is then `name`, even if it was `auto`.
        """
        if name == "auto":
            return self
        user_values = [g for g in self.user_values if g.name != "train.preset" or g.value == name]
        preset = SettingValue("train.preset", name, f"preset {name}")
        return _merge([*sources.preset(name), preset], user_values)


def resolve(
    command_line: Iterable[SettingValue] = (),
    *,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    config: Path | None = None,
    user: Path | None = None,
) -> ResolvedSettings:
    """Merge all sources and validate the result; without arguments, the defaults.

    Args:
        command_line: values from the command line, which have the highest precedence.
        env: environment variables.
        cwd: folder whose im2latex.toml is read if `config` is None.
        config: settings file to read instead of the project's; must exist.
        user: the user's settings file; may be missing.

    Raises:
        SettingsError: with all problems of all sources.
        InputError: a settings file cannot be read.
    """
    layers: list[SettingValue] = []
    problems: list[str] = []
    for path, origin in _files(cwd, config, user):
        try:
            layers += sources.toml_file(path, origin=origin)
        except SettingsError as error:
            problems += error.problems
    return _merge([], [*layers, *sources.environment(env or {}), *command_line], problems)


def _files(cwd: Path | None, config: Path | None, user: Path | None) -> Iterator[tuple[Path, str]]:
    """Yield the settings files to read, lowest precedence first, with their names for messages."""
    if user and user.is_file():
        yield user, str(user)
    if config:
        yield config, str(config)
    elif cwd and (cwd / sources.PROJECT_FILE).is_file():
        yield cwd / sources.PROJECT_FILE, sources.PROJECT_FILE


def _merge(
    preset: Sequence[SettingValue],
    user_values: Sequence[SettingValue],
    problems: Sequence[str] = (),
) -> ResolvedSettings:
    """Take the last value of each name, then validate."""
    winners = {item.name: item for item in (*preset, *user_values)}
    tree: dict[str, dict[str, Any]] = {name: {} for name in sections()}
    for name in winners.keys() & leaves().keys():
        tree[leaves()[name].section][leaves()[name].field] = winners[name].value
    faults = [*problems, *(_unknown(item) for item in user_values if item.name not in leaves())]
    try:
        settings = Settings.model_validate(tree)
    except ValidationError as error:
        faults += _invalid(error, winners)
    if faults:
        raise SettingsError(faults, hint="`im2latex config init` lists every setting.")
    origins = {name: winners[name].origin if name in winners else DEFAULT for name in leaves()}
    return ResolvedSettings(settings, origins, tuple(user_values))


def _unknown(item: SettingValue) -> str:
    if item.name in sections():
        return f"{item.name}: a section of settings, not a setting ({item.origin})"
    last = item.name.rpartition(".")[2]
    same = [name for name, leaf in leaves().items() if leaf.field == last]
    near = same or get_close_matches(item.name, leaves(), n=1) or _near_last(last)
    guess = f"; did you mean {near[0]}?" if near else ""
    return f"{item.name}: no such setting ({item.origin}){guess}"


def _near_last(last: str) -> list[str]:
    by_last = {leaf.field: name for name, leaf in leaves().items()}
    return [by_last[near] for near in get_close_matches(last, by_last, n=1)]


def _invalid(error: ValidationError, winners: Mapping[str, SettingValue]) -> list[str]:
    return [_problem(detail, winners) for detail in error.errors(include_url=False)]


def _problem(detail: Mapping[str, Any], winners: Mapping[str, SettingValue]) -> str:
    """Describe in one line what is wrong with a setting, or with a section as a whole."""
    name = ".".join(str(part) for part in detail["loc"][:2])
    message = detail["msg"].removeprefix("Value error, ")
    message = message[0].lower() + message[1:]
    if name not in winners:
        return f"{name}: {message}"
    value, origin = detail["input"], winners[name].origin
    choices = [str(choice) for choice in get_args(leaves()[name].type)]
    near = get_close_matches(str(value), choices, n=1)
    guess = f"; did you mean {near[0]}?" if near else ""
    return f"{name}: {message}, got {value!r} ({origin}){guess}"
