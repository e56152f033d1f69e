r"""Math inside text, `\text{if $x>0$}`, brought outside it before the normal form is written."""

from __future__ import annotations

from im2latex_cli.latex.commands import COMMANDS, TEXT_WORDS, Atom, CommandKind

_CLOSING = {"$": "$", "\\(": "\\)"}
_BOLD = "\\boldmath"
_FULL_SIZE = frozenset(("\\mbox", "\\hbox"))
_WORDS = TEXT_WORDS - {"\\fbox"}
_ACCENTS = frozenset(one.name for one in COMMANDS.values() if one.kind is CommandKind.ACCENT)
_DEEPEST = 20
"""Text in the math of a text in math, so often; the parser refuses what stays."""


def shifted(tokens: list[str]) -> bool:
    """Whether there is a dollar sign or its like."""
    return "$" in tokens or "\\(" in tokens or "\\[" in tokens


def out_of_text(tokens: list[str], depth: int = 0) -> list[str]:
    r"""Write `\text{if $x>0$ or}` as `{\text{if }{x>0}\text{ or}}`.

    What has no place outside text (math in `\fbox`, tall math of a script) stays, and so does
    what is unbalanced: the parser will name it.
    """
    if depth == _DEEPEST:
        return tokens
    out: list[str] = []
    scripts = [False]  # for each open brace: whether it stands in a script
    at = 0
    while at < len(tokens):
        token = tokens[at]
        script = scripts[-1] or (bool(out) and out[-1] in ("_", "^"))
        if token in _WORDS and (end := _end(tokens, at + 1)) and not _is_raised(tokens, at, end):
            out += _split(token, tokens[at + 2 : end], depth, script=script) or tokens[at : end + 1]
            at = end
        else:
            out.append(token)
            if token == "{":
                scripts.append(script)
            elif token == "}" and len(scripts) > 1:
                scripts.pop()
        at += 1
    return out


def _is_raised(tokens: list[str], start: int, end: int) -> bool:
    """Whether scripts stand on an accent over this text: beside a box TeX sets them otherwise."""
    accent = tokens[start - 2 : start - 1] if tokens[start - 1 : start] == ["{"] else []
    return (
        accent != []
        and accent[0] in _ACCENTS
        and tokens[end + 1 : end + 2] == ["}"]
        and tokens[end + 2 : end + 3] in (["^"], ["_"], ["'"])
    )


def _end(tokens: list[str], at: int) -> int:
    """The brace that closes the one at `at`; 0 where there is none."""
    depth = 0
    for place in range(at, len(tokens)):
        depth += (tokens[place] == "{") - (tokens[place] == "}")
        if depth <= 0:
            return place if depth == 0 and place > at else 0
    return 0


def _split(word: str, body: list[str], depth: int, *, script: bool) -> list[str]:
    """Text and math side by side in braces; empty where that cannot be done."""
    if not shifted(body):
        return []
    out, run, at, bold = ["{"], list[str](), 0, False
    while at < len(body):
        token = body[at]
        if token in _CLOSING:
            end = _shift_back(body, at)
            math = out_of_text(body[at + 1 : end], depth + 1)
            inner = _math(word, math, bold=bold, script=script) if end else []
            if not inner:
                return []
            out += [*_text(word, run), *inner]
            run, at = [], end
        elif token == _BOLD:
            bold = True
        elif token == "{":
            end = _end(body, at)
            if shifted(body[at:end]):
                return []
            run += body[at : end + 1]
            at = end
        else:
            run.append(token)
        at += 1
    return [*out, *_text(word, run), "}"]


def _shift_back(body: list[str], at: int) -> int:
    """Where the math that begins at `at` ends; 0 if it does not."""
    depth, closing = 0, _CLOSING[body[at]]
    for place in range(at + 1, len(body)):
        if depth == 0 and body[place] == closing:
            return place
        depth += (body[place] == "{") - (body[place] == "}")
    return 0


def _text(word: str, body: list[str]) -> list[str]:
    return [word, "{", *body, "}"] if body else []


def _math(word: str, inner: list[str], *, bold: bool, script: bool) -> list[str]:
    """A group that paints what `$...$` paints inside the text; empty where there is none."""
    style: list[str] = []
    if not is_flat(inner) or (script and word in _FULL_SIZE):
        if script and word not in _FULL_SIZE:
            return []
        style = ["\\textstyle"]
    return ["{", *style, *(["\\boldsymbol", "{", *inner, "}"] if bold else inner), "}"]


def is_flat(tokens: list[str]) -> bool:
    """Whether display style would paint the same: letters, signs and subscripts only."""
    return all(
        token in ("{", "}", "_")
        or (
            (entry := COMMANDS.get(token)) is not None
            and entry.kind in (CommandKind.SYMBOL, CommandKind.FONT)
            and entry.atom is not Atom.OP
        )
        for token in tokens
    )
