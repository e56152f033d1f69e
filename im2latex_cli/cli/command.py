"""`@command`: gives a function its setting flags and the options that all commands share.

A command's function takes its `Session` and its own arguments, or one dataclass of them; it returns
the service's result. Flags that only set a setting are not in its signature: their type, help and
default come from the settings tree.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import is_dataclass
from inspect import Parameter
from typing import Annotated, Any, Literal, get_args, get_origin

import typer

from im2latex_cli.cli import console
from im2latex_cli.cli.console import register
from im2latex_cli.cli.session import SHARED_PANEL, Session, SharedOptions
from im2latex_cli.settings.reference import Leaf, leaves, to_value
from im2latex_cli.settings.sources import SettingValue, limit_openmp_spinning

Body = Callable[..., Any]

SHARED_SETTINGS = {"runtime.seed": "--seed", "runtime.threads": "--threads"}
TORCH_SETTINGS = {"runtime.device": "--device"}
_METAVARS = {int: "N", float: "NUMBER", str: "TEXT"}


def command(
    title: str,
    *,
    settings: Mapping[str, str] | None = None,
    torch: bool = False,
    checks_settings: bool = True,
) -> Callable[[Body], Callable[..., None]]:
    """Turn a command's function into one that Typer can register.

    Args:
        title: the command as typed, with its group's name if it has one.
        settings: dotted setting name -> its flags, as "--output -o".
        torch: the command runs torch, so it takes `--device`.
        checks_settings: bad settings stop the command; not one that could replace a bad file.
    """
    flags = {**(settings or {}), **(TORCH_SETTINGS if torch else {}), **SHARED_SETTINGS}
    names = {f"set_{setting.replace('.', '_')}": setting for setting in flags}

    def decorate(body: Body) -> Callable[..., None]:
        own = list(inspect.signature(body, eval_str=True).parameters.values())[1:]
        annotations = [parameter.annotation for parameter in own]
        request = next((a for a in annotations if isinstance(a, type) and is_dataclass(a)), None)
        if request:
            own = list(inspect.signature(request, eval_str=True).parameters.values())
        shared = list(inspect.signature(SharedOptions, eval_str=True).parameters.values())

        def run(**values: Any) -> None:
            limit_openmp_spinning()
            options = SharedOptions(**{option.name: values.pop(option.name) for option in shared})
            flag_values = [
                SettingValue(setting, values.pop(key), f"command line {flags[setting].split()[0]}")
                for key, setting in names.items()
            ]
            session = Session(title, flag_values, options)
            if checks_settings:
                session.check_settings()
            if options.show_settings:
                session.show_settings()
            elif (result := _call(body, request, session, values)) is not None:
                session.show(result)
                raise typer.Exit(console.exit_code(result))

        _register(own, flags)
        parameters = [*own, *(_flag(key, names[key], flags[names[key]]) for key in names), *shared]
        run.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
            [parameter.replace(kind=Parameter.KEYWORD_ONLY) for parameter in parameters]
        )
        run.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
        run.__doc__ = body.__doc__
        return run

    return decorate


def _call(body: Body, request: type | None, session: Session, values: dict[str, Any]) -> Any:
    return body(session, request(**values)) if request else body(session, **values)


def _register(own: list[Parameter], settings: Mapping[str, str]) -> None:
    """Let messages name the flags of a command's arguments and settings."""
    for setting, spelled in settings.items():
        register(setting, spelled.split()[0])
    for parameter in own:
        for option in getattr(parameter.annotation, "__metadata__", ()):
            # Typer keeps the first name of an annotated option as if it were the default.
            names = (
                getattr(option, "default", None),
                *(getattr(option, "param_decls", None) or ()),
            )
            flag = next((str(name) for name in names if str(name).startswith("--")), None)
            if flag:
                register(parameter.name, flag)


def _flag(key: str, setting: str, flags: str) -> Parameter:
    """Return the parameter that takes `flags`; None, its default, means not given."""
    leaf = leaves()[setting]
    if leaf.type is bool:
        flags = f"{flags}/--no-{flags.removeprefix('--')}"
    choices = get_args(leaf.type) if get_origin(leaf.type) is Literal else ()
    # Typer reads text choices only; validation checks the numbers.
    numbers = bool(choices) and all(isinstance(choice, int) for choice in choices)
    option = typer.Option(
        *flags.split(),
        help=_help(leaf),
        show_default=False,
        metavar="|".join(map(str, choices)) or _METAVARS.get(_item(leaf.type)),
        rich_help_panel=SHARED_PANEL if setting in SHARED_SETTINGS | TORCH_SETTINGS else None,
    )
    kind = int if numbers else leaf.type
    if get_origin(kind) is tuple:
        kind = list[_item(kind)]  # type: ignore[misc]
    return Parameter(
        key, Parameter.KEYWORD_ONLY, default=None, annotation=Annotated[kind | None, option]
    )


def _item(kind: Any) -> Any:
    """The type of one value of a flag that can be repeated."""
    return get_args(kind)[0] if get_origin(kind) is tuple else kind


def _help(leaf: Leaf) -> str:
    """Return the setting's help with its default, which Typer does not know."""
    if leaf.default is None:
        return leaf.help
    repeated = get_origin(leaf.type) is tuple
    default = ", ".join(leaf.default) if repeated else to_value(leaf.default).strip('"')
    return f"{leaf.help}{' Can be repeated.' if repeated else ''} (default: {default})"
