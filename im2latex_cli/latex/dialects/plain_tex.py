r"""Fractions, stacks and roots of TeX's own syntax, in words of LaTeX and amsmath."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from im2latex_cli.latex.commands import STACKS
from im2latex_cli.latex.dialects.reading import argument, arguments, up_to

Tokens = list[str]
Rewriter = Callable[[Sequence[str], int], tuple[Tokens, int] | None]

_SIZED = {"\\frac": ("\\dfrac", "\\tfrac"), "\\binom": ("\\dbinom", "\\tbinom")}
_STYLES = {"0": ["\\displaystyle"], "1": ["\\textstyle"], "2": ["\\scriptstyle"]}
_STYLES |= {"3": ["\\scriptscriptstyle"], "": []}
_DIMENSION = re.compile(r"[0-9]*\.?[0-9]+(?:pt|pc|in|bp|cm|mm|dd|cc|sp|em|ex)")


def _genfrac(tokens: Sequence[str], at: int) -> tuple[Tokens, int] | None:
    r"""`\genfrac{(}{)}{0pt}{}{n}{k}` as the command that it is."""
    found = arguments(tokens, at + 1, 6)
    if found is None:
        return None
    left, right, line, style, above, below = found[0]
    fences, thickness, kind = ("".join(left), "".join(right)), "".join(line), "".join(style)
    body = ["{", *above, "}", "{", *below, "}"]
    word = _of_genfrac(fences, thickness)
    if kind not in _STYLES or not word:
        return None
    if kind in ("0", "1") and word in _SIZED:
        return [_SIZED[word][int(kind)], *body], found[1]
    styled = ["{", *_STYLES[kind], word, *body, "}"] if kind else [word, *body]
    return styled, found[1]


def _of_genfrac(fences: tuple[str, str], thickness: str) -> str:
    """The command of fences and line; nothing if there is none."""
    if thickness and not _DIMENSION.fullmatch(thickness):
        return ""
    has_line = _has_line(thickness) if thickness else True
    if fences == ("", "") and has_line:
        return "\\frac"
    if has_line is not False:
        return ""
    if fences == ("(", ")"):
        return "\\binom"
    name = "\\genfrac" + "".join(f"{{{one}}}" for one in fences) + "{0pt}{}"
    return name if name in STACKS.values() else ""


def _buildrel(tokens: Sequence[str], at: int) -> tuple[Tokens, int] | None:
    r"""`\buildrel a \over b` is `\stackrel{a}{b}`."""
    above = up_to(tokens, at + 1, "\\over")
    below = argument(tokens, above[1]) if above else None
    if above is None or below is None:
        return None
    return ["\\stackrel", "{", *above[0], "}", "{", *below[0], "}"], below[1]


def _root(tokens: Sequence[str], at: int) -> tuple[Tokens, int] | None:
    r"""`\root 3 \of x` is `\sqrt[3]{x}`."""
    index = up_to(tokens, at + 1, "\\of")
    radicand = argument(tokens, index[1]) if index else None
    if index is None or radicand is None:
        return None
    return ["\\sqrt", "[", *index[0], "]", "{", *radicand[0], "}"], radicand[1]


_INFIXES = {
    ("(", ")", False): "\\choose",
    ("[", "]", False): "\\brack",
    ("\\{", "\\}", False): "\\brace",
    (".", ".", False): "\\atop",
    (".", ".", True): "\\over",
}
"""Infix commands by their delimiters and whether they have a line."""


def _infix(*, fenced: bool, line: str = "") -> Rewriter:
    r"""`\above 0pt` is `\atop`, `\atopwithdelims()` is `\choose`.

    Args:
        fenced: whether two delimiters follow the command.
        line: the thickness of its line; empty if it follows.
    """

    def rewrite(tokens: Sequence[str], at: int) -> tuple[Tokens, int] | None:
        start = at + 1 + 2 * fenced
        fences = tokens[at + 1 : start] if fenced else (".", ".")
        found = _DIMENSION.match(line or "".join(tokens[start : start + 8]))
        has_line = _has_line(found[0]) if found else None
        if found is None or has_line is None or len(fences) != 2:
            return None
        name = _INFIXES.get((fences[0], fences[1], has_line))
        return ([name], start if line else start + len(found[0])) if name else None

    return rewrite


def _has_line(thickness: str) -> bool | None:
    """Whether a fraction of this thickness has a line; None if it is not the usual one."""
    if not float(thickness[:-2]):
        return False
    return True if thickness[-2:] == "pt" and float(thickness[:-2]) == 0.4 else None


COMMANDS: dict[str, Rewriter] = {
    "\\genfrac": _genfrac,
    "\\buildrel": _buildrel,
    "\\root": _root,
    "\\above": _infix(fenced=False),
    "\\abovewithdelims": _infix(fenced=True),
    "\\overwithdelims": _infix(fenced=True, line="0.4pt"),
    "\\atopwithdelims": _infix(fenced=True, line="0pt"),
}
"""Rewriters by their command."""
