"""Formulas in running text: where they begin and end in LaTeX and in Markdown.

A first pass blanks what is not text (comments, verbatim, code, definitions), a second one walks
over the mathematics. Newlines stay in both, so that lines can be counted. What Markdown does before
mathematics is read (code, links, entities, bars in tables) is done here too, as is the removal of
tags and entities of copied web pages.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from html import unescape
from html.entities import html5
from typing import Literal

from im2latex_cli.data.documents import lexing
from im2latex_cli.data.documents.lexing import Tokens, lex, unlex, without_comments
from im2latex_cli.data.documents.macros import (
    BUILT_IN,
    LONGEST,
    Definitions,
    Macros,
    TooLongError,
    call,
    expand,
    find_definitions,
)
from im2latex_cli.data.sources.entries import BadReason

_TAGS = (
    "a|b|big|br|code|dd|div|dl|dt|em|font|h[1-6]|hr|i|img|input|label|li|m[a-z]+|ol|p|pre|s|small|"
    "span|strike|strong|sub|sup|svg|table|tbody|td|th|tr|tt|u|ul|var"
)
_HTML = re.compile(
    rf"</(?:{_TAGS})\s*>|<(?:{_TAGS})\s[^<>]*=\s*[\"'][^<>]*>|<(?:br|hr)\s*/?>|<(?:{_TAGS})\s*/>"
)
_ENTITY = re.compile(r"&(?:#\d{1,7}|#x[0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,30});")


def markup(formula: str) -> str | None:
    """The first tag or entity in a formula, or None."""
    if "<" not in formula and "&" not in formula:
        return None
    match = _HTML.search(formula)
    if match is not None:
        return match[0]
    return next((one[0] for one in _ENTITY.finditer(formula) if _is_known(one[0])), None)


def _is_known(entity: str) -> bool:
    return entity[1] == "#" or entity[1:] in html5


def decoded(text: str) -> str:
    """The characters that entities stand for, in their place."""
    return _ENTITY.sub(lambda match: unescape(match[0]).replace("\xa0", " "), text)


_BLOCKS = re.compile(
    r"<(?P<tag>pre|code|script|style)\b(?P<type>[^>]*)>.*?(?:</(?P=tag)\s*>|\Z)",
    re.DOTALL | re.IGNORECASE,
)
_LINK = re.compile(r"\](?P<to>\([^()\s]*(?:\([^()\s]*\)[^()\s]*)*(?:\s+\"[^\"\n]*\")?\))")
_ADDRESS = re.compile(r"<(?:https?|mailto):[^<>\s]*>|\bhttps?://[^\s<>]+")
_RULE = re.compile(
    r"^\s{0,3}\|?\s*:?-+:?\s*(?:\|\s*:?-+:?\s*)+\|?\s*$|^\s{0,3}\|\s*:?-+:?\s*\|\s*$"
)
_ITEM = re.compile(r"^\s*(?:[-*+]|\d+[.)])\s")
_TABLE_BAR = re.compile(r"(?<!\\)\\\|")


_QUOTE = re.compile(r"^(?: {0,3}>[ \t]?)+")


def without_quotes(text: str) -> str:
    """Take the signs of quoted lines away; in a display a line may begin with a relation."""
    lines = text.split("\n")
    quoted, inside = False, False
    for number, line in enumerate(lines):
        match = _QUOTE.match(line) if quoted or not inside else None
        quoted = match is not None
        if match is not None:
            lines[number] = line[match.end() :]
        inside ^= line.count("$$") % 2 == 1
    return "\n".join(lines)


def without_code(text: str) -> str:
    """Blank indented code and HTML blocks of code; newlines stay."""
    text = _BLOCKS.sub(lambda match: "\n" * match[0].count("\n"), text)
    lines = text.split("\n")
    blank, code, listed = True, False, False
    for number, line in enumerate(lines):
        if not line.strip():
            blank = True
            continue
        indented = line.startswith(("    ", "\t"))
        if not indented:
            listed = bool(_ITEM.match(line)) or (listed and line.startswith(" "))
        code = indented and not listed and (blank or code)
        if code:
            lines[number] = ""
        blank = False
    return "\n".join(lines)


def mathematics(text: str) -> str:
    """Blank addresses, decode entities, and take the backslash off the bars of tables."""
    text = _LINK.sub("]", _ADDRESS.sub("", text))
    lines = decoded(text).split("\n")
    for number, line in enumerate(lines):
        if _RULE.match(line) and number and "|" in lines[number - 1]:
            for row in (number - 1, *range(number + 1, len(lines))):
                if "|" not in lines[row]:
                    break
                lines[row] = _TABLE_BAR.sub("|", lines[row])
    return "\n".join(lines)


def is_price(text: str, start: int) -> bool:
    """Whether the dollar sign before `start` follows a letter or a digit, as in CA$6."""
    return text[start - 2 : start - 1].isalnum()


Language = Literal["tex", "markdown"]

_HIDDEN_TEX = re.compile(
    r"""\\begin\s*\{(?P<verbatim>verbatim\*?|Verbatim\*?|BVerbatim|LVerbatim|lstlisting|minted|comment
            |filecontents\*?|alltt)\}.*?(?:\\end\s*\{(?P=verbatim)\}|\Z)
      | \\(?:verb|lstinline|mintinline\s*\{\w*\})\*?(?P<bar>[^A-Za-z\s*{])[^\n]*?(?P=bar)
      | \\iffalse(?![A-Za-z@]).*?(?:\\fi(?![A-Za-z@])|\Z)
      | \\end\s*\{document\}.*
      | (?P<escaped>\\.)
      | %(?P<comment>[^\n]*)""",
    re.DOTALL | re.VERBOSE,
)
_FENCE = re.compile(
    r"^(?P<open> {0,3}(?P<mark>`{3,}|~{3,}|:{3,}(?=[ \t]*\{math\}))[ \t]*(?P<info>[^\n`]*)\n)"
    r"(?P<body>.*?)(?:^ {0,3}(?P=mark)[`~:]*[ \t]*$|\Z)",
    re.DOTALL | re.MULTILINE,
)
_OPTIONS = re.compile(r"\A(?:[ \t]*:[a-z-]+:[^\n]*\n)+")
"""Options of a directive, such as `:label: name`."""
_HIDDEN_MARKDOWN = re.compile(
    r"""\$`(?P<math>[^`\n]+)`\$
      | (?P<escaped>\\.)
      | <!--.*?(?:-->|\Z)
      | (?P<ticks>`+)(?!`)(?:(?!\n[ \t]*\n).)*?(?<!`)(?P=ticks)(?!`)""",
    re.DOTALL | re.VERBOSE,
)
_PARAGRAPH = re.compile(r"\n[ \t]*\n")
_START: dict[Language, re.Pattern[str]] = {
    "tex": re.compile(r"\\begin\s*\{([A-Za-z]+\*?)\}|\\ensuremath\s*\{|\\.|\$\$|\$", re.DOTALL),
    "markdown": re.compile(r"\\begin\s*\{([A-Za-z]+\*?)\}|\\\\[\[(]|\\.|\$\$|\$", re.DOTALL),
}
_CLOSING = {"\\[": "\\]", "\\(": "\\)", "\\\\[": "\\\\]", "\\\\(": "\\\\)", "$$": "$$"}
_UNTIL_DOLLAR = re.compile(r"(?:\\.|[^\\$\n])*")
_STEP = re.compile(r"\\.|[{}$]", re.DOTALL)
_STRUCTURE = re.compile(r"\\(?:begin|end)\s*\{([A-Za-z]+\*?)\}|(?<!\\)\\[\[\]]|\$\$")
_ENVIRONMENT = re.compile(r"\\(begin|end)\s*\{([^{}\n]*)\}")
_ROWS = re.compile(
    r"\\left(?![A-Za-z])|\\begin\s*\{(?:array|d?cases|[a-zA-Z]*matrix|aligned(?:at)?|gathered|split)\}"
)
"""What an author's own environment inside a formula is made of."""
_NOTHING = re.compile(r"\\label\s*\{[^{}]*\}|\\(?:nonumber|notag)(?![A-Za-z])|[&\s.,;~]|\\[,;:!]")
_PROSE = frozenset(
    [
        "document",
        "abstract",
        "center",
        "flushleft",
        "flushright",
        "quote",
        "quotation",
        "itemize",
        "enumerate",
        "description",
        "figure",
        "figure*",
        "table",
        "table*",
        "tabular",
        "tabular*",
        "tabularx",
        "longtable",
        "minipage",
        "titlepage",
        "thebibliography",
        "theorem",
        "proof",
        "lemma",
        "definition",
        "remark",
        "example",
        "corollary",
        "proposition",
        "subequations",
        "frame",
        "block",
        "columns",
        "column",
        "tikzpicture",
        "picture",
        "algorithm",
        "algorithmic",
        "verse",
        "tabbing",
    ]
)
"""Environments of LaTeX and of common packages that hold no bare mathematics."""

_REFERENCES = re.compile(
    r"\\(?:label|ref|eqref|cite[a-z]*|includegraphics|input|url|href|bibitem|autoref|cref|begin|end)"
    r"\s*(?:\[[^\]]*\])?\s*\{[^{}]*\}"
)
_MARKED = re.compile(r"(?<!\\)\$|\\[(\[]|\\begin\s*\{")
_MATHEMATICS = re.compile(
    r"(?<!\\)[_^]\s*[{\w\\]|\\(?:frac|dfrac|sqrt|sum|int|prod|partial|alpha|beta|gamma|lambda|infty|"
    r"cdot|times|leq?|geq?|neq?|to|mathbf|mathrm|mathbb|mathcal|left|right)(?![A-Za-z])|&\s*=\s*&"
)
_UNCLOSED = {
    "$": "a dollar sign with mathematics behind it opens no formula here",
    "$$": "a display that nothing closes before the next blank line",
}
"""Marks that open no formula although mathematics follows, and why."""
_SHOWN = 200
_LONGEST = 20_000
_LONGEST_INLINE = 2_000
"""Characters after which an opening mark counts as one that nobody closes."""


@dataclass(frozen=True, slots=True)
class TextFormula:
    """One formula of a text.

    Attributes:
        line: where it begins, from 1.
        formula: with macros written out; as it stands where that is impossible.
        problem: why it is no formula, or None.
        reason: short name of the problem, for counting.
    """

    line: int
    formula: str
    problem: str | None = None
    reason: BadReason = "no-formula"


@dataclass(frozen=True, slots=True)
class BlankedText:
    """A text made ready: everything but prose and mathematics is blank.

    Attributes:
        text: with the newlines of the original.
        definitions: what was defined in it.
        language: how mathematics is marked.
    """

    text: str
    definitions: Definitions
    language: Language


def prepare(text: str, language: Language) -> BlankedText:
    """Blank comments, verbatim, code and definitions, and keep the definitions."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if language == "markdown":
        text = without_quotes(text)
        text = without_code(_FENCE.sub(_show_fence, text))
        text = mathematics(_HIDDEN_MARKDOWN.sub(_show_markdown, text))
    else:
        text = _HIDDEN_TEX.sub(_show_tex, text)
    tokens = lex(text)
    definitions = find_definitions(tokens)
    for start, end in definitions.spans:
        blank = _only_newlines("".join(tokens[start:end]))
        tokens[start:end] = [blank, *[""] * (end - start - 1)]
    return BlankedText("".join(tokens), definitions, language)


def formulas(piece: BlankedText, shared: Macros) -> Iterator[TextFormula]:
    """Yield the formulas of a text.

    Args:
        piece: the prepared text.
        shared: what other files of the same source define; the text's own go before it.
    """
    macros = {**BUILT_IN, **shared, **piece.definitions.macros}
    text = _with_structure(piece, macros)
    line, counted = 1, 0
    for start, name, body in _spans(text, piece.language):
        line += text.count("\n", counted, start)
        counted = start
        if name in _UNCLOSED:
            yield TextFormula(line, " ".join(body.split()), _UNCLOSED[name], "not-taken")
            continue
        if name not in lexing.NAMES:
            shown = " ".join(body.split())
            problem = f"the environment {name} is not known here: its mathematics is left out"
            yield TextFormula(line, shown, problem, "not-taken")
            continue
        for newlines, row in lexing.rows(name, lex(body)):
            plain = _unescaped(row) if piece.language == "markdown" else row
            formula = _written_out(plain, macros)
            if formula is not None:
                yield TextFormula(line + newlines, *formula)


def _only_newlines(text: str) -> str:
    return "\n" * text.count("\n")


def _show_tex(match: re.Match[str]) -> str:
    if match["escaped"] is not None:
        return match[0]
    return "%" if match["comment"] is not None else " " + _only_newlines(match[0])


def _show_fence(match: re.Match[str]) -> str:
    if match["info"].strip() in {"math", "{math}"}:
        options = _OPTIONS.match(match["body"])
        end = options.end() if options else 0
        return _only_newlines(match["body"][:end]) + f"$$\n{match['body'][end:]}$$"
    return _only_newlines(match[0])


def _show_markdown(match: re.Match[str]) -> str:
    if match["math"] is not None:
        return f"${match['math'].strip()}$"
    return match[0] if match["escaped"] is not None else " " + _only_newlines(match[0])


def _with_structure(piece: BlankedText, macros: Macros) -> str:
    r"""Write out the author's own words for `\begin{equation}` and the like, lines kept."""
    own = piece.definitions.environments
    text = piece.text
    if own:
        text = _ENVIRONMENT.sub(lambda match: _own_environment(match, own), text)
    names = _structural(macros)
    if not any(name in text for name in names):
        return text
    chosen = {name: macros[name] for name in names}
    tokens = lex(text)
    out: Tokens = []
    at = 0
    while at < len(tokens):
        invocation = call(chosen[tokens[at]], tokens, at + 1) if tokens[at] in chosen else None
        end = at + 1 if invocation is None else invocation[2]
        out.append("".join(tokens[at:end]) if invocation is None else _flat(tokens[at:end], chosen))
        at = end
    return "".join(out)


def _own_environment(match: re.Match[str], own: Mapping[str, tuple[Tokens, Tokens]]) -> str:
    if match[2] not in own:
        return match[0]
    begin, end = map(unlex, own[match[2]])
    part = end if match[1] == "end" else begin
    return part + " " if _is_structural(part) or _ROWS.search(begin) else match[0]


def _is_structural(text: str) -> bool:
    return any(match[1] is None or match[1] in lexing.NAMES for match in _STRUCTURE.finditer(text))


def _structural(macros: Macros) -> set[str]:
    names = {name for name, macro in macros.items() if _is_structural(unlex(macro.body))}
    while names:
        more = {n for n, macro in macros.items() if n not in names and names & set(macro.body)}
        if not more:
            break
        names |= more
    return names


def _flat(tokens: Tokens, macros: Macros) -> str:
    """Write out one call on one line; the newlines that it spanned follow it."""
    text = "".join(tokens)
    try:
        written = unlex(expand(tokens, macros))
    except TooLongError:
        return text
    return written.replace("%\n", " ").replace("\n", " ") + " " + _only_newlines(text)


def _spans(  # noqa: C901, PLR0912 - one case for each mark
    text: str, language: Language
) -> Iterator[tuple[int, str, str]]:
    """Yield where each formula begins, its environment and what is inside."""
    at = paragraph = 0
    hopeless: dict[str, int] = {}
    while (mark := _START[language].search(text, at)) is not None:
        opening, start = mark[0], mark.end()
        at = start
        if paragraph < start:
            end = _PARAGRAPH.search(text, start)
            paragraph = len(text) if end is None else end.start()
        if opening.startswith("\\ensuremath"):
            limit = min(paragraph, start + _LONGEST_INLINE)
            closing = _brace_end(text, start, limit)
        elif opening == "$":
            limit = min(paragraph, start + _LONGEST_INLINE)
            closing = _inline_end(text, start, limit, language)
        elif opening in _CLOSING or mark[1] in lexing.NAMES:
            limit = min(paragraph, start + _LONGEST)
            if hopeless.get(opening, 0) >= limit:
                continue
            closing = _display_end(text, start, limit, opening, mark[1])
            if closing is None:
                hopeless[opening] = limit
        elif mark[1] is not None and mark[1] not in _PROSE:
            closing = _unknown_end(text, start, min(len(text), start + _LONGEST), mark[1])
        else:
            continue
        if closing is not None:
            yield start, mark[1] or "equation", text[start : closing[0]]
            at = closing[1]
        elif opening == "$":
            shown = _UNTIL_DOLLAR.match(text, start, min(len(text), start + _SHOWN))
            if shown is not None and _MATHEMATICS.search(shown[0]):
                yield start, "$", shown[0]
        elif mark[1] in lexing.NAMES or opening == "$$":
            inside = text[start : min(limit, start + _SHOWN)]
            if mark[1] or _MATHEMATICS.search(inside):
                yield start, "$$", inside


def _brace_end(text: str, start: int, limit: int) -> tuple[int, int] | None:
    """Where the group ends whose brace stands before `start`."""
    depth = 1
    for step in _STEP.finditer(text, start, limit):
        depth += (step[0] == "{") - (step[0] == "}")
        if depth == 0:
            return step.span()
    return None


def _unknown_end(text: str, start: int, limit: int, name: str) -> tuple[int, int] | None:
    """Where an environment ends that is not known and looks like mathematics, or None.

    Prose marks its mathematics; scripts and commands of mathematics without such marks are that of
    an environment which is itself a display.
    """
    end = re.compile(rf"\\end\s*\{{{re.escape(name)}\}}").search(text, start, limit)
    if end is None:
        return None
    inside = text[start : end.start()]
    if any(one[1] in lexing.NAMES for one in _STRUCTURE.finditer(inside)):
        return None
    inside = _REFERENCES.sub("", inside)
    if _MARKED.search(inside) or not _MATHEMATICS.search(inside):
        return None
    return end.span()


def _display_end(
    text: str, start: int, limit: int, opening: str, name: str | None
) -> tuple[int, int] | None:
    """Return where a display's inside ends, and where what follows it begins."""
    if name is not None:
        end = re.compile(rf"\\end\s*\{{{re.escape(name)}\}}").search(text, start, limit)
        return None if end is None else end.span()
    closing = _CLOSING[opening]
    for step in re.compile(rf"{re.escape(closing)}|\\.", re.DOTALL).finditer(text, start, limit):
        if step[0] == closing:
            return step.span()
    return None


def _inline_end(text: str, start: int, limit: int, language: Language) -> tuple[int, int] | None:
    """The same for a formula between dollars; in Markdown these may also be money."""
    is_markdown = language == "markdown"
    if is_markdown and (text[start : start + 1].isspace() or is_price(text, start)):
        return None
    depth = 0
    for step in _STEP.finditer(text, start, limit):
        depth += (step[0] == "{") - (step[0] == "}")
        if depth < 0:
            return None
        if step[0] == "$" and depth == 0:
            is_money = (
                text[step.start() - 1].isspace() or text[step.end() : step.end() + 1].isdigit()
            )
            return None if is_markdown and is_money else step.span()
    return None


def _unescaped(row: Tokens) -> Tokens:
    r"""`\\\\{x\\\\}` as Markdown shows it: `\\{x\\}`; rows of environments keep their breaks."""
    if "\\begin" in row or "\\\\" not in row:
        return row
    out: Tokens = []
    for token in row:
        if token in ("{", "}") and out[-1:] == ["\\\\"]:
            out[-1] = f"\\{token}"
        else:
            out.append(token)
    return out if out.count("\\{") == out.count("\\}") else row


def _written_out(row: Tokens, macros: Macros) -> tuple[str, str | None] | None:
    """The formula of one row and what is wrong with it, or None where there is nothing."""
    formula, problem = _expanded(lex(without_comments("".join(row))), macros)
    formula = " ".join(formula.split())
    return (formula, problem) if _NOTHING.sub("", formula) else None


def write_out(formula: str, macros: Macros) -> tuple[str, str | None]:
    """A formula with macros written out, and why that is impossible, or None."""
    return _expanded(lex(formula), {**BUILT_IN, **macros})


def _expanded(tokens: Tokens, macros: Macros) -> tuple[str, str | None]:
    problem = None
    if any(token in macros for token in tokens):
        try:
            tokens = expand(tokens, macros)
        except TooLongError:
            problem = f"its macros write out to more than {LONGEST:,} tokens, or without end"
    return unlex(lexing.hoist(tokens)), problem
