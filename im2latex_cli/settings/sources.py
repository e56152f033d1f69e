"""Settings from all sources, merged into one validated tree that knows the origin of each.

Precedence: command line > environment > project file > user file > preset > default.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from pydantic import ValidationError

from im2latex_cli.errors import InputError, SettingsError
from im2latex_cli.settings.reference import leaves, sections
from im2latex_cli.settings.sections import PRESETS, Settings

PREFIX = "IM2LATEX_"
PROJECT_FILE = "im2latex.toml"

DEFAULT = "default"


@dataclass(frozen=True, slots=True)
class SettingValue:
    """One value from one source.

    Attributes:
        name: dotted name of the setting; may be unknown.
        value: the value, not yet validated.
        origin: the source in words, for messages.
    """

    name: str
    value: Any
    origin: str


def process_environment() -> Mapping[str, str]:
    """Return the environment of this process."""
    return os.environ


def assignments(texts: Iterable[str], *, flag: str) -> list[SettingValue]:
    """Read `section.name=value` texts, as `--set` takes them.

    Raises:
        SettingsError: for every text without an equals sign.
    """
    texts = list(texts)
    bad = [text for text in texts if "=" not in text]
    if bad:
        raise SettingsError([f"{flag} {text}: expected section.name=value" for text in bad])
    pairs = [text.partition("=") for text in texts]
    return [
        SettingValue(name.strip(), _decode(name.strip(), value), f"command line {flag}")
        for name, _, value in pairs
    ]


def environment(env: Mapping[str, str]) -> list[SettingValue]:
    """Read the variables `IM2LATEX_SECTION__NAME`; empty ones are ignored.

    A variable without `__` is left to others, unless it names a section or a setting's last part:
    then its writer meant a setting.
    """
    last_parts = {leaf.field for leaf in leaves().values()}
    values = []
    for variable in sorted(env):
        if not variable.upper().startswith(PREFIX) or not env[variable]:
            continue
        path = variable[len(PREFIX) :].lower().split("__")
        if len(path) > 1 or path[0] in last_parts or path[0] in sections():
            name = ".".join(path)
            values.append(
                SettingValue(name, _decode(name, env[variable]), f"environment {variable}")
            )
    return values


def toml_file(path: Path, *, origin: str | None = None) -> list[SettingValue]:
    """Read a settings file.

    Raises:
        InputError: it cannot be read.
        SettingsError: it is not TOML.
    """
    origin = origin or str(path)
    try:
        tree = tomllib.loads(path.read_bytes().decode("utf-8-sig"))
    except OSError as error:
        raise InputError(
            f"Cannot read the settings file {path}: {error.strerror or error}."
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError([f"{origin}: not valid TOML: {error}"]) from error
    values = []
    for section, table in tree.items():
        if isinstance(table, dict):
            values += [
                SettingValue(f"{section}.{name}", value, origin) for name, value in table.items()
            ]
        else:
            values.append(SettingValue(section, table, origin))
    return values


def preset_values(name: str) -> list[SettingValue]:
    """Return the values of a preset of `settings.training`."""
    return [
        SettingValue(f"{section}.{field}", value, f"preset {name}")
        for section, table in PRESETS[name].items()
        for field, value in table.items()
    ]


def _decode(name: str, text: str) -> Any:
    """Convert a text to the type of its setting: `none` to None, JSON or commas to a list.

    Other texts stay texts: validation reads numbers and booleans, and words the errors.
    """
    if name not in leaves():
        return text
    if text.strip().lower() == "none":
        return None
    kind = leaves()[name].type
    if get_origin(kind) is Literal:
        return {str(choice): choice for choice in get_args(kind)}.get(text, text)
    return _decode_list(name, text) if get_origin(kind) is tuple else text


def _decode_list(name: str, text: str) -> Any:
    # Importing it takes 0.1 s, so only import it if there is a list to decode.
    from pydantic_settings import BaseSettings, EnvSettingsSource
    from pydantic_settings import SettingsError as NotJson

    class Variables(Settings, BaseSettings):  # type: ignore[misc]
        """The settings tree in the form that pydantic-settings reads."""

    source = EnvSettingsSource(Variables, env_prefix=PREFIX, env_nested_delimiter="__")
    source.env_vars = {leaves()[name].variable.lower(): text}
    try:
        return source()[leaves()[name].section][leaves()[name].field]
    except NotJson:
        return [part.strip() for part in text.split(",")]


def openmp_threads() -> int | None:
    """The value of OMP_NUM_THREADS, for libraries that do not read it themselves."""
    variable = os.environ.get("OMP_NUM_THREADS", "").split(",")[0]
    return int(variable) if variable.isdecimal() and int(variable) > 0 else None


def limit_openmp_spinning() -> None:
    """Let OpenMP's threads sleep soon when they wait for each other; before torch is imported.

    By default GNU OpenMP, which torch brings on Linux, spins for milliseconds. If other work takes
    one of the cores, the thread that is ahead burns its core until the other one is scheduled
    again, at each of the thousands of products of a training step. The library itself takes this
    number if it has more threads than cores. What users set themselves stays.
    """
    if not {"OMP_WAIT_POLICY", "GOMP_SPINCOUNT"} & os.environ.keys():
        os.environ["GOMP_SPINCOUNT"] = "1000"


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
        return _merge([*preset_values(name), preset], user_values)


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
            layers += toml_file(path, origin=origin)
        except SettingsError as error:
            problems += error.problems
    return _merge([], [*layers, *environment(env or {}), *command_line], problems)


def _files(cwd: Path | None, config: Path | None, user: Path | None) -> Iterator[tuple[Path, str]]:
    """Yield the settings files to read, lowest precedence first, with their names for messages."""
    if user and user.is_file():
        yield user, str(user)
    if config:
        yield config, str(config)
    elif cwd and (cwd / PROJECT_FILE).is_file():
        yield cwd / PROJECT_FILE, PROJECT_FILE


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
