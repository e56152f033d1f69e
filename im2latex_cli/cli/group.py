"""Groups of commands: they run a command, and explain whatever stops it.

An exception becomes a message and an exit code here and nowhere else. This module imports no
settings, so that `--version` starts quickly.
"""

from __future__ import annotations

import os
import sys
import traceback
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from im2latex_cli.cli import console
from im2latex_cli.errors import (
    EXIT_INTERRUPTED,
    Im2LatexError,
    InputError,
    Interrupted,
    SettingsError,
    UsageError,
)

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
            console.out(console.failure(self._name(args), usage))
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
            console.out(console.failure(self._name(args), error))

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
