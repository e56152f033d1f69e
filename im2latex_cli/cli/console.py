"""The two streams, results on stdout and all else on stderr, and what is written to them.

rich is imported when first written to. It respects NO_COLOR and drops colours if the stream is no
terminal.

A service writes the name of a setting or of an argument in backquotes, as in "Lower
`train.learning_rate`, or set `force`.". On the way to a stream such names become the flags that a
user types.
"""

from __future__ import annotations

import json
import math
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import is_dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from im2latex_cli.errors import EXIT_OK, Im2LatexError
from im2latex_cli.results import INTERVAL, is_detail, items

if TYPE_CHECKING:
    from rich.console import Console

_NAME = re.compile(r"`([a-z_]+(?:\.[a-z_]+)?)`")
_FLAGS: dict[str, str] = {}

FORMAT = 1
NESTED_ROWS = 10
BYTES = "_bytes"


def register(name: str, flag: str) -> None:
    """Say which flag sets a setting or an argument; a setting's last word may replace its name."""
    _FLAGS[name] = flag
    last = name.rpartition(".")[2]
    if flag == f"--{last.replace('_', '-')}":
        _FLAGS.setdefault(last, flag)


def with_flags(text: str) -> str:
    """Replace names in backquotes by flags; settings that have none lose the backquotes."""
    return _NAME.sub(_replacement, text)


def _replacement(match: re.Match[str]) -> str:
    name = match[1]
    return _FLAGS.get(name, name if "." in name else match[0])


@cache
def stderr() -> Console:
    """Return the console for progress, warnings and errors."""
    from rich.console import Console

    return Console(stderr=True, highlight=False, markup=False, soft_wrap=True)


def out(text: str) -> None:
    """Write one result to stdout as it is, and flush, so that a reader downstream sees it now."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def note(text: str, style: str | None = None) -> None:
    """Write one line to stderr; a plain one needs no rich, which takes 40 ms to import."""
    if style is None:
        sys.stderr.write(text + "\n")
        sys.stderr.flush()
    else:
        stderr().print(text, style=style)


def error(message: str, hint: str | None = None) -> None:
    """Write an error and its hint to stderr."""
    console = stderr()
    console.print("error: ", style="bold red", end="")
    console.print(with_flags(message))
    if hint:
        console.print("hint: ", style="bold", end="")
        console.print(with_flags(hint))


def exit_code(result: Any) -> int:
    """Return the status that a service's result ends the process with."""
    return int(getattr(result, "exit_code", EXIT_OK))


def show(command: str, result: Any, *, as_json: bool, verbose: bool = False) -> None:
    """Write a service's result to stdout; for people its details only with `verbose`."""
    if as_json:
        status = "success" if exit_code(result) == EXIT_OK else "partial"
        out(envelope(command, status, result=plain(result)))
    else:
        for line in lines(result, verbose=verbose):
            out(line)


def envelope(command: str, status: str, **content: Any) -> str:
    """Return the JSON text that every command ends with under `--json`."""
    document = {"format": FORMAT, "command": command, "status": status, **content}
    return json.dumps(document, ensure_ascii=False, allow_nan=False)


def failure(command: str, error: Im2LatexError) -> str:
    """Return the JSON text of a command that failed."""
    content = {
        "code": error.code,
        "message": with_flags(str(error.args[0])),
        "hint": None if error.hint is None else with_flags(error.hint),
        "exit_code": error.exit_code,
    }
    return envelope(command, "error", error=content)


def plain(value: Any) -> Any:
    """Turn dataclasses, paths, tuples, errors and NaN into types of JSON."""
    if isinstance(value, Im2LatexError):
        return {"code": value.code, "message": with_flags(str(value.args[0]))}
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, Mapping) or is_dataclass(value):
        return {str(name): plain(item) for name, item in _items(value)}
    if isinstance(value, Sequence | AbstractSet):
        return [plain(item) for item in value]
    return str(value)


