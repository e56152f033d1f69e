r"""Spellings of TeX that mathra does not know, in words that it does.

Only what looks the same is rewritten; anything else stays as it is, and mathra refuses it.
`\limits` and `\nolimits` are rewritten because mathra knows them and does not follow them after
names of functions and after `\mathop`; so are scripts on both sides of a brace, and commands in
the argument of `\operatorname`, which it would spell out.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from im2latex_cli.latex.symbols import FUNCTIONS, LIMIT_FUNCTIONS
from im2latex_cli.latex.tokenizer import join, tokenize

_UNIT = r"(?:\s*t\s*r\s*u\s*e)?\s*(p\s*t|m\s*m|c\s*m|i\s*n|e\s*x|e\s*m|m\s*u|p\s*c|b\s*p|s\s*p)"
_DIMENSION = rf"\s*([-+]?[\s\d.]*\d[\s\d.]*|[-+]?\s*\.[\s\d]+){_UNIT}\s*"
_BRACED_DIMENSION = re.compile(
    rf"\\(hspace|vspace|hskip|kern|mkern|mskip)\s*\*?\s*{{{_DIMENSION}}}"
)

_PAIRS = r"""
\dag \dagger
\ddag \ddagger
\slash /
\hfill {}
\sl \it
\underbar \underline
\vcenter \mathord
\cdotp \mathpunct{\cdot}
\ldotp \mathpunct{.}
\And \mathbin{\&}
\circledcirc \mathbin{⊚}
\lesseqqgtr \mathrel{⪋}
\gtreqqless \mathrel{⪌}
\backepsilon \mathrel{϶}
\circledR ®
\maltese ✠
\lgroup \mathopen{⟮}
\rgroup \mathclose{⟯}
\lmoustache \mathopen{⎰}
\rmoustache \mathclose{⎱}
\injlim \mathop{\mathrm{inj\,lim}}
\projlim \mathop{\mathrm{proj\,lim}}
\varinjlim \mathop{\underrightarrow{\mathrm{lim}}}
\varprojlim \mathop{\underleftarrow{\mathrm{lim}}}
\varliminf \mathop{\underline{\mathrm{lim}}}
\varlimsup \mathop{\overline{\mathrm{lim}}}
\textsl \textit
\textmd \textup
\textquoteleft ‘
\textquoteright ’
\textbar |
\OE Œ
\oe œ
\AE Æ
\ae æ
\L Ł
\i ı
\j ȷ
\varGamma \mathit{\Gamma}
\varDelta \mathit{\Delta}
\varTheta \mathit{\Theta}
\varLambda \mathit{\Lambda}
\varXi \mathit{\Xi}
\varPi \mathit{\Pi}
\varSigma \mathit{\Sigma}
\varUpsilon \mathit{\Upsilon}
\varPhi \mathit{\Phi}
\varPsi \mathit{\Psi}
\varOmega \mathit{\Omega}
"""
_SPELLINGS = dict(line.split(" ", 1) for line in _PAIRS.strip().splitlines())
_SPELLINGS |= {"\\*": "{}", "\\/": "", "\\space": "\\ ", "\\nobreakspace": "~", "\\enspace": "\\ "}
_WORD = re.compile(r"(\\(?:[A-Za-z]+|.))(\s*)", re.DOTALL)
_ENDS_IN_WORD = re.compile(r"\\[A-Za-z]+\Z")
_FENCE_BEFORE = re.compile(r"\\(?:left|right|middle|[bB]igg?[lrm]?)\s*\Z")
_STACKING = frozenset(f"\\{name}" for name in f"{LIMIT_FUNCTIONS} liminf limsup".split())
_BESIDE = frozenset(f"\\{name}" for name in FUNCTIONS.split())
_STACKING_GROUPS = frozenset(("\\mathop", "\\operatorname*"))
_BRACES = frozenset(("\\overbrace", "\\underbrace"))


_WANTS_TOKENS = re.compile(r"limits|brace|operatorname\s*\*?\s*\{[^}]*[\\{]")


def rewrite(formula: str) -> str:
    """Return the formula in the dialect that mathra reads."""
    formula = _BRACED_DIMENSION.sub(_join_dimension, formula)
    formula = _WORD.sub(_respell, formula)
    if _WANTS_TOKENS.search(formula):
        formula = join(_settle_limits(_settle_names(tokenize(formula))))
    return _without_last_backslash(formula)


def _join_dimension(match: re.Match[str]) -> str:
    name, number, unit = match.groups()
    command = "hspace" if name in {"hskip", "kern"} else name
    return rf"\{command}{{{''.join(number.split())}{''.join(unit.split())}}}"


def _respell(match: re.Match[str]) -> str:
    word, blanks = match.groups()
    spelling = _SPELLINGS.get(word)
    if spelling is None or _FENCE_BEFORE.search(match.string, 0, match.start()):
        return match.group()
    swallows = word[-1].isalpha() and not _ENDS_IN_WORD.search(spelling)
    return spelling if swallows else spelling + blanks  # TeX skips blanks after words


def _settle_names(tokens: Sequence[str]) -> list[str]:
    """Spell names of operators that hold commands as upright formulas."""
    result: list[str] = []
    position = 0
    while position < len(tokens):
        word = tokens[position]
        position += 1
        end = _argument_end(tokens, position) if word.startswith("\\operatorname") else position
        name = tokens[position + 1 : end - 1]
        if all(len(letter) == 1 for letter in name):
            result.append(word)
            continue
        result += ["\\mathop", "{", "\\mathrm", "{", *_settle_names(name), "}", "}"]
        result += [] if word.endswith("*") else ["\\nolimits"]
        position = end
    return result


def _settle_limits(tokens: Sequence[str]) -> list[str]:
    """Spell limits as stacks, and scripts beside an operator as those of an ordinary group."""
    result: list[str] = []
    position = 0
    while position < len(tokens):
        word = tokens[position]
        if word not in {"\\limits", "\\nolimits", "_", "^"}:
            result.append(word)
            position += 1
            continue
        start = _operator_start(result)
        operator = result[start] if start is not None else ""
        is_script = word in {"_", "^"}
        position += not is_script
        stacks = operator in _BRACES if is_script else word == "\\limits" and _stacks(operator)
        if start is not None and stacks:
            scripts, position = _scripts(tokens, position)
            result[start:] = _stack(result[start:], scripts)
        elif is_script:
            result.append(word)
            position += 1
        elif start is not None and word == "\\nolimits" and operator == "\\mathop":
            result[start] = "\\mathord"
        elif start is None or word == "\\nolimits":
            result.append(word)  # \\limits after a word that does not heed it is left out
    return result


def _stacks(operator: str) -> bool:
    return operator in _STACKING or operator in _STACKING_GROUPS or operator in _BRACES


def _operator_start(tokens: Sequence[str]) -> int | None:
    """Where the function or the operator with a group begins that the tokens end in."""
    if tokens and (tokens[-1] in _STACKING or tokens[-1] in _BESIDE):
        return len(tokens) - 1
    depth = 0
    for index in range(len(tokens) - 1, 0, -1):
        depth += (tokens[index] == "}") - (tokens[index] == "{")
        if depth == 0:
            is_argument = tokens[index - 1] in _STACKING_GROUPS | _BRACES | {"\\operatorname"}
            return index - 1 if is_argument and tokens[index] == "{" else None
    return None


def _scripts(tokens: Sequence[str], position: int) -> tuple[dict[str, list[str]], int]:
    """The scripts that follow, by their mark, and the position after them."""
    scripts: dict[str, list[str]] = {}
    while position + 1 < len(tokens) and tokens[position] in {"_", "^"}:
        mark = tokens[position]
        if mark in scripts:
            break
        end = _argument_end(tokens, position + 1)
        scripts[mark] = list(tokens[position + 1 : end])
        position = end
    return scripts, position


def _argument_end(tokens: Sequence[str], start: int) -> int:
    depth = 0
    for index in range(start, len(tokens)):
        depth += (tokens[index] == "{") - (tokens[index] == "}")
        if depth <= 0:
            return index + 1
    return len(tokens)


def _stack(operator: list[str], scripts: dict[str, list[str]]) -> list[str]:
    inner = ["{", *operator, "}"]
    for mark, word in (("^", "\\overset"), ("_", "\\underset")):
        if mark in scripts:
            inner = ["{", word, "{", *scripts[mark], "}", *inner, "}"]
    return ["\\mathop", *inner]


def _without_last_backslash(formula: str) -> str:
    r"""Drop a lone final backslash, which a stripped `\ ` leaves behind."""
    body = formula.rstrip("\\ \t\n")
    backslashes = formula[len(body) :].replace(" ", "").count("\\")
    return body if backslashes % 2 else formula
