"""Scores by length, construct, depth and source, and the most frequent confusions."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import zip_longest

import numpy as np
from numpy.typing import NDArray
from rapidfuzz.distance import Levenshtein

from im2latex_cli.evaluate import text
from im2latex_cli.evaluate.text import Tokens

LENGTHS = (10, 20, 40, 80)
"""Longest formula of each group, in tokens; the last group has no end."""
DEPTHS = 3
"""Scripts inside scripts counted apart; deeper ones join the last group."""
SOURCES = 20
"""Sources shown apart, those with the most formulas; the others are one group."""
CONFUSIONS = 30

_CONSTRUCTS = {
    "fraction": r"\\[dtc]?frac|\\[dt]?binom|\\over|\\choose|\\atop|\\genfrac",
    "root": r"\\sqrt|\\root",
    "matrix": r"\\begin\{(\w*matrix|array)\*?\}|\\p?matrix",
    "multi-line": r"\\\\|\\begin\{(aligned|alignedat|cases|split|gathered|align|gather)\*?\}",
    "big operator": r"\\(sum|prod|coprod|i{1,4}nt|oint|big(cup|cap|vee|wedge|oplus|otimes|sqcup|"
    r"uplus|odot))",
    "accent": r"\\(hat|widehat|tilde|widetilde|bar|overline|underline|vec|d{1,4}ot|check|breve|"
    r"acute|grave|mathring|overrightarrow|overleftarrow|overbrace|underbrace)",
    "delimiters": r"\\left.*",
}
CONSTRUCTS = {name: re.compile(pattern) for name, pattern in _CONSTRUCTS.items()}
"""Tokens that show a construct."""


@dataclass(frozen=True, slots=True)
class ScoreGroup:
    """Scores of the formulas that share something, in percent.

    Attributes:
        by: the property they share: length, construct, script depth or source.
        group: its value; a formula may have several constructs.
        pictures: formulas in the group.
    """

    by: str
    group: str
    pictures: int
    bleu4: float
    edit_similarity: float
    exact_match: float


@dataclass(frozen=True, slots=True)
class Confusion:
    """One token read as another; empty for a token lost or invented."""

    reference: str
    hypothesis: str
    count: int


def groups(
    references: Sequence[Tokens],
    hypotheses: Sequence[Tokens | None],
    sources: Sequence[str] = (),
) -> tuple[ScoreGroup, ...]:
    """Scores of every group that has formulas.

    Args:
        references: tokens of each reference.
        hypotheses: tokens of each hypothesis, or None.
        sources: source of each reference, "" if unknown; may be empty.
    """
    table = text.statistics(references, hypotheses)
    by_tokens = tuple(
        _group(by, name, table[mask])
        for by, name, holds in _divisions()
        if (mask := np.array([holds(tokens) for tokens in references], dtype=bool)).any()
    )
    return (*by_tokens, *_by_source(table, sources))


def _by_source(table: NDArray[np.int64], sources: Sequence[str]) -> Iterator[ScoreGroup]:
    """Groups by source, largest first; none if no two formulas share a source."""
    counts = Counter(sources)
    if max((counts[name] for name in counts if name), default=0) < 2:
        return
    ranked = sorted(counts, key=lambda name: (-counts[name], name))
    largest = [name for name in ranked if name][:SOURCES]
    names = np.array([name if name in largest else "" for name in sources])
    for name in largest:
        yield _group("source", name, table[names == name])
    if (rest := names == "").any():
        yield _group("source", "other or unknown", table[rest])


def _divisions() -> Iterator[tuple[str, str, Callable[[Tokens], bool]]]:
    shortest = 0
    for longest in LENGTHS:
        yield "length", f"{shortest}-{longest}", partial(_length_within, shortest, longest)
        shortest = longest + 1
    yield "length", f"{shortest} and more", partial(_length_within, shortest, None)
    for name, pattern in CONSTRUCTS.items():
        yield "construct", name, partial(_has, pattern)
    for depth in range(DEPTHS + 1):
        name = f"{depth} and more" if depth == DEPTHS else str(depth)
        yield "script depth", name, partial(_has_depth, depth)


def _length_within(shortest: int, longest: int | None, tokens: Tokens) -> bool:
    return shortest <= len(tokens) and (longest is None or len(tokens) <= longest)


def _has(pattern: re.Pattern[str], tokens: Tokens) -> bool:
    return any(pattern.fullmatch(token) for token in tokens)


def _has_depth(depth: int, tokens: Tokens) -> bool:
    return min(script_depth(tokens), DEPTHS) == depth


def script_depth(tokens: Tokens) -> int:
    """How many scripts lie inside each other; 0 without any, also for unbalanced braces."""
    deepest = depth = 0
    stack: list[bool] = []
    script = False
    for part in tokens:
        if part == "{":
            stack.append(script)
            depth += script
        elif part == "}" and stack:
            depth -= stack.pop()
        elif script:
            deepest = max(deepest, depth + 1)
        deepest = max(deepest, depth)
        script = part in {"^", "_"}
    return deepest


def _group(by: str, name: str, table: NDArray[np.int64]) -> ScoreGroup:
    total = table.sum(axis=0, keepdims=True).astype(np.float64)
    figures = {
        figure: float(text.FIGURES[figure](total)[0])
        for figure in ("bleu4", "edit_similarity", "exact_match")
    }
    return ScoreGroup(by=by, group=name, pictures=len(table), **figures)


def confusions(
    references: Sequence[Tokens], hypotheses: Sequence[Tokens | None], *, limit: int = CONFUSIONS
) -> tuple[Confusion, ...]:
    """The most frequent differences, token by token along the shortest edit script."""
    counts: Counter[tuple[str, str]] = Counter()
    for reference, hypothesis in zip(references, hypotheses, strict=True):
        if hypothesis is not None:
            counts.update(differences(reference, hypothesis))
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return tuple(Confusion(*pair, count) for pair, count in ranked[:limit])


def differences(reference: Tokens, hypothesis: Tokens) -> Iterator[tuple[str, str]]:
    """Pairs of tokens that differ; an empty token means none."""
    for equal, left, right in align(reference, hypothesis):
        if not equal:
            yield from zip_longest(left, right, fillvalue="")


def align(reference: Tokens, hypothesis: Tokens) -> Iterator[tuple[bool, Tokens, Tokens]]:
    """The blocks of the shortest edit script: whether equal, and the tokens of both sides."""
    for block in Levenshtein.opcodes(*text.number_tokens(reference, hypothesis)):
        left = reference[block.src_start : block.src_end]
        right = hypothesis[block.dest_start : block.dest_end]
        yield block.tag == "equal", left, right
