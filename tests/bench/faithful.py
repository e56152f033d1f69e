"""Whether two pictures of TeX are the same, and whether a normal form paints its source.

The benchmark `bench_faithful.py` and `tests/latex/test_pictures.py` share it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from im2latex_cli.latex.normal.desugar import unwrap
from im2latex_cli.latex.normalize import normalize
from im2latex_cli.latex.tokenizer import join, tokenize
from im2latex_cli.render.renderer import Page
from im2latex_cli.render.tex.renderer import TexRenderer
from im2latex_cli.settings.sections import RenderSettings

CLOSE_UP = 1000
"""Dots per inch at which pictures are compared run by run of ink columns."""

GAPS = (4, 8, 12)
"""Blank columns that do not part two runs of ink; rounding makes a gap wider or narrower by one, so
several widths are tried."""

Ink = NDArray[np.bool_]
Kind = Literal["identical", "blank columns", "refused", "not drawable", "broken", "different"]


@dataclass(frozen=True, slots=True)
class Comparison:
    """What became of one formula.

    Attributes:
        formula: the source.
        form: its normal form as LaTeX; empty if it is refused.
        kind: "identical" pixels; equal but for the width of "blank columns"; "refused" by the
            normaliser; "not drawable": TeX reports an error for the source; "broken": TeX draws
            the source and not the normal form; "different" pictures.
        reason: of a refusal, or TeX's message.
    """

    formula: str
    form: str
    kind: Kind
    reason: str = ""


class Comparer:
    """Renders sources and normal forms with the LaTeX of this machine.

    Packages are loaded for the formulas alone that need them: mathtools makes an error of
    `\\begin{aligned}&\\log\\end{aligned}`.
    """

    def __init__(self, packages: str = "") -> None:
        """Start the renderers; `packages` is LaTeX for the preamble, such as usepackage lines."""
        self._preambles = ("", packages) if packages else ("",)

    def compare(self, formulas: Sequence[str]) -> Iterator[Comparison]:
        """Compare each formula with its normal form, in any order."""
        pairs: list[tuple[str, str]] = []
        for formula in formulas:
            normal = normalize(formula)
            if normal.problem is not None:
                yield Comparison(formula, "", "refused", normal.problem)
            else:
                pairs.append((formula, join(normal.tokens)))
        for preamble in self._preambles:
            found = list(_drawn(pairs, preamble))
            yield from (one for one in found if one.kind != "not drawable")
            failed = [one for one in found if one.kind == "not drawable"]
            pairs = [(one.formula, one.form) for one in failed]
        yield from failed


def _drawn(pairs: Sequence[tuple[str, str]], preamble: str) -> Iterator[Comparison]:
    """Compare formulas with their normal forms as a document with this preamble draws them."""
    fine = _renderer(RenderSettings(renderer="tex"), preamble)
    close_up = _renderer(RenderSettings(renderer="tex", dpi=CLOSE_UP), preamble)
    sources = fine.render([source(formula) for formula, _ in pairs])
    forms = fine.render([form for _, form in pairs])
    unequal: list[tuple[str, str]] = []
    for (formula, form), one, other in zip(pairs, sources, forms, strict=True):
        if not isinstance(one, Page):
            yield Comparison(formula, form, "not drawable", one.message)
        elif not isinstance(other, Page):
            yield Comparison(formula, form, "broken", other.message)
        elif np.array_equal(one.ink, other.ink):
            yield Comparison(formula, form, "identical")
        else:
            unequal.append((formula, form))
    yield from _closely(close_up, unequal)


def _closely(close_up: TexRenderer, pairs: Sequence[tuple[str, str]]) -> Iterator[Comparison]:
    """How pairs of pictures differ at many dots per inch."""
    sources = close_up.render([source(formula) for formula, _ in pairs])
    forms = close_up.render([form for _, form in pairs])
    for (formula, form), *pages in zip(pairs, sources, forms, strict=True):
        inks = [page.ink < 128 for page in pages if isinstance(page, Page)]
        if len(inks) == 2 and same_but_for_blank_columns(*inks):
            yield Comparison(formula, form, "blank columns")
        else:
            reason = next((page.message for page in pages if not isinstance(page, Page)), "")
            yield Comparison(formula, form, "different", reason)


def _renderer(settings: RenderSettings, packages: str) -> TexRenderer:
    renderer = TexRenderer(settings)
    if packages:
        renderer.preamble = packages
    return renderer


def source(formula: str) -> str:
    """The formula as it stands in a display: without the dollars around the whole of it."""
    tokens = tokenize(formula)
    bare = unwrap(tokens)
    return join(bare) if len(bare) < len(tokens) else formula


def same_but_for_blank_columns(one: Ink, other: Ink) -> bool:
    """Whether two close-up pictures differ only in the width of blank columns."""
    if abs(one.shape[0] - other.shape[0]) > 1:
        return False
    return any(_same_runs(one, other, gap) for gap in GAPS)


def _same_runs(one: Ink, other: Ink, gap: int) -> bool:
    """Whether both have the same ink in runs of columns that are more than `gap` columns apart."""
    height = min(one.shape[0], other.shape[0])
    ours, theirs = _runs(one, gap), _runs(other, gap)
    if len(ours) != len(theirs):
        return False
    for (left, right), (start, end) in zip(ours, theirs, strict=True):
        width = min(right - left, end - start)
        if abs((right - left) - (end - start)) > 3:
            return False
        a = one[:height, left : left + width]
        b = other[:height, start : start + width]
        stray = max(int((a & ~_grown(b)).sum()), int((b & ~_grown(a)).sum()))
        if stray > 0.01 * a.sum() + 2:
            return False
    return True


def _runs(ink: Ink, gap: int) -> list[tuple[int, int]]:
    """Runs of columns with ink; gaps of up to `gap` columns do not part them."""
    columns = ink.any(axis=0).astype(int)
    edges = np.flatnonzero(np.diff(np.concatenate(([0], columns, [0]))))
    runs: list[tuple[int, int]] = []
    for left, right in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
        if runs and left - runs[-1][1] <= gap:
            runs[-1] = (runs[-1][0], right)
        else:
            runs.append((left, right))
    return runs


def _grown(ink: Ink) -> Ink:
    padded = np.pad(ink, 2)
    height, width = ink.shape
    grown = np.zeros_like(ink)
    for row in range(5):
        for column in range(5):
            grown |= padded[row : row + height, column : column + width]
    return grown