def lines(result: Any, *, max_rows: int | None = None, verbose: bool = True) -> Iterator[str]:
    """Lay a result out for people: one aligned line per value, then its tables.

    A field `x_interval` (low, high) is written beside its `x`, a field `x_bytes` as a size.

    Args:
        result: a dataclass or a mapping.
        max_rows: longest table; None shows all of it. Results inside results show ten rows.
        verbose: show the fields marked as details too, not only which ones there are.
    """
    fields = {name: value for name, value in _items(result) if value is not None}
    hidden = () if verbose else tuple(name for name in fields if is_detail(result, name))
    visible = {name: value for name, value in fields.items() if name not in hidden}
    yield from _single_values(visible)
    for name, value in visible.items():
        if not _is_single(value) and value:
            yield from ("", label(name), *_indent(value, max_rows, verbose=verbose))
    tables = [name for name in hidden if not _is_single(fields[name]) and fields[name]]
    if not verbose and (more := [*tables, *_hidden_columns(visible)]):
        yield from ("", f"More with --verbose: {', '.join(map(label, more))}.")


def _hidden_columns(fields: Mapping[str, Any]) -> list[str]:
    first = (value[0] for value in fields.values() if isinstance(value, tuple | list) and value)
    rows = [row for row in first if is_dataclass(row)]
    return list(dict.fromkeys(n for row in rows for n, _ in _items(row) if is_detail(row, n)))


def _single_values(fields: Mapping[str, Any]) -> Iterator[str]:
    texts = {name: _text(name, fields) for name in fields if _is_single(fields[name])}
    labelled = {
        label(n): t for n, t in texts.items() if n.removesuffix(INTERVAL) not in {*fields} - {n}
    }
    width = max(map(len, labelled), default=0)
    for name, line in labelled.items():
        yield f"{name.ljust(width)}  {line}".rstrip()


def table(
    rows: Sequence[Any], *, max_rows: int | None = None, verbose: bool = True
) -> Iterator[str]:
    """Lay dataclasses of one kind out in aligned columns under their field names."""
    rows, remaining = rows[:max_rows], len(rows[max_rows:]) if max_rows else 0
    names = [name for name, _ in _items(rows[0]) if verbose or not is_detail(rows[0], name)]
    columns = [name for name in names if any(getattr(row, name) not in (None, "") for row in rows)]
    body = [[cell(getattr(row, name)) for name in columns] for row in rows]
    grid = [[label(name) for name in columns], *body]
    widths = [max(len(line[column]) for line in grid) for column in range(len(columns))]
    for line in grid:
        yield "  ".join(
            text.ljust(width) for text, width in zip(line, widths, strict=True)
        ).rstrip()
    if remaining:
        yield f"... {remaining:,} more"


def label(name: str) -> str:
    """Turn a field name into words."""
    if name.endswith(BYTES):
        name = f"{name.removesuffix(BYTES)}_size"
    return name.replace("_", " ")


def size(count: int) -> str:
    """Write a number of bytes in units of 1,000."""
    if count < 1000:
        return f"{count} bytes"
    value, units = count / 1000, iter(("kB", "MB", "GB"))
    unit = next(units)
    while value >= 999.5 and (larger := next(units, None)):
        value, unit = value / 1000, larger
    return f"{value:.1f} {unit}" if value < 9.95 else f"{value:,.0f} {unit}"


def cell(value: Any) -> str:
    """Write one value for people."""
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case int():
            return f"{value:,}"
        case float():
            return f"{value:,.2f}" if value == 0 or abs(value) >= 0.01 else f"{value:.3g}"
        case tuple() | list():
            return ", ".join(cell(item) for item in value)
        case _:
            return str(value)


def _items(result: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(result, Mapping):
        yield from result.items()
    else:
        yield from ((name, value) for name, value in items(result) if name != "exit_code")


def _text(name: str, fields: Mapping[str, Any]) -> str:
    if name.endswith(BYTES):
        return size(fields[name])
    interval = fields.get(name + INTERVAL)
    if interval is None:
        return cell(fields[name])
    low, high = interval
    return f"{cell(fields[name])}  ({cell(low)} to {cell(high)})"


def _is_single(value: Any) -> bool:
    if isinstance(value, tuple | list):
        return bool(value) and all(isinstance(item, int | float) for item in value)
    return isinstance(value, str | int | float | Path) or value is None


def _indent(value: Any, max_rows: int | None, *, verbose: bool) -> Iterator[str]:
    if not isinstance(value, tuple | list):
        inner = lines(value, max_rows=NESTED_ROWS, verbose=verbose)
    elif all(is_dataclass(item) for item in value):
        inner = table(value, max_rows=max_rows, verbose=verbose)
    else:
        inner = (cell(item) for item in value)
    for line in inner:
        yield f"  {line}".rstrip()
