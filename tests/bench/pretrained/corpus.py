"""Write the formulas that the shipped model is trained on, as tables for `im2latex build`.

`python corpus.py CORPUS OUTPUT [--seed N] [--size N]`. CORPUS is a folder with public lists:
tables (.tsv, .tsv.gz) with a column `formula` under formulas/, `im2latex100k/train.norm.txt` (a
formula a line), and image folders (.tar) under images/. Files with `valid` or `val1000` in their
name are held out: no formula of 6 tokens or more that occurs in one of them, spacing aside, is
written. OUTPUT gets real.tsv, short.tsv, constructs.tsv, hep.tsv and rare.tsv, and often-0.tsv to
often-4.tsv: the shortest formulas, to be drawn several times, as a table holds a formula once.
"""

from __future__ import annotations

import argparse
import gzip
import json
import re
import tarfile
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from im2latex_cli.data.generated.grammar import read_grammar
from im2latex_cli.latex.normalize import normalize
from im2latex_cli.latex.symbols import CAPITAL_GREEK, DIGITS, LETTERS, SYMBOLS
from im2latex_cli.latex.tokenizer import join
from im2latex_cli.recombination.maker import recombine

HELD_OUT = re.compile("valid|val1000")
HELD_OUT_FROM = 6
"""Tokens from which on a formula of a validation file is not trained on."""
TRACELESS = re.compile(
    r"\\(?:mathopen|mathclose|mathord|mathrel|mathbin|mathpunct|mathinner) \{ \}"
    r"|\\boldsymbol \{ [0-9+\-=<>/,.()\[\]] \}"
    r"|\\(?:text|script|display)style"
)
"""Tokens that a picture does not show; formulas with them are left out."""
SHORT = 8
LONGEST = 330
GREEK = [
    f"\\{name}"
    for name in (
        *("alpha", "beta", "gamma", "delta", "epsilon", "varepsilon", "zeta", "eta", "theta"),
        *("vartheta", "iota", "kappa", "lambda", "mu", "nu", "xi", "pi", "rho", "sigma", "tau"),
        *("phi", "varphi", "chi", "psi", "omega", "infty", "partial", "nabla", "hbar", "ell"),
        *CAPITAL_GREEK.split(),
        "emptyset",
    )
]
SIGNS = (
    "+",
    "-",
    "=",
    "<",
    ">",
    "/",
    *(f"\\{name}" for name in ("leq", "geq", "in", "times", "to")),
)
ACCENTS = ["hat", "bar", "tilde", "vec", "dot", "overline"]
FONTS = ["mathbb", "mathcal", "mathbf", "mathfrak", "boldsymbol"]
GRAMMARS = Path(__file__).parent

Tokens = tuple[str, ...]


@dataclass
class Corpus:
    """Normal forms by source, each once, and how often each occurs."""

    forms: dict[Tokens, str] = field(default_factory=dict)
    counts: Counter[Tokens] = field(default_factory=Counter)
    refused: int = 0
    held_out: int = 0


def table(path: Path) -> Iterator[tuple[str, str]]:
    """Source and formula of each row."""
    opened = gzip.open if path.suffix == ".gz" else open
    with opened(path, "rt", encoding="utf-8", newline="\n") as file:
        names, *rows = (line.split("\t") for line in file.read().split("\n"))
    at = names.index("formula")
    return ((row[0], row[at]) for row in rows if len(row) == len(names))


def labels(path: Path) -> Iterator[tuple[str, str]]:
    """Source and formula of each picture of an image folder in a tar."""
    with tarfile.open(path) as archive:
        (name,) = [one for one in archive.getnames() if one.endswith("metadata.jsonl")]
        file = archive.extractfile(name)
        assert file is not None
        for line in file.read().decode().split("\n"):
            if line:
                yield path.stem, json.loads(line)["formula"]


