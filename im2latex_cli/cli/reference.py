"""The reference pages, written from the code: `python -m im2latex_cli.cli.reference [FOLDER]`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer

from im2latex_cli import errors, files
from im2latex_cli.cli import console, python_reference
from im2latex_cli.cli.app import app
from im2latex_cli.cli.group import EXIT_BROKEN_PIPE
from im2latex_cli.cli.session import SHARED_PANEL
from im2latex_cli.settings import reference as settings

FOLDER = Path("docs/reference")
_STREAMS = """Results go to standard output; progress, warnings and errors go to standard error.
Bars appear on a terminal only, and `NO_COLOR` turns colours off. With `--json` a command ends
with one JSON object on standard output:
`{"format": 1, "command": …, "status": "success" | "partial" | "error", "result": …}`; an error has
`"error": {"code", "message", "hint", "exit_code"}` in place of the result.
"""
_CODES = {
    errors.EXIT_OK: "done",
    1: "a bug in im2latex",
    errors.UsageError.exit_code: "wrong flags, arguments or settings",
    errors.InputError.exit_code: "an input is missing, unreadable or empty",
    errors.DownloadError.exit_code: "a download failed or does not match its checksum",
    errors.RendererError.exit_code: "the renderer is absent or cannot run",
    errors.CheckpointError.exit_code: "a model file cannot be used",
    errors.EXIT_PARTIAL: "some of the work failed; the rest is done",
    errors.EXIT_INTERRUPTED: "interrupted by Ctrl-C",
    EXIT_BROKEN_PIPE: "the reader of standard output has gone",
}


def pages() -> dict[str, str]:
    """Return the text of each reference page by its file name."""
    return {
        "cli.md": commands(),
        "python.md": python_reference.page(),
        "settings.md": settings.markdown(),
    }


def commands() -> str:
    """Write the page of all commands."""
    root: Any = typer.main.get_command(app)
    found = list(_walk(root, "im2latex"))
    shared = [option for option in found[0][1].params if _is_shared(option)]
    blocks = [
        "# Commands\n",
        "Written from the code by `python -m im2latex_cli.cli.reference`; do not edit.\n",
        _STREAMS,
    ]
    for name, command in found:
        own = [option for option in command.params if not _is_shared(option)]
        argument = "".join(f" [{o.metavar}]" for o in own if not _is_option(o))
        blocks.append(f"## `{name}`\n\n`{name} [OPTIONS]{argument}`\n\n{_prose(command.help)}\n")
        blocks += _table(own)
    device = next(o for _, command in found for o in command.params if "--device" in o.opts)
    blocks.append("## Options of every command\n\n`--device` where torch runs.\n")
    blocks += _table([*shared, device])
    rows = [f"| {code} | {meaning} |" for code, meaning in _CODES.items()]
    blocks.append("\n".join(["## Exit codes\n", "| code | meaning |", "|---|---|", *rows]) + "\n")
    return "\n".join(blocks)


def write(folder: Path = FOLDER) -> list[Path]:
    """Write every page into `folder`; return the paths."""
    written = []
    for name, text in pages().items():
        files.write_text(folder / name, text)
        written.append(folder / name)
    return written


def _walk(group: Any, name: str) -> Iterator[tuple[str, Any]]:
    for part, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from _walk(command, f"{name} {part}")
        else:
            yield f"{name} {part}", command


def _table(options: list[Any]) -> Iterator[str]:
    if options:
        rows = [f"| {_flags(option)} | {_meaning(option)} |" for option in options]
        yield "\n".join(["| option | meaning |", "|---|---|", *rows]) + "\n"


def _flags(option: Any) -> str:
    if not _is_option(option):
        return f"`{option.metavar}`"
    value = f" {option.metavar}".replace("|", "\\|") if option.metavar else ""
    return ", ".join(f"`{name}{value}`" for name in [*option.opts, *option.secondary_opts])


def _meaning(option: Any) -> str:
    default = option.default
    told = default not in (None, False) and not callable(default)
    return _prose(option.help) + (f" (default: {default})" if told else "")


def _prose(text: str | None) -> str:
    """Return help text as one line that Markdown leaves alone."""
    return " ".join((text or "").replace("\\", "\\\\").replace("|", "\\|").split())


def _is_option(parameter: Any) -> bool:
    return bool(parameter.param_type_name == "option")


def _is_shared(parameter: Any) -> bool:
    return getattr(parameter, "rich_help_panel", None) == SHARED_PANEL


if __name__ == "__main__":
    for path in write(Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER):
        console.out(str(path))
