"""Let MathJax and KaTeX read the `compact` and the `katex` style.

Needs node, and a folder with both: `npm install mathjax-full katex`. Then
`python tests/bench/check_katex.py node_modules` tries every word of the normal form, and
`python tests/bench/check_katex.py node_modules FORMULAS.tsv [COUNT]` tries real formulas, the last
column of a table with a heading.
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

from im2latex_cli.latex import commands
from im2latex_cli.latex.commands import COMMANDS, CommandKind, CommandSpec
from im2latex_cli.latex.dialects.printers import katex
from im2latex_cli.latex.normalize import normalize
from im2latex_cli.latex.tokenizer import join

READER = Path(__file__).with_name("check_katex.js")
STYLES = {"compact": join, "katex": katex}
PROGRAMS = ("mathjax", "katex")
SHOWN = 2


def formulas(table: Path, count: int) -> list[tuple[str, ...]]:
    """Normal forms of formulas drawn from the table; those that are not sound are passed over."""
    lines = table.read_text(encoding="utf-8").splitlines()[1:]
    random.Random(0).shuffle(lines)
    chosen: list[tuple[str, ...]] = []
    for line in lines:
        normal = normalize(line.rpartition("\t")[2])
        if normal.problem is None:
            chosen.append(normal.tokens)
        if len(chosen) == count:
            break
    return chosen


def words() -> list[tuple[str, ...]]:
    """Normal forms that hold every word of the table, each where it may stand."""
    written = [example(command) for command in COMMANDS.values()]
    written += [f"a\\left{mark}b\\middle{mark}c\\right{mark}" for mark in commands.DELIMITERS]
    written += [f"\\text{{a{symbol} b}}" for symbol in commands.TEXT_SYMBOLS]
    written += [f"\\text{{a{accent}{{e}}b}}" for accent in commands.TEXT_ACCENTS]
    written += [f"\\text{{a {word}{{b}} c}}" for word in commands.TEXT_WORDS]
    written += list(environments())
    normal = [normalize(formula) for formula in written]
    return list(dict.fromkeys(one.tokens for one in normal if one.problem is None))


def example(command: CommandSpec) -> str:
    """A formula with a word and what it needs."""
    name = command.name
    match command.kind:
        case CommandKind.STYLE:
            return f"a{{{name} b}}"
        case CommandKind.LIMITS:
            return f"\\sum{name}_{{a}}^{{b}}"
        case CommandKind.BIG:
            return f"a{name}( b"
        case CommandKind.HLINE:
            return f"\\begin{{array}}{{c|c}}a&b\\\\{name} c&d\\end{{array}}"
    optional = "[l]" if command.optional else ""
    return f"a{name}{optional}" + ("".join("{c}" for _ in command.args) or " d")


def environments() -> Iterator[str]:
    """Every environment, with two rows."""
    for name, entry in commands.ENVIRONMENTS.items():
        argument = {"c": "{c}", "n": "{1}"}.get(entry.argument, "")
        yield f"\\begin{{{name}}}{argument}a\\\\b\\end{{{name}}}"


def verdicts(modules: Path, written: Sequence[str]) -> list[dict[str, str | None]]:
    """What each program says of each formula: an error, or None."""
    asked = "".join(json.dumps({"id": i, "latex": one}) + "\n" for i, one in enumerate(written))
    run = subprocess.run(
        ["node", str(READER), str(modules)],
        input=asked,
        capture_output=True,
        text=True,
        check=True,
        encoding="utf-8",
    )
    told = [json.loads(line) for line in run.stdout.splitlines()]
    assert [one["id"] for one in told] == list(range(len(written))), run.stderr
    return told


def failures(
    modules: Path, chosen: Sequence[tuple[str, ...]]
) -> dict[tuple[str, str], dict[str, list[str]]]:
    """By style and program, then by cause: the formulas that fail."""
    found: dict[tuple[str, str], dict[str, list[str]]] = {}
    for style, write in STYLES.items():
        written = [write(tokens) for tokens in chosen]
        told = verdicts(modules, written)
        for program in PROGRAMS:
            causes = found[style, program] = defaultdict(list)
            for one, latex in zip(told, written, strict=True):
                if error := one[program]:
                    causes[error].append(latex)
    return found


def main(modules: str, table: str = "", count: str = "3000") -> None:
    """Print how many fail in each style and program, by cause, with examples."""
    chosen = formulas(Path(table), int(count)) if table else words()
    for (style, program), causes in failures(Path(modules), chosen).items():
        total = sum(map(len, causes.values()))
        print(f"{style} in {program}: {total} of {len(chosen)} fail")
        for cause, failed in sorted(causes.items(), key=lambda pair: -len(pair[1])):
            print(f"  {len(failed)} x {cause}")
            for latex in sorted(failed, key=len)[:SHOWN]:
                print(f"      {latex[:200]}")


if __name__ == "__main__":
    main(*sys.argv[1:])
