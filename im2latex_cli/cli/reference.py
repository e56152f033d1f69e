"""The reference pages, written from the code: `python -m im2latex_cli.cli.reference [FOLDER]`.

The page of the Python interface comes from the docstrings of the public names.
"""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from typing import Any

import typer

import im2latex_cli
from im2latex_cli import errors, files
from im2latex_cli.cli import console
from im2latex_cli.cli.app import app
from im2latex_cli.cli.group import EXIT_BROKEN_PIPE
from im2latex_cli.cli.session import SHARED_PANEL
from im2latex_cli.settings import reference as settings

_SECTION = re.compile(r"^(Args|Attributes|Returns|Yields|Raises):$")
_ITEM = re.compile(r"^([\w, ]+): (.*)$")
_INTRODUCTION = """# Python

Written from the code by `python -m im2latex_cli.cli.reference`; do not edit.

```python
import im2latex_cli

recognizer = im2latex_cli.load()
print(recognizer("formula.png").latex)
for reading in recognizer(["a.png", "b.png"], errors="return"):
    print(reading)
```

The names on this page are the public interface, under semantic versioning; the modules that they
come from are not. `import im2latex_cli` loads no torch. Progress, warnings and failures that the
command line prints go to the logger `im2latex_cli`.
"""
_PICTURE = """The type of a picture: a path, the bytes of a file, a binary stream, a Pillow image or
a NumPy array, (H, W) grey, (H, W, 3) RGB or (H, W, 4) RGBA.
"""
_FIRST = ("load", "Recognizer", "Hypothesis", "ReadingWarning", "DecodeSettings", "Picture")
"""What a reader looks for first; the other names follow by name."""
_MEMBERS = {
    "Recognizer": ("__call__", "device", "backend", "to", "save"),
    "Score": ("value", "interval"),
}
"""Methods and properties that are public; others are for the commands of this package."""


def page() -> str:
    """Return the page as Markdown."""
    names = [name for name in im2latex_cli.__all__ if not name.startswith("__")]
    ordered = [*_FIRST, *(name for name in sorted(names) if name not in _FIRST)]
    blocks = [_INTRODUCTION]
    for name in ordered:
        blocks += _entry(name, getattr(im2latex_cli, name))
    return "\n".join(blocks)


def _entry(name: str, item: Any) -> Iterator[str]:
    yield f"## `{name}`\n"
    if not inspect.isclass(item):
        if callable(item):
            yield _signature(name, item)
            yield _markdown(item.__doc__)
        else:  # the type alias, which has no docstring of its own
            yield _PICTURE
        return
    yield _markdown(item.__doc__)
    if issubclass(item, Enum):
        rows = [f"| `{member.value}` | {member.advice} |" for member in item]  # type: ignore[attr-defined]
        yield "\n".join(["| value | advice |", "|---|---|", *rows]) + "\n"
    elif name == "DecodeSettings":
        yield "Its fields are the settings `decode.*` of [settings](settings.md#decode).\n"
    else:
        yield from _members(name, item)


def _members(owner: str, item: type) -> Iterator[str]:
    """The methods and properties that are public; a dataclass has its attributes above."""
    for name in _MEMBERS.get(owner, ()):
        member = vars(item)[name]
        if isinstance(member, property):
            yield f"### `{owner}.{name}`\n"
            yield _markdown(member.__doc__)
        elif inspect.isfunction(member):
            label = owner.lower() if name == "__call__" else f"{owner}.{name}"
            yield f"### `{label}`\n"
            yield _signature(label, member)
            yield _markdown(member.__doc__)


def _signature(name: str, function: Any) -> str:
    """The call in a code block, one parameter a line if it is long."""
    signature = inspect.signature(function)
    parameters, keyword_only = [], False
    for parameter in signature.parameters.values():
        if parameter.name in {"self", "cls"}:
            continue
        if parameter.kind is parameter.KEYWORD_ONLY and not keyword_only:
            keyword_only = True
            parameters.append("*")
        default = "" if parameter.default is parameter.empty else f" = {parameter.default!r}"
        parameters.append(f"{parameter.name}: {_type(parameter.annotation)}{default}")
    result = "" if name == "recognizer" else f" -> {_type(signature.return_annotation)}"
    call = f"{name}({', '.join(parameters)}){result}"
    if len(call) > 100:
        call = f"{name}(\n    " + ",\n    ".join(parameters) + f",\n){result}"
    return f"```python\n{call}\n```\n"


