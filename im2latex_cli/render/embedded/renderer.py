"""The renderer that needs no TeX: mathra lays the formula out, resvg draws its glyphs.

Both come as PyPI wheels for every platform. The look is that of STIX Two, not Computer Modern; the
height of the text is TeX's.

For glyphs that name their tokens, a second copy of the formula gives every painting token a colour
of its own, and mathra writes the colour at each glyph. The copy may differ from the formula in
spacing and in the place of limits, not in its characters, so that colours carry over by order.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterator, Sequence
from dataclasses import replace
from html import escape, unescape
from importlib.metadata import version
from itertools import groupby
from typing import Literal

import mathra
import numpy as np

from im2latex_cli.latex.commands import (
    BEGIN,
    COMMANDS,
    END,
    LEFT,
    MIDDLE,
    RIGHT,
    TEXT_ACCENTS,
    CommandKind,
    CommandSpec,
)
from im2latex_cli.latex.tokenizer import join
from im2latex_cli.render.embedded.mathra_dialect import rewrite
from im2latex_cli.render.embedded.painter import (
    Painter,
    TooLargeError,
    UnknownDrawingError,
    cut_out,
    parse,
    settle_rules,
)
from im2latex_cli.render.renderer import Page, RenderFailure
from im2latex_cli.render.tex.token_marks import carry
from im2latex_cli.settings.sections import RenderSettings

_PAIRS = {"{": "}", "[": "]"}
_DROPPED = frozenset(("\\limits", "\\nolimits"))
_FENCED = frozenset(("pmatrix", "bmatrix", "Bmatrix", "vmatrix", "Vmatrix"))
_RAW = frozenset(("\\sideset", "\\hline", "&", "\\\\", "^", "_", "{", "}", "'"))
_WITH_TEXT = frozenset(("\\operatorname", "\\operatorname*"))


def colour(token: int) -> str:
    """The colour of a token; black is none's."""
    return f"#{token + 1:06x}"


