"""Which formulas may share a document, which go alone, and which never reach TeX."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from im2latex_cli.render.tex.sandbox_words import (
    HARMLESS_ENVIRONMENTS,
    HARMLESS_WORDS,
    REFUSED_WORDS,
)


@dataclass(frozen=True, slots=True)
class Screening:
    """How a formula may be typeset.

    Attributes:
        lane: shared with others, alone in a process of its own, or not at all.
        text: one line for TeX, comments removed.
        doubtful: control words that LaTeX must not know if it is to share a document.
        problem: why it is refused.
    """

    lane: Literal["shared", "alone", "refused"]
    text: str
    doubtful: tuple[str, ...] = ()
    problem: str = ""


_WORD = re.compile(r"\\([A-Za-z]+|.)", re.DOTALL)
_COMMENT = re.compile(r"(?<!\\)((?:\\\\)*)%[^\n]*\n?")
_ENVIRONMENT = re.compile(r"\\(begin|end)\s*\{([^{}]*)\}")
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1f\x7f\ud800-\udfff]")
_MARK = re.compile(r"\\.|[{}$]")
_TEXT_ENVIRONMENT = re.compile(r"\\begin\s*\{(?:tabular|minipage|center)")
_LONGEST = 20_000


def screen(formula: str) -> Screening:
    """Decide how a formula may be typeset; says nothing of whether it is right."""
    text = _COMMENT.sub(r"\1", formula) if "%" in formula else formula
    text = " ".join(text.split())
    problem = _refusal(formula, text)
    if problem:
        return Screening("refused", text, (), problem)
    words = {word for word in _WORD.findall(text) if len(word) > 1 or word.isalpha()}
    unknown = tuple(sorted(words - HARMLESS_WORDS))
    if REFUSED_WORDS.intersection(unknown):
        word = next(word for word in unknown if word in REFUSED_WORDS)
        return Screening("refused", text, (), f"\\{word} is not allowed in a formula")
    if "^^" in text or _strange_environment(text):
        return Screening("alone", text)
    if any(word.startswith("if") or word in {"fi", "else", "or"} for word in unknown):
        return Screening("alone", text)
    return Screening("shared", text, unknown)


def _refusal(formula: str, text: str) -> str:
    """Why TeX must not see this at all, or an empty string."""
    match = _CONTROL.search(formula)
    if match:
        return f"the formula contains the control character U+{ord(match.group()):04X}"
    if len(text) > _LONGEST:
        return f"the formula has {len(text):,} characters; {_LONGEST:,} are allowed"
    return _unbalanced(text)


def _unbalanced(text: str) -> str:
    """Braces decide where TeX's macro argument ends, so they must balance before TeX looks.

    A dollar outside all braces would end the display and leave a picture of something else.
    """
    depth = 0
    for mark in _MARK.findall(text):
        depth += (mark == "{") - (mark == "}")
        if depth < 0:
            return "unbalanced braces: a } closes nothing"
        if mark == "$" and not depth and not _TEXT_ENVIRONMENT.search(text):
            return "a dollar sign outside text: the formula is in display math already"
    return "unbalanced braces: a { is never closed" if depth else ""


def _strange_environment(text: str) -> bool:
    """Whether an environment is used that might not keep to itself."""
    named = _ENVIRONMENT.findall(text)
    if len(named) < text.count("\\begin") + text.count("\\end"):
        return True
    return any(name.strip() not in HARMLESS_ENVIRONMENTS for _, name in named)
