"""What a worker does with a chunk of formulas, wherever it runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

from im2latex_cli.latex.tokenizer import join
from im2latex_cli.render.renderer import Page, Renderer, RenderFailure, TokenRenderer

R = TypeVar("R")
Formula = str | tuple[str, ...]
"""LaTeX without dollars; or the tokens of a normal form, whose glyphs then name their tokens."""
Finish = Callable[[Page], R]


def work(renderer: Renderer, formulas: Sequence[Formula], finish: Finish[Any]) -> list[Any]:
    """Render and finish a chunk: what `finish` makes of each page, or why there is none."""
    return [
        page if isinstance(page, RenderFailure) else finish(page)
        for page in _pages(renderer, formulas)
    ]


def _pages(renderer: Renderer, formulas: Sequence[Formula]) -> Iterator[Page | RenderFailure]:
    """Pages of formulas or of normal forms; a renderer without tokens leaves them out."""
    forms = [formula for formula in formulas if not isinstance(formula, str)]
    if len(forms) == len(formulas) and isinstance(renderer, TokenRenderer):
        return renderer.render_tokens(forms)
    return renderer.render([f if isinstance(f, str) else join(f) for f in formulas])