class TintedFormula:
    """A coloured copy of a formula.

    Attributes:
        latex: the copy.
    """

    def __init__(self, tokens: Sequence[str]) -> None:
        self._tokens = tokens
        self._shares: dict[int, list[int]] = {}
        self.latex = join(self._run(0, len(tokens)))

    def tokens_of(self, fills: Sequence[str]) -> list[int]:
        """The token of each glyph, or -1.

        Args:
            fills: colours of the copy's glyphs, in the order of painting.
        """
        owners = [int(fill[1:], 16) - 1 if fill.startswith("#") else -1 for fill in fills]
        tokens = list(owners)
        for owner, sharers in self._shares.items():
            places = [index for index, other in enumerate(owners) if other == owner]
            for place, token in zip(places, _deal(places, sharers), strict=True):
                tokens[place] = token
        return tokens

    def _run(self, position: int, end: int) -> list[str]:
        out: list[str] = []
        while position < end:
            piece, position = self._take(position, end)
            out += piece
        return out

    def _take(self, position: int, end: int) -> tuple[list[str], int]:
        """The coloured form of what begins at `position`, and where it ends."""
        word = self._tokens[position]
        if word in LEFT:
            return self._fences(position, end)
        if word in BEGIN:
            return self._environment(position, end)
        if word in _DROPPED:
            return [], position + 1
        command = COMMANDS.get(word)
        if command is not None and command.args and word not in _RAW:
            return self._command(position, command, end)
        return self._symbol(position, end)

    def _symbol(self, position: int, end: int) -> tuple[list[str], int]:
        """A word without arguments, or with the one that it slashes or makes big."""
        word = self._tokens[position]
        kind = COMMANDS[word].kind if word in COMMANDS and word not in _RAW else None
        pair = list(self._tokens[position : min(position + 2, end)])
        if len(pair) == 2 and kind is CommandKind.BIG:
            return self._tint(position + 1, pair), position + 2
        if len(pair) == 2 and word == "\\not":
            return self._tint(position, pair), position + 2
        if kind is CommandKind.SYMBOL and word not in TEXT_ACCENTS:
            return self._tint(position, [word]), position + 1
        return [word], position + 1

    def _tint(self, position: int, piece: list[str]) -> list[str]:
        return ["\\textcolor", "{", *colour(position), "}", "{", *piece, "}"]

    def _command(self, position: int, command: CommandSpec, end: int) -> tuple[list[str], int]:
        piece, place = [command.name], position + 1
        if command.optional and place < end and self._tokens[place] == "[":
            stop = self._matching(place, end)
            piece += ["[", "{", *self._run(place + 1, stop - 1), "}", "]"]
            place = stop
        is_text = "t" in command.args or command.name in _WITH_TEXT
        begin = place
        for _ in command.args:
            stop = self._matching(place, end)
            piece += self._tokens[place:stop] if is_text else self._run(place, stop)
            place = stop
        if command.kind is CommandKind.FONT:
            return piece, place
        letters = [i for i in range(begin, place) if self._is_letter(i)] if is_text else []
        if letters:
            self._shares[position] = letters
        return self._tint(position, piece), place

    def _is_letter(self, index: int) -> bool:
        return len(self._tokens[index]) == 1 and self._tokens[index] not in "{}"

    def _matching(self, position: int, end: int) -> int:
        """Where the group or single token at `position` ends."""
        closing = _PAIRS.get(self._tokens[position]) if position < end else None
        if closing is None:
            return min(position + 1, end)
        depth = 0
        for index in range(position, end):
            depth += (self._tokens[index] == self._tokens[position]) - (
                self._tokens[index] == closing
            )
            if depth == 0:
                return index + 1
        return end

    def _fences(self, position: int, end: int) -> tuple[list[str], int]:
        stop = self._partner(position, end, LEFT, RIGHT)
        inner = range(position + 1, stop)
        marks = [position, *(i for i in inner if self._is_own_middle(position, i)), stop]
        self._shares[position] = [i for i in marks if i < end and not self._tokens[i].endswith(".")]
        piece = [
            self._tokens[position],
            *self._run(position + 1, stop),
            *self._tokens[stop : stop + 1],
        ]
        return self._tint(position, piece), min(stop + 1, end)

    def _is_own_middle(self, position: int, index: int) -> bool:
        before = self._tokens[position + 1 : index]
        depth = sum(word in LEFT for word in before) - sum(word in RIGHT for word in before)
        return depth == 0 and self._tokens[index] in MIDDLE

    def _environment(self, position: int, end: int) -> tuple[list[str], int]:
        entry = BEGIN[self._tokens[position]]
        stop = self._partner(position, end, BEGIN, END)
        place = self._matching(position + 1, end) if entry.argument else position + 1
        piece = [
            *self._tokens[position:place],
            *self._run(place, stop),
            *self._tokens[stop : stop + 1],
        ]
        if entry.name in _FENCED:
            self._shares[position] = [position, stop]
        elif entry.name != "cases":
            return piece, min(stop + 1, end)
        return self._tint(position, piece), min(stop + 1, end)

    def _partner(
        self, position: int, end: int, opening: Container[str], closing: Container[str]
    ) -> int:
        """Where the pair that begins at `position` closes, or `end`."""
        depth = 0
        for index in range(position, end):
            depth += (self._tokens[index] in opening) - (self._tokens[index] in closing)
            if depth == 0:
                return index
        return end


def _deal(places: Sequence[int], sharers: Sequence[int]) -> list[int]:
    """Deal glyphs of one colour to the tokens that share it: one each, or unbroken runs to each."""
    if not sharers:
        return [-1] * len(places)
    if len(places) == len(sharers):
        return list(sharers)
    numbered = enumerate(places)
    runs = [len(list(run)) for _, run in groupby(numbered, lambda pair: pair[1] - pair[0])]
    dealt: list[int] = []
    for number, length in enumerate(runs):
        last = number == len(runs) - 1 and len(runs) > 1
        dealt += [sharers[-1] if last else sharers[min(number, len(sharers) - 1)]] * length
    return dealt