def lists(corpus: Path) -> Iterator[tuple[str, Iterable[tuple[str, str]]]]:
    """Every file of formulas, by name."""
    for path in sorted(corpus.glob("formulas/*.tsv*")):
        yield path.name, table(path)
    lines = (corpus / "im2latex100k/train.norm.txt").read_text(encoding="utf-8").split("\n")
    yield "train.norm.txt", (("hep-th", line) for line in lines if line)
    for path in sorted(corpus.glob("images/*.tar")):
        yield path.name, labels(path)


def bare(tokens: Tokens) -> Tokens:
    """The form without spacing."""
    return normalize(join(tokens), spacing="drop").tokens


def read(corpus: Path) -> tuple[Corpus, set[Tokens]]:
    """All formulas to train on, and the forms that are held out."""
    held: set[Tokens] = set()
    found = list(lists(corpus))
    for name, rows in found:
        if HELD_OUT.search(name):
            held.update(bare(normalize(formula).tokens) for _, formula in rows)
    result, seen = Corpus(), {}
    for name, rows in found:
        if HELD_OUT.search(name):
            continue
        for source, formula in rows:
            normal = normalize(formula)
            if normal.problem is not None or TRACELESS.search(" ".join(normal.tokens)):
                result.refused += 1
                continue
            form = bare(normal.tokens)
            if form in held and len(form) >= HELD_OUT_FROM:
                result.held_out += 1
                continue
            first = seen.setdefault(form, normal.tokens)
            result.counts[first] += 1
            hep = source in ("hep-th", "im2latex_original_train")
            result.forms.setdefault(first, "hep-th" if hep else name.partition(".")[0])
    return result, held


def symbol_weights(corpus: Corpus) -> dict[str, float]:
    """Every symbol that the normal form knows, by the square root of how often it occurs."""
    counts = Counter[str]()
    for form, count in corpus.counts.items():
        counts.update(dict.fromkeys(set(form), count))
    known = [f"\\{name}" for table in SYMBOLS.values() for name in table.split()]
    sound = [token for token in known if normalize(token).tokens == (token,)]
    return {token: counts[token] ** 0.5 + 12 for token in sound}


def sample(random: Random, forms: Sequence[Tokens], count: int) -> list[Tokens]:
    return list(forms) if len(forms) <= count else random.sample(forms, count)


def equally(forms: Iterable[Tokens]) -> dict[str, float]:
    """Formulas that are drawn equally often."""
    return {join(form): 1.0 for form in forms}


def drawn_by(name: str, random: Random, given: Mapping[str, Mapping[str, float]]) -> Iterator[str]:
    """Formulas of a grammar of this folder, without end."""
    grammar = read_grammar(GRAMMARS / name, given=given)
    while True:
        yield grammar.draw(random)


def admit(formulas: Iterator[str], count: int, held: set[Tokens]) -> list[Tokens]:
    """So many normal forms of made formulas, all different, none held out or traceless."""
    made: dict[Tokens, None] = {}
    for _, formula in zip(range(20 * count), formulas, strict=False):
        normal = normalize(formula)
        if normal.problem is None and not TRACELESS.search(" ".join(normal.tokens)):
            form = bare(normal.tokens)
            if len(form) < HELD_OUT_FROM or form not in held:
                made.setdefault(normal.tokens)
        if len(made) == count:
            break
    return list(made)


def often(
    random: Random, short: Sequence[Tokens], symbols: Iterable[str]
) -> Iterator[list[Tokens]]:
    """Five tables of formulas of up to 5 tokens: every symbol alone in each, and simple ones."""
    brief = [form for form in short if len(form) <= 2]
    others = [form for form in short if 2 < len(form) <= 5]
    random.shuffle(others)
    known = [*symbols]
    plain = [*LETTERS, *DIGITS, *GREEK]
    for number in range(5):
        numbers = [str(random.randint(10, 999)) for _ in range(150)]
        numbers += [f"{random.randint(0, 99)}.{random.randint(0, 99)}" for _ in range(100)]
        accents = [f"\\{random.choice(ACCENTS)}{{{random.choice(LETTERS)}}}" for _ in range(120)]
        fonts = [f"\\{random.choice(FONTS)}{{{random.choice(LETTERS[26:])}}}" for _ in range(60)]
        scripts = [f"{one}_{{{random.choice('ijknm012xy')}}}" for one in plain]
        scripts += [f"{one}^{{{random.choice(['2', 'n', '3', '-1', '+', 'T'])}}}" for one in plain]
        values = [
            f"{random.choice('fghFGPVTuvp')}({random.choice('xtnzsykrab')})" for _ in range(60)
        ]
        relations = [
            f"{random.choice(plain)}{random.choice(SIGNS)} {random.choice(plain)}"
            for _ in range(700)
        ]
        made = [
            *known,
            *LETTERS,
            *DIGITS,
            *numbers,
            *accents,
            *fonts,
            *scripts,
            *values,
            *relations,
        ]
        forms = dict.fromkeys(normalize(formula).tokens for formula in made)
        yield [*brief, *others[number * 2500 : (number + 1) * 2500], *forms]


