"""Formulas to write in other formats: shipped, generated, real, and any that the grammar allows."""

import gzip
import os
import random
from pathlib import Path

from hypothesis import strategies as st

from im2latex_cli.data.generated.synthetic import synthetic_formula
from im2latex_cli.data.sources.tables import small_source
from im2latex_cli.latex.commands import (
    COMMANDS,
    DELIMITERS,
    TEXT_ACCENTS,
    TEXT_SYMBOLS,
    CommandKind,
)
from im2latex_cli.latex.normalize import normalize

Tokens = tuple[str, ...]
LENGTHS = ["\\hspace{1.5cm}", "\\hspace{-2pt}", "\\mspace{3mu}", "\\rule{1pt}{2em}"]


def shipped(synthetic: int) -> list[Tokens]:
    """The package's own 300 formulas and some of its synthetic grammar's."""
    texts = [entry.formula for entry in small_source().read()]
    texts += [synthetic_formula(17, index) for index in range(synthetic)]
    return [normalize(text).tokens for text in texts]


def real(count: int) -> list[Tokens]:
    """Distinct real formulas of two collections; none where IM2LATEX_DATA is not set."""
    root = os.environ.get("IM2LATEX_DATA")
    folder = Path(root or "") / "formulas"
    if not root or not (folder / "open.tsv.gz").is_file():
        return []
    texts: list[str] = []
    for name in ("open", "train"):
        with gzip.open(folder / f"{name}.tsv.gz", "rt", encoding="utf-8") as lines:
            texts += [line.rstrip("\n").split("\t")[-1] for line in lines][1:]
    random.Random(17).shuffle(texts)
    seen: dict[Tokens, None] = {}
    for text in texts:
        if len(seen) == count:
            break
        normal = normalize(text)
        if normal.problem is None:
            seen[normal.tokens] = None
    return list(seen)


def _named(*kinds: CommandKind) -> list[str]:
    return [name for name, entry in COMMANDS.items() if entry.kind in kinds]


_WORDS = st.sampled_from(
    [*_named(CommandKind.SYMBOL, CommandKind.SPACE, CommandKind.STYLE), *LENGTHS]
).map(lambda word: (word,))
_LETTERS = st.sampled_from([("x",), ("i",), ("2",), ("\\alpha",), (",",), ("=",), ("(",), (")",)])
_MARKS = st.sampled_from(sorted(DELIMITERS))
_TEXT = st.lists(
    st.one_of(
        st.sampled_from(sorted(TEXT_SYMBOLS)).map(lambda word: (word,)),
        st.sampled_from('abZ09 .,!"()[]@/|<>=+*').map(
            lambda letter: ("\\space",) if letter == " " else (letter,)
        ),
        st.sampled_from(sorted(TEXT_ACCENTS)).map(lambda accent: (accent, "{", "e", "}")),
    ),
    max_size=4,
).map(lambda parts: tuple(token for part in parts for token in part))


def _flat(parts) -> Tokens:
    return tuple(token for part in parts for token in part)


def _braced(row: Tokens) -> Tokens:
    return ("{", *row, "}")


@st.composite
def _command(draw, rows) -> Tokens:
    name = draw(st.sampled_from(_named(CommandKind.COMMAND, CommandKind.FONT, CommandKind.ACCENT)))
    entry = COMMANDS[name]
    options = {"\\smash": ("t",), "\\cfrac": ("l",)}
    option: Tokens = ()
    if entry.optional and draw(st.booleans()):
        option = ("[", *options.get(name, ("3",)), "]")
    if name == "\\substack":
        return (name, "{", *draw(rows), "\\\\", *draw(rows), "}")
    return (name, *option, *_flat(_braced(draw(rows)) for _ in entry.args))


@st.composite
def _scripts(draw, rows) -> Tokens:
    base = draw(st.one_of(_WORDS, rows.map(_braced), st.just(("{", "}"))))
    entry = COMMANDS.get(base[0])
    limits: Tokens = ()
    if entry and entry.limits:
        limits = draw(st.sampled_from([(), ("\\limits",), ("\\nolimits",)]))
    scripts = [("_", *_braced(draw(rows))), ("^", *_braced(draw(rows)))]
    chosen = draw(st.sampled_from([scripts[:1], scripts[1:], scripts]))
    prime = ("^", "{", "\\prime", "\\prime", "}")
    return base + limits + (draw(st.sampled_from([prime, _flat(chosen)])))


@st.composite
def _fence(draw, rows) -> Tokens:
    middle = draw(st.sampled_from([(), ("\\middle|",), ("\\middle/",)]))
    body = draw(rows) + middle + draw(rows)
    return (f"\\left{draw(_MARKS)}", *body, f"\\right{draw(_MARKS)}")


@st.composite
def _environment(draw, rows) -> Tokens:
    names = ["array", "aligned", "alignedat", "gathered", "cases", "matrix", "smallmatrix"]
    name = draw(st.sampled_from([*names, "subarray", "pmatrix", "bmatrix", "Vmatrix"]))
    columns = {"array": "{l|cr|}", "alignedat": "{2}", "subarray": "{l}"}.get(name, "")
    width = {"gathered": 1, "subarray": 1, "cases": 2}.get(name, 3)
    lines = []
    for number in range(draw(st.integers(1, 3))):
        cells = draw(st.lists(rows, min_size=1, max_size=width))
        rule = ("\\hline",) if name == "array" and draw(st.booleans()) else ()
        cut = (draw(st.sampled_from(["\\\\", "\\\\[2pt]"])),) if number else ()
        line = _flat(("&", *cell) if place else cell for place, cell in enumerate(cells))
        lines.append((*cut, *rule, *line))
    return (f"\\begin{{{name}}}", *columns, *_flat(lines), f"\\end{{{name}}}")


def _nodes(inner):
    rows = st.lists(inner, max_size=3).map(_flat)
    return st.one_of(
        rows.map(_braced),
        _command(rows),
        _scripts(rows),
        _fence(rows),
        _environment(rows),
        st.tuples(st.sampled_from(_named(CommandKind.BIG)), _MARKS),
        st.tuples(st.sampled_from(_named(CommandKind.TEXT)), _TEXT).map(
            lambda pair: (pair[0], *_braced(pair[1]))
        ),
    )


GRAMMAR = st.lists(
    st.recursive(st.one_of(_WORDS, _LETTERS), _nodes, max_leaves=12), min_size=1, max_size=6
).map(_flat)
"""Tokens that the whole command table can make, well-formed or nearly so."""