FONT = "STIX Two Math"
POINTS_PER_INCH = 72.27
X_HEIGHT_RATIO = 453 / 489
"""Ink height of Computer Modern's italic x by that of STIX Two's, at the same font size."""
TRUE_SIZES = {10: 10.0, 11: 10.95, 12: 12.0}
"""What the font size options of LaTeX's article class really are, in points."""
FAINTEST_INK = 16
"""Ink below a sixteenth of a pixel is left out, as Ghostscript's 4x4 samples would."""

_STRAY_DOLLAR = re.compile(r"\A(?:(?!\\(?:text|mbox|hbox))(?:\\.|[^\\$]))*\$", re.DOTALL)
MAX_CHARACTERS = 20_000
MAX_SIDE = 32_768
MAX_PIXELS = 16_000_000


class EmbeddedRenderer:
    """Formulas to pages without TeX.

    mathra's strict mode refuses what it does not know, limits nesting to 64 levels and macros to
    a fixed number, and takes time linear in the length of the formula; with the limits on length
    and page size here, no formula takes longer than a few tenths of a second.

    Args:
        settings: font size and resolution.
    """

    def __init__(self, settings: RenderSettings) -> None:
        pixels_per_em = TRUE_SIZES[settings.font_size] * settings.dpi / POINTS_PER_INCH
        self._painter = Painter(
            pixels_per_em * X_HEIGHT_RATIO, max_side=MAX_SIDE, max_pixels=MAX_PIXELS
        )

    @property
    def name(self) -> Literal["embedded"]:
        """Which renderer this is."""
        return "embedded"

    @property
    def version(self) -> str:
        """Versions of the packages that shape and draw."""
        return f"mathra {version('mathra')}, resvg-py {version('resvg-py')}"

    def render(self, formulas: Sequence[str]) -> Iterator[Page | RenderFailure]:
        """Yield one page or failure for each formula, in order."""
        for formula in formulas:
            yield self._render(formula)

    def render_tokens(self, formulas: Sequence[Sequence[str]]) -> Iterator[Page | RenderFailure]:
        """Render normal forms: the pages of the joined tokens, with `Glyph.token` filled in."""
        for tokens in formulas:
            page = self._render(join(tokens))
            yield page if isinstance(page, RenderFailure) else _name_tokens(page, tokens)

    def _render(self, formula: str) -> Page | RenderFailure:
        svg = typeset(formula)
        if isinstance(svg, RenderFailure):
            return svg
        try:
            return _crop(self._paint(svg, ruled="{array}" in formula and "|" in formula))
        except (TooLargeError, OverflowError) as error:
            return RenderFailure("too-large", str(error))
        except ValueError as error:
            return RenderFailure("refused", _one_line(str(error)))

    def _paint(self, svg: str, *, ruled: bool) -> Page:
        try:
            drawing = parse(svg)
        except UnknownDrawingError:
            return Page(self._painter.paint_whole(svg))
        if ruled:
            drawing = replace(drawing, bars=settle_rules(drawing.bars))
        return Page(*self._painter.paint(drawing, font=FONT))


def typeset(formula: str) -> str | RenderFailure:
    """Lay a formula out: mathra's SVG, or why there is none."""
    if len(formula) > MAX_CHARACTERS:
        return RenderFailure("too-large", f"longer than {MAX_CHARACTERS} characters")
    if "$" in formula and _STRAY_DOLLAR.search(formula):
        return RenderFailure("refused", "a dollar sign inside the formula")
    try:
        return str(mathra.tex_to_svg(rewrite(formula), display=True, strict=True))
    except ValueError as error:
        return RenderFailure("tex-error", _one_line(str(error)))


