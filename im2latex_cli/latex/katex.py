r"""LaTeX that KaTeX and MathJax read as TeX does.

Compact LaTeX of normal forms is nearly that already; a few TeX primitives are missing from one of
the two, and both draw what stands in for them here.
"""

from __future__ import annotations

from collections.abc import Sequence

from im2latex_cli.latex.tokenizer import join

STAND_INS = {
    "\\slash": ("/",),
    "\\mbox": ("\\text",),
    "\\hbox": ("\\text",),
}


def katex(tokens: Sequence[str]) -> str:
    """Write a normal form for KaTeX and MathJax."""
    return join([part for token in tokens for part in STAND_INS.get(token, (token,))])
