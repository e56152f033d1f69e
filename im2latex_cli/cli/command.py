"""`@command`: gives a function its setting flags and the options that all commands share.

A command's function takes its `Session` and its own arguments, or one dataclass of them; it returns
the service's result. Flags that only set a setting are not in its signature: their type, help and
default come from the settings tree. An exception becomes a message and an exit code here and
nowhere else.
"""

from __future__ import annotations

import inspect
import os
import sys
import traceback
from collections.abc import Callable, Mapping
from dataclasses import is_dataclass
from inspect import Parameter
from typing import Annotated, Any, Literal, get_args, get_origin

import typer
from typer.core import TyperCommand, TyperGroup

from im2latex_cli.cli import console, show
from im2latex_cli.cli.console import register
from im2latex_cli.cli.session import SHARED_PANEL, Session, SharedOptions
from im2latex_cli.errors import (
    EXIT_INTERRUPTED,
    Im2LatexError,
    InputError,
    Interrupted,
    SettingsError,
    UsageError,
)
from im2latex_cli.settings.reference import Leaf, leaves, to_value
from im2latex_cli.settings.sources import SettingValue, limit_openmp_spinning

EXIT_BROKEN_PIPE = 141
"""As a shell reports a process that SIGPIPE ended."""

_ParserError: type[Exception] = typer.BadParameter.__mro__[1]
"""What the argument parser raises, wherever Typer keeps its parser."""


class PlainFlagsCommand(TyperCommand):
    """A command in whose help neither flags, which take no value, nor arguments have a type."""

    def get_params(self, ctx: Any) -> list[Any]:
        """Return the parameters; flags and arguments have an empty type."""
        return _without_types(super().get_params(ctx))


class CommandGroup(TyperGroup):
    """Commands under one name; flags have no type here either."""

    def get_params(self, ctx: Any) -> list[Any]:
        """Return the parameters; flags have an empty type."""
        return _without_types(super().get_params(ctx))


class RootGroup(CommandGroup):
    """The root command: runs a subcommand, and explains whatever stops it.

    It looks for `--json` and `--debug` in the raw arguments, because a mistake in these must be
    reported in the requested form too.
    """

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Keep the raw arguments, then parse them."""
        ctx.obj = args[: args.index("--")] if "--" in args else list(args)
        return super().parse_args(ctx, args)

    def invoke(self, ctx: Any) -> Any:
        """Run the subcommand; raise only what ends the process quietly."""
        args: list[str] = ctx.obj
        try:
            result = super().invoke(ctx)
            sys.stdout.flush()
        except (typer.Exit, typer.Abort):
            raise
        except BrokenPipeError as error:
            _silence_stdout()
            raise typer.Exit(EXIT_BROKEN_PIPE) from error
        except KeyboardInterrupt as error:
            self._explain(Interrupted("Interrupted."), args)
            raise typer.Exit(EXIT_INTERRUPTED) from error
        except _ParserError as error:
            if "--json" not in args:
                raise
            usage = UsageError(error.format_message())  # type: ignore[attr-defined]
            console.out(show.failure(self._name(args), usage))
            raise
        except Exception as error:
            fault = _fault(error)
            self._explain(fault, args)
            raise typer.Exit(fault.exit_code) from error
        return result

    def _explain(self, error: Im2LatexError, args: list[str]) -> None:
        if "--debug" in args:
            traceback.print_exc()
        message = str(error.args[0])
        if isinstance(error, SettingsError) and len(error.problems) > 1:
            message = "\n  ".join(["These settings are wrong:", *error.problems])
        console.error(message, error.hint)
        if "--json" in args:
            console.out(show.failure(self._name(args), error))

    def _name(self, args: list[str]) -> str:
        """Return the command that `args` name, such as "config init"."""
        group: Any = self
        names = []
        for arg in args:
            if arg in getattr(group, "commands", {}):
                group = group.commands[arg]
                names.append(arg)
        return " ".join(names)


def _without_types(parameters: list[Any]) -> list[Any]:
    for parameter in parameters:
        if getattr(parameter, "is_flag", False) and parameter.metavar is None:
            parameter.metavar = ""
        if parameter.param_type_name == "argument":  # Typer shows `<path>` behind its name
            parameter.display_type_rich = lambda **_: None
    return parameters


def _fault(error: Exception) -> Im2LatexError:
    """Turn any exception into one with a message for the user."""
    if isinstance(error, Im2LatexError):
        return error
    if isinstance(error, ModuleNotFoundError) and error.name == "torch":
        return UsageError("This command needs PyTorch.", hint="Install it: pip install torch.")
    if isinstance(error, OSError) and error.strerror:
        place = f"{error.filename}: " if error.filename else ""
        return InputError(
            f"{place}{error.strerror}.", hint="Check the path, its rights and the free space."
        )
    return Im2LatexError(
        f"This is a bug in im2latex: {type(error).__name__}: {error}",
        hint="Please report it, with the traceback that --debug prints.",
    )


def _silence_stdout() -> None:
    """Let the interpreter's last flush go nowhere, because the reader has gone."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


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
                raise typer.Exit(show.exit_code(result))

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