def _name_tokens(page: Page, tokens: Sequence[str]) -> Page:
    """Say which token painted each glyph, as far as a coloured copy shows it."""
    copy = TintedFormula(tokens)
    try:
        svg = mathra.tex_to_svg(rewrite(copy.latex), display=True, strict=True)
        places = parse(svg).places
    except ValueError:  # the copy is nested deeper, or is no drawing of glyphs
        return page
    tags = copy.tokens_of([place.fill for place in places])
    codes = [glyph.code for glyph in page.glyphs]
    owners = carry(codes, [place.code for place in places], tags)
    glyphs = zip(page.glyphs, owners, strict=True)
    return Page(page.ink, tuple(glyph._replace(token=owner) for glyph, owner in glyphs))


def _crop(page: Page) -> Page | RenderFailure:
    """Drop the faintest ink and everything outside of the rest."""
    ink = page.ink
    ink[ink > 255 - FAINTEST_INK] = 255
    inked = ink < 255
    rows, columns = np.flatnonzero(inked.any(axis=1)), np.flatnonzero(inked.any(axis=0))
    if not len(rows):
        return RenderFailure("blank", "the formula paints nothing")
    top, left = int(rows[0]), int(columns[0])
    glyphs = tuple(glyph._replace(x=glyph.x - left, y=glyph.y - top) for glyph in page.glyphs)
    return Page(ink[top : int(rows[-1]) + 1, left : int(columns[-1]) + 1].copy(), glyphs)


def _one_line(message: str) -> str:
    """The message of mathra without its column, which counts in the rewritten formula."""
    return re.sub(r"^column \d+: ", "", " ".join(message.split()))


UNITS_PER_EM = 1000
_TAG = re.compile(r"<(\w+)((?:\s+[\w:-]+=\"[^\"<>]*\")*)\s*/?>")
_END = re.compile(r"</\w+>")
_ATTRIBUTE = re.compile(r"([\w:-]+)=\"([^\"]*)\"")
_TITLE = re.compile(r"<title[^>]*>([^<]*)</title>")
_TAGS = {"defs", "g", "path", "use", "rect", "line"}
_ATTRIBUTES = {
    *("id", "d", "href", "transform", "x", "y", "width", "height", "x1", "x2", "y1", "y2"),
    *("fill", "stroke", "stroke-width", "stroke-linecap", "stroke-dasharray"),
}


def to_svg(formula: str) -> str | RenderFailure:
    """Draw a formula with the embedded renderer.

    Args:
        formula: LaTeX.

    Returns:
        An SVG element of outlines alone, in `currentColor`, one em as large as the text around
        it and with the spoken formula as its title; or why there is none.
    """
    svg = typeset(formula)
    if isinstance(svg, RenderFailure):
        return svg
    try:
        (x, y, width, height), body = cut_out(svg)
        _check(body)
    except UnknownDrawingError as error:
        return RenderFailure("refused", str(error))
    match = _TITLE.search(svg)
    title = escape(unescape(match[1])) if match else ""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{x:g} {y:g} {width:g} {height:g}" '
        f'width="{width / UNITS_PER_EM:.3f}em" height="{height / UNITS_PER_EM:.3f}em" '
        f'overflow="visible" role="img"><title>{title}</title>{body}</svg>'
    )


def _check(body: str) -> None:
    """Let through only what paints: no link, no script, no picture from elsewhere."""
    if "<" in _END.sub("", _TAG.sub("", body)):
        raise UnknownDrawingError("the SVG holds more than elements")
    for tag, attributes in _TAG.findall(body):
        names = dict(_ATTRIBUTE.findall(attributes))
        if tag not in _TAGS or not names.keys() <= _ATTRIBUTES:
            raise UnknownDrawingError(f"the SVG has a <{tag}>")
        if not names.get("href", "#").startswith("#"):
            raise UnknownDrawingError("the SVG names another file")