def write(path: Path, rows: Iterable[tuple[str, Tokens]], random: Random) -> None:
    lines = [f"{source}\ttrain\t{join(tokens)}" for source, tokens in rows]
    random.shuffle(lines)
    text = "\n".join(["source\tsplit\tformula", *lines]) + "\n"
    path.write_text(text, encoding="utf-8", newline="\n")
    print(f"{path.name}: {len(lines):,}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--size", type=int, default=160_000, help="formulas in all, about")
    options = parser.parse_args()
    output, size, random = options.output, options.size, Random(options.seed)
    output.mkdir(parents=True, exist_ok=True)
    corpus, held = read(options.corpus)
    print(
        f"{len(corpus.forms):,} different formulas; {corpus.refused:,} without a normal form, "
        f"{corpus.held_out:,} held out"
    )
    forms = [form for form in corpus.forms if len(form) <= LONGEST]
    hep = [form for form in forms if corpus.forms[form] == "hep-th"]
    others = [form for form in forms if corpus.forms[form] != "hep-th"]
    brief = [form for form in others if len(form) <= SHORT]
    middle = [form for form in others if SHORT < len(form) <= 45]
    long = [form for form in others if len(form) > 45]

    weights = [corpus.counts[form] ** 0.5 for form in brief]
    drawn = set(random.choices(brief, weights, k=size // 7))
    symbols = symbol_weights(corpus)
    made = admit(drawn_by("short.grammar", random, {"symbol": symbols}), size // 6, held)
    rows = [("short", form) for form in drawn] + [("made-short", form) for form in made]
    write(output / "short.tsv", rows, random)
    for number, table in enumerate(often(random, [form for _, form in rows], symbols)):
        write(output / f"often-{number}.tsv", [("often", form) for form in table], random)

    plain = [form for form in forms if not {"&", "\\\\", "\\begin{array}"} & set(form)]
    pieces = sample(random, [form for form in plain if len(form) <= 12], 20_000)
    longer = sample(random, [form for form in plain if 12 < len(form) <= 36], 20_000)
    given = {"symbol": symbols, "real-piece": equally(pieces), "long": equally(longer)}
    made = admit(drawn_by("constructs.grammar", random, given), size // 7, held)
    write(output / "constructs.tsv", [("construct", form) for form in made], random)
    made = admit(drawn_by("weak.grammar", random, given), size // 14, held)
    write(output / "weak.tsv", [("weak", form) for form in made], random)

    chosen = sample(random, middle, size // 5) + sample(random, long, size // 5)
    write(output / "real.tsv", [(corpus.forms[form], form) for form in chosen], random)

    count = size // 8
    mixed = recombine(hep, count, seed=options.seed, held_out=held, longer=1.2)
    rows = [("hep-th", form) for form in hep] + [("made-hep-th", form) for form in mixed]
    write(output / "hep.tsv", rows, random)

    floor = max(60, size // 1600)
    base = sample(random, others, 60_000)
    rare = recombine(base, 0, seed=options.seed + 1, held_out=held, min_examples=floor)
    kept = [form for form in rare if not TRACELESS.search(" ".join(form))]
    write(output / "rare.tsv", [("rare", form) for form in kept], random)


if __name__ == "__main__":
    main()