_TYPES = {
    "Self": "Recognizer",
    "_Picture": "Picture",
    "OnError": '"raise" | "return"',
    "Backend": '"auto" | "torch" | "onnx"',
    "Format": '"typst" | "mathml" | "omml"',
}
"""Names in annotations that are not public, and their replacements on the page."""


def _type(annotation: Any) -> str:
    text = annotation if isinstance(annotation, str) else inspect.formatannotation(annotation)
    return re.sub(r"\w+", lambda word: _TYPES.get(word[0], word[0]), text)


def _markdown(doc: str | None) -> str:
    """Turn a Google-style docstring into Markdown: its sections become lists."""
    lines, in_section, in_code = [], False, False
    for line in inspect.cleandoc(doc or "").splitlines():
        text = line.strip()
        is_code = text.startswith(">>>") or (in_code and bool(text))
        if is_code != in_code:
            lines.append("```pycon" if is_code else "```")
            in_code = is_code
        if heading := _SECTION.match(line):
            lines += [f"**{heading[1]}**", ""]
            in_section = heading[1] not in {"Returns", "Yields"}
        elif in_section and line.startswith("    "):
            item = _ITEM.match(line[4:])
            lines.append(f"- `{item[1]}`: {item[2]}" if item else f"  {text}")
        else:
            in_section = in_section and not text
            lines.append(text)
    return "\n".join([*lines, *(["```"] if in_code else [])]) + "\n"


FOLDER = Path("docs/reference")
_STREAMS = """Results go to standard output; progress, warnings and errors go to standard error.
Progress bars are shown on terminals only, and `NO_COLOR` disables colours. With `--json` a
command prints one JSON object ([format](formats.md#json-on-standard-output)).
"""
_CODES = {
    errors.EXIT_OK: "done",
    1: "a bug in im2latex",
    errors.UsageError.exit_code: "invalid options, arguments or settings",
    errors.InputError.exit_code: "an input is missing, unreadable or empty",
    errors.DownloadError.exit_code: "a download failed or did not match its checksum",
    errors.RendererError.exit_code: "the renderer is missing or cannot run",
    errors.CheckpointError.exit_code: "a model file cannot be used",
    errors.EXIT_PARTIAL: "some items failed; the others are done",
    errors.EXIT_INTERRUPTED: "interrupted by Ctrl-C",
    EXIT_BROKEN_PIPE: "standard output was closed by its reader",
}


def pages() -> dict[str, str]:
    """Return the text of each reference page by its file name."""
    return {
        "cli.md": commands(),
        "python.md": page(),
        "settings.md": settings.markdown(),
    }


def commands() -> str:
    """Write the page of all commands."""
    root: Any = typer.main.get_command(app)
    all_commands = list(_iter_commands(root, "im2latex"))
    shared = [option for option in all_commands[0][1].params if _is_shared(option)]
    blocks = [
        "# Commands\n",
        "Generated by `nox -s reference`; do not edit.\n",
        _STREAMS,
    ]
    for name, command in all_commands:
        own = [option for option in command.params if not _is_shared(option)]
        argument = "".join(f" [{o.metavar}]" for o in own if not _is_option(o))
        blocks.append(f"## `{name}`\n\n`{name} [OPTIONS]{argument}`\n\n{_prose(command.help)}\n")
        blocks += _table(own)
    device = next(o for _, command in all_commands for o in command.params if "--device" in o.opts)
    blocks.append(
        "## Options of every command\n\n`--device` exists in commands that run a model.\n"
    )
    blocks += _table([*shared, device])
    rows = [f"| {code} | {meaning} |" for code, meaning in _CODES.items()]
    blocks.append("\n".join(["## Exit codes\n", "| code | meaning |", "|---|---|", *rows]) + "\n")
    return "\n".join(blocks)


def write(folder: Path = FOLDER) -> list[Path]:
    """Write every page into `folder`; return the paths."""
    paths = []
    for name, text in pages().items():
        files.write_text(folder / name, text)
        paths.append(folder / name)
    return paths


def _iter_commands(group: Any, name: str) -> Iterator[tuple[str, Any]]:
    for part, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from _iter_commands(command, f"{name} {part}")
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
    show_default = default not in (None, False) and not callable(default)
    return _prose(option.help) + (f" (default: {default})" if show_default else "")


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
