r"""Whether TeX's picture of the normal form is TeX's picture of the source, or it is refused.

Real formulas of $IM2LATEX_DATA (formulas/train.tsv.gz and open.tsv.gz) are normalised; source and
normal form are drawn with TeX and compared pixel by pixel. What differs is printed by kind: by the
commands of the source that the normal form lacks. Then distinct normal forms of short formulas are
drawn and grouped by equal pixels: each group is a picture with two normal forms.

`nox -s bench -- faithful`, or `python tests/bench/bench_faithful.py [--lists NAME ...]
[--formulas N] [--start N] [--minutes N] [--seed N] [--short N] [--show N] [--output FILE]`;
`--formulas 0` is all of them. A seed gives one random order: `--start 20000` goes on behind the
first 20,000 of it.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import random
import shutil
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from itertools import product
from pathlib import Path

from faithful import Comparer, Comparison

from im2latex_cli.latex.normalize import normalize
from im2latex_cli.latex.tokenizer import join, tokenize
from im2latex_cli.render.renderer import Page
from im2latex_cli.render.tex.renderer import TexRenderer
from im2latex_cli.settings.sections import RenderSettings

LISTS = ("train", "open")
PACKAGES = ("mathtools", "color", "cancel", "dsfont")
"""Packages that sources use and the renderer does not load; those that are installed are loaded."""
BATCH = 2000

ATOMS = r"a f 1 + = , ( ) | \sum \lim \sin \Gamma \ldots \frac12 \sqrt2 \bar{a} \mathrm{a} \text{a}"
WRAPPERS = r"""
X {X} X{} {}X X' X^2 X_1 {X}^2 X^{} \mathrm{X} \mathbf{X} \mathit{X} \text{X} \mathop{X} \mathord{X}
\mathbin{X} \mathrel{X} \mathopen{X} \mathclose{X} \mathinner{X} \left(X\right) \left.X\right.
\operatorname{X} \displaystyle{X} \textstyle{X} \begin{matrix}X\end{matrix}
\begin{array}{c}X\end{array} \begin{array}{l}X\end{array} \begin{aligned}X\end{aligned}
\begin{gathered}X\end{gathered} \begin{smallmatrix}X\end{smallmatrix} \substack{X}
\begin{subarray}{c}X\end{subarray} \overline{X} \hat{X} \boldsymbol{X} \mbox{X} \phantom{}X
\mathop{X}\limits_1 \mathop{X}\nolimits_1 X\limits_1 X_{\substack{X}} \underset{}{X} \overset{}{X}
\stackrel{}{X} \smash{X} X\, \,X \vphantom{X}X \hphantom{X}X \mathstrut{}X \begin{cases}X\end{cases}
"""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run both searches and print what they find."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lists", nargs="+", default=LISTS, help="names in formulas/")
    parser.add_argument("--formulas", type=int, default=20_000, help="of each list; 0: all")
    parser.add_argument("--start", type=int, default=0, help="leave out the first N of each list")
    parser.add_argument("--minutes", type=float, default=0, help="for each list; 0: no limit")
    parser.add_argument("--output", type=Path, help="JSON lines of what differs, as it is found")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--short", type=int, default=4_000, help="short formulas for the search")
    parser.add_argument("--show", type=int, default=3, help="examples of each kind")
    options = parser.parse_args(arguments)
    if shutil.which("latex") is None:
        print("skipped: latex is not on PATH")
        return
    folder = os.environ.get("IM2LATEX_DATA")
    if not folder:
        print("skipped: IM2LATEX_DATA is not set")
    elif options.formulas >= 0:
        for name in options.lists:
            print(f"\n{name}:", flush=True)
            formulas = _sample(Path(folder), name, options.formulas, options.seed, options.start)
            compare(formulas, options.show, options.minutes, options.output)
    if options.short:
        search(_short(options.short, options.seed), options.show)


def compare(formulas: Sequence[str], show: int, minutes: float, output: Path | None) -> None:
    """Compare sources with normal forms and print the counts by kind."""
    started = time.monotonic()
    counts: Counter[str] = Counter()
    refused: Counter[str] = Counter()
    others: dict[tuple[str, str], list[Comparison]] = defaultdict(list)
    for result in _results(formulas, minutes):
        counts[result.kind] += 1
        if counts.total() % BATCH == 0:
            print(f"{counts.total():,}: {dict(counts)}", file=sys.stderr, flush=True)
        if result.kind == "refused":
            refused[result.reason] += 1
        elif result.kind in ("broken", "different"):
            others[result.kind, _lost(result)].append(result)
        if output and result.kind not in ("identical", "not drawable"):
            with output.open("a", encoding="utf-8") as lines:
                lines.write(json.dumps(asdict(result)) + "\n")
    seconds = time.monotonic() - started
    total = counts.total()
    drawn = total - counts["not drawable"]
    print(f"{total:,} of {len(formulas):,} formulas, {total / seconds:.0f} a second")
    print(f"{drawn:,} that TeX draws, or that are refused:")
    for kind in ("identical", "blank columns", "refused", "broken", "different"):
        print(f"  {kind}: {counts[kind]:,} ({100 * counts[kind] / max(1, drawn):.3f} %)")
    print(f"{counts['not drawable']:,} are errors in TeX as they stand")
    for reason, count in refused.most_common(20):
        print(f"  refused {count}: {reason}")
    for (kind, lost), examples in sorted(others.items(), key=lambda item: -len(item[1])):
        print(f"\n{kind}, {len(examples)}: {lost}")
        for example in examples[:show]:
            print(f"  {example.formula}\n  {example.form}\n  {example.reason}")


def _results(formulas: Sequence[str], minutes: float) -> Iterator[Comparison]:
    """Compare formulas until the time is over; a batch that has begun is finished."""
    started = time.monotonic()
    comparer = Comparer(_preamble())
    for start in range(0, len(formulas), BATCH):
        if minutes and time.monotonic() - started > 60 * minutes:
            return
        yield from comparer.compare(formulas[start : start + BATCH])


def _lost(result: Comparison) -> str:
    """The commands of a source that its normal form lacks: a rough name of its kind."""
    kept = set(tokenize(result.form))
    lost = {token for token in tokenize(result.formula) if len(token) > 1} - kept
    return " ".join(sorted(lost)) or "the same commands"


def search(formulas: Sequence[str], show: int) -> None:
    """Draw distinct normal forms and print those that share their pixels."""
    forms = sorted({normal.tokens for one in formulas if not (normal := normalize(one)).problem})
    renderer = TexRenderer(RenderSettings(renderer="tex"))
    groups: dict[tuple[tuple[int, ...], bytes], list[str]] = defaultdict(list)
    for form, page in zip(forms, renderer.render([join(form) for form in forms]), strict=True):
        if isinstance(page, Page):
            groups[page.ink.shape, page.ink.tobytes()].append(join(form))
    shared = [group for group in groups.values() if len(group) > 1]
    print(f"\n{len(forms):,} normal forms of short formulas, {len(groups):,} pictures")
    print(f"{len(shared)} pictures have several normal forms:")
    for group in sorted(shared, key=len, reverse=True)[: 40 * show]:
        print("  " + "   ".join(group[:6]))


def _short(count: int, seed: int) -> list[str]:
    """Every wrapper around every atom, and a sample of those between two atoms."""
    atoms, wrappers = ATOMS.split(" "), [line for line in WRAPPERS.split() if line]
    every = [wrapper.replace("X", atom) for wrapper, atom in product(wrappers, atoms)]
    framed = [f"{left} {one} {right}" for one in every for left, right in product("a=", "b+")]
    picked = random.Random(seed).sample(framed, max(0, min(len(framed), count - len(every))))
    return every + picked


def _sample(folder: Path, name: str, count: int, seed: int, start: int) -> list[str]:
    """Formulas of a list in random order, from the position `start` of that order on."""
    formulas = list(_read(folder / "formulas" / f"{name}.tsv.gz"))
    order = random.Random(seed).sample(formulas, len(formulas))
    return order[start : start + count if count else None]


def _read(path: Path) -> Iterator[str]:
    with gzip.open(path, "rt", encoding="utf-8") as table:
        column = next(table).rstrip("\n").split("\t").index("formula")
        for line in table:
            yield line.rstrip("\n").split("\t")[column]


def _preamble() -> str:
    """Load the packages of sources that are installed."""
    return "".join(rf"\IfFileExists{{{one}.sty}}{{\usepackage{{{one}}}}}{{}}" for one in PACKAGES)


if __name__ == "__main__":
    main()
