"""Formulas that go round in circles: a decoder that lost its place writes one thing for ever."""

from __future__ import annotations

from collections.abc import Sequence

from im2latex_cli.latex.commands import LEFT, RIGHT
from im2latex_cli.latex.grammar.check import check

ROUNDS = 4
"""So often a thing must come in a row, to the end of a formula that is as long as may be, to count
as a circle."""
FEWEST = 12
"""Tokens that such a circle must fill in all."""
PERIOD = 12
"""Tokens in one round of the circles that are noticed anywhere in a formula."""
LONG = 24
"""A run of tokens that each are the one a round before is long from here on."""
MOST = 20
"""Tokens of a formula that may be in long runs, the first `LONG` - 1 of each aside. Of 107,000 real
formulas none has more than 17 (a matrix with a diagonal of squares), but for one with 59 spaces in
a row."""

_BEGIN, _END = "\\begin{", "\\end{"


def repetition_end(tokens: Sequence[str]) -> int | None:
    """Number of tokens at which a formula repeats itself more than real ones do, or None.

    The search stops there too (`decoding.grammar_constraint`), and closes all open groups.
    """
    runs, far = [0] * PERIOD, 0
    for at, token in enumerate(tokens):
        for back in range(1, min(PERIOD, at) + 1):
            runs[back - 1] = runs[back - 1] + 1 if tokens[at - back] == token else 0
        far += max(runs) >= LONG
        if far >= MOST:
            return at + 1
    return None


def cut(tokens: Sequence[str], *, full: bool) -> tuple[str, ...] | None:
    """Keep one round of what a formula repeats, and close all open groups.

    Args:
        tokens: of a formula.
        full: whether it ended because it reached the greatest length: then fewer rounds at its
            end are enough.

    Returns:
        A well-formed formula; None if nothing is repeated or no such formula is left.
    """
    end = repetition_end(tokens)
    if end is None and not full:
        return None
    body = _without_closers(tokens) if end is None else list(tokens[:end])
    period = _period(body)
    if period is None and end is None:
        return None
    if period is None:  # several circles with something else between them
        once = _once(body)
        ways = [once + _closers(once), list(tokens)]
        return next((tuple(way) for way in ways if check(way) is None), None)
    rest = list(tokens[len(body) :])
    while end is not None and rest and rest[0] == body[-period]:
        body.append(rest.pop(0))
    start = len(body) - period
    while start >= period and body[start - period : start] == body[start : start + period]:
        start -= period
    head = _once(body[: start + period]) if end is not None else body[: start + period]
    ways = [head + _closers(head)]
    if end is not None:  # with the closers of the search, then unchanged
        ways += [head + rest, list(tokens)]
    return next((tuple(way) for way in ways if check(way) is None), None)


def _without_closers(tokens: Sequence[str]) -> list[str]:
    body = list(tokens)
    while body and (body[-1] == "}" or body[-1] in RIGHT or body[-1].startswith(_END)):
        body.pop()
    return body


def _period(body: list[str]) -> int | None:
    """The shortest thing that the body ends with often enough; its last round may be partial."""
    for period in range(1, len(body) // ROUNDS + 1):
        same = 0
        while same + period < len(body) and body[-1 - same] == body[-1 - same - period]:
            same += 1
        if same + period >= max(FEWEST, ROUNDS * period):
            return period
    return None


def _once(body: list[str]) -> list[str]:
    """Leave one round of every circle of at least `LONG` tokens, and of circles of such circles."""
    out = _collapse(body, LONG)
    while len(out) < len(body):
        body, out = out, _collapse(out, FEWEST)
    return out


def _collapse(body: list[str], fewest: int) -> list[str]:
    out: list[str] = []
    at = 0
    while at < len(body):
        rounds = (_rounds(body, at, period) for period in range(1, PERIOD + 1))
        long = ((p, n) for p, n in rounds if n >= max(fewest, ROUNDS * p))
        period, length = next(long, (1, 1))
        out += body[at : at + period]
        at += length
    return out


def _rounds(body: list[str], at: int, period: int) -> tuple[int, int]:
    """The period, and how many tokens whole rounds fill from `at` on, the first one included."""
    end = at + period
    while end < len(body) and body[end] == body[end - period]:
        end += 1
    return period, (end - at) // period * period


def _closers(tokens: Sequence[str]) -> list[str]:
    """The tokens that close everything still open, innermost first."""
    closers: list[str] = []
    for token in tokens:
        if token == "{":
            closers.append("}")
        elif token in LEFT:
            closers.append("\\right.")
        elif token.startswith(_BEGIN):
            closers.append(_END + token.removeprefix(_BEGIN))
        elif closers and (token == "}" or token in RIGHT or token.startswith(_END)):
            closers.pop()
    return closers[::-1]
