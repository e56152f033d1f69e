"""Formulas that go round in circles: a decoder that lost its place writes one thing for ever."""

from __future__ import annotations

from collections.abc import Sequence

from im2latex_cli.latex.commands import LEFT, RIGHT
from im2latex_cli.latex.grammar import check

ROUNDS = 4
"""So often a thing must come in a row to count as a circle."""
FEWEST = 12
"""Tokens that a circle must fill in all."""

_BEGIN, _END = "\\begin{", "\\end{"


def cut(tokens: Sequence[str]) -> tuple[str, ...] | None:
    """Leave one round of what a formula repeats at its end, and close what then is open.

    Args:
        tokens: of a formula that was cut off, or made to end, at the greatest length.

    Returns:
        A well-formed formula; None where nothing is repeated or no such formula is left.
    """
    body = _without_closers(tokens)
    period = _period(body)
    if period is None:
        return None
    start = len(body) - period
    while start >= period and body[start - period : start] == body[start : start + period]:
        start -= period
    kept = body[: start + period]
    closed = tuple(kept + _closers(kept))
    return closed if check(closed) is None else None


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


def _closers(tokens: Sequence[str]) -> list[str]:
    """What closes everything that the tokens leave open, innermost first."""
    awaited: list[str] = []
    for token in tokens:
        if token == "{":
            awaited.append("}")
        elif token in LEFT:
            awaited.append("\\right.")
        elif token.startswith(_BEGIN):
            awaited.append(_END + token.removeprefix(_BEGIN))
        elif awaited and (token == "}" or token in RIGHT or token.startswith(_END)):
            awaited.pop()
    return awaited[::-1]
