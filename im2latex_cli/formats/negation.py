r"""What `\not` strikes, and characters with a stroke through them."""

from __future__ import annotations

import unicodedata

from im2latex_cli.formats.characters import SYMBOLS
from im2latex_cli.latex.commands import COMMANDS, CommandKind
from im2latex_cli.latex.tree import Node, Row, Scripts, Word


def negate(character: str) -> str:
    """Return a character with a stroke through it."""
    return unicodedata.normalize("NFC", character + "\N{COMBINING LONG SOLIDUS OVERLAY}")


def struck_index(row: Row, index: int) -> int | None:
    r"""Return the index of the node that `\not` strikes; None if it paints a slash of its own.

    In `\not\!p` the space only moves the letter below the stroke.

    Args:
        row: the nodes.
        index: of the `\not`.
    """
    for place in range(index + 1, len(row)):
        if not _is_space(row[place]):
            return (
                None
                if _kind(row[place]) is CommandKind.STYLE or row[place] == row[index]
                else place
            )
    return None


def struck_character(node: Node) -> str | None:
    """Return the character that a node is, scripts aside; None of anything longer."""
    word = node.base if isinstance(node, Scripts) else node
    if not isinstance(word, Word):
        return None
    text = SYMBOLS.get(word.token, word.token)
    return text if len(text) == 1 else None


def _is_space(node: Node) -> bool:
    moves = isinstance(node, Word) and node.token.startswith(("\\hspace{", "\\mspace{"))
    return moves or _kind(node) is CommandKind.SPACE


def _kind(node: Node) -> CommandKind | None:
    entry = COMMANDS.get(node.token) if isinstance(node, Word) else None
    return entry.kind if entry else None
