"""What a build will make: every formula with its normal form, its split and its picture's name."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Literal

from im2latex_cli.data.documents import mathtext
from im2latex_cli.data.sources.entries import (
    BadLine,
    MixturePart,
    Source,
    SourceFormula,
    Split,
    hashed_split,
    own_split,
    remove_repeats,
)
from im2latex_cli.errors import InputError
from im2latex_cli.latex.normalize import normalize
from im2latex_cli.latex.tokenizer import join

UNSOUND = "unsound"
DUPLICATE = "duplicate"
OVERLAP = "overlap"
MADE = "recombined"
"""File and origin of formulas that no source has."""
BEYOND_SHARE = "beyond-share"
REMOVED = (DUPLICATE, OVERLAP, BEYOND_SHARE)
"""Reasons of rows that are no failures: the same normal form is in the data set already, or its
data set has its share."""


@dataclass(frozen=True, slots=True)
class Planned:
    """One formula that will have a picture.

    Attributes:
        line: its line in the source.
        formula: as the source gives it.
        form: its normal form, tokens separated by spaces.
        split: where it goes.
        file_name: its picture's name inside the split; fixed before anything is rendered.
        place: its place in the source, from 0; lines of a text may hold several formulas.
        image: name of the picture that comes with it, or None.
        file: the file inside the source, where it has several.
        origin: where the formula comes from, where the source says so.
        part: which of the source's parts it belongs to.
    """

    line: int
    formula: str
    form: str
    split: Split
    file_name: str
    place: int
    image: str | None = None
    file: str | None = None
    origin: str | None = None
    part: int = 0

    def failed(self, reason: str, message: str) -> Exclusion:
        """The row that says why it has no picture."""
        return Exclusion(self.place, self.line, self.formula, reason, message, self.file)


@dataclass(frozen=True, slots=True)
class Exclusion:
    """One line that has no picture: a row of failures.jsonl.

    Attributes:
        place: its place in the source, from 0.
        line: its line in the source.
        formula: as the source gives it, or what could be read.
        reason: short stable name for counting.
        message: one line for people.
        file: the file inside the source, where it has several.
    """

    place: int
    line: int
    formula: str
    reason: str
    message: str
    file: str | None = None

    def to_json(self) -> dict[str, object]:
        """The row as the file has it."""
        return ({} if self.file is None else {"file": self.file}) | {
            "line": self.line,
            "formula": self.formula,
            "reason": self.reason,
            "message": self.message,
        }


@dataclass(frozen=True, slots=True)
class BuildPlan:
    """Everything known before rendering.

    Attributes:
        items: formulas to render, in source order.
        exclusions: lines that will not be rendered, in source order.
    """

    items: tuple[Planned, ...]
    exclusions: tuple[Exclusion, ...]


def make_plan(
    source: Source,
    *,
    limit: int | None,
    val_share: float,
    test_share: float,
    spacing: Literal["keep", "drop"],
) -> BuildPlan:
    """Read, normalise and split all formulas of a source, and drop repeats.

    Args:
        source: the formulas; with shares of its parts, no part has more than its share.
        limit: use only the first lines of it, or of each of its parts.
        val_share: share of val.
        test_share: share of test.
        spacing: keep or drop spacing commands.

    Raises:
        InputError: a part that must have a share has no formula.
    """
    sound: list[Planned] = []
    exclusions: list[Exclusion] = []
    for place, line in enumerate(_first(source, limit)):
        row = _planned(place, line, val_share=val_share, test_share=test_share, spacing=spacing)
        if isinstance(row, Exclusion):
            exclusions.append(row)
        else:
            sound.append(row)
    survivors, removed = remove_repeats((item.split, item.form) for item in sound)
    for one in removed:
        reason = OVERLAP if one.overlap else DUPLICATE
        message = f"the same normal form is in {_where(sound[one.kept])}"
        exclusions.append(sound[one.index].failed(reason, message))
    items = [sound[index] for index in survivors]
    items, beyond = _within_shares(items, source.parts)
    exclusions = sorted([*exclusions, *beyond], key=lambda row: row.place)
    return BuildPlan(tuple(_name(items)), tuple(exclusions))


def _planned(
    place: int,
    line: SourceFormula | BadLine,
    *,
    val_share: float,
    test_share: float,
    spacing: Literal["keep", "drop"],
) -> Planned | Exclusion:
    """Normalise one formula and choose its split; or say why it has no picture."""
    if isinstance(line, BadLine):
        return Exclusion(place, line.line, line.text, line.reason, line.message, line.file)
    tag = mathtext.markup(line.formula)
    if tag is not None:
        message = f"HTML ({tag}) and no LaTeX; convert it, or copy the formula's source"
        return Exclusion(place, line.line, line.formula, "html", message, line.file)
    normal = normalize(line.formula, spacing=spacing)
    if normal.problem is not None or not normal.tokens:
        problem = normal.problem or "nothing is left of it"
        return Exclusion(place, line.line, line.formula, UNSOUND, problem, line.file)
    form = " ".join(normal.tokens)
    return Planned(
        line=line.line,
        formula=line.formula,
        form=form,
        split=_split(line, form, val_share=val_share, test_share=test_share),
        file_name="",
        place=place,
        image=line.image,
        file=line.file,
        origin=line.origin,
        part=line.part,
    )


def _first(source: Source, limit: int | None) -> Iterator[SourceFormula | BadLine]:
    """Yield the first lines of a source, or of each of its parts."""
    if limit is None or not source.parts:
        yield from islice(source.read(), limit)
        return
    read: Counter[int] = Counter()
    for row in source.read():
        read[row.part] += 1
        if read[row.part] <= limit:
            yield row


def _within_shares(
    items: Sequence[Planned], parts: Sequence[MixturePart]
) -> tuple[list[Planned], list[Exclusion]]:
    """Take as many formulas as the shares of the parts allow; which, a hash of each decides."""
    shares = [part.share for part in parts if part.share is not None]
    if not shares:
        return list(items), []
    by_part: dict[int, list[Planned]] = defaultdict(list)
    for item in items:
        by_part[item.part].append(item)
    for number, part in enumerate(parts):
        if not by_part[number]:
            raise InputError(
                f"{part.name} has no formula of its own, so its share cannot be kept.",
                hint="Leave it out, or build it alone to see why in its failures.jsonl.",
            )
    total = min(len(by_part[number]) / share for number, share in enumerate(shares))
    chosen: set[int] = set()
    beyond: list[Exclusion] = []
    for number, share in enumerate(shares):
        own = sorted(by_part[number], key=lambda item: _rank(item.form))
        size = max(1, round(total * share))
        chosen.update(item.place for item in own[:size])
        message = f"{parts[number].name} has its share with {size} of {len(own)} formulas"
        beyond += [item.failed(BEYOND_SHARE, message) for item in own[size:]]
    return [item for item in items if item.place in chosen], beyond


def _rank(form: str) -> bytes:
    """Order the formulas of a part by chance; not by the hash that chooses the split."""
    return hashlib.sha256(f"share {form}".encode("utf-8", "surrogatepass")).digest()


def with_made(plan: BuildPlan, forms: Iterable[Sequence[str]]) -> BuildPlan:
    """Add made formulas to the train split, behind all others and with names of their own.

    Args:
        plan: of the real formulas; it stays as it is.
        forms: normal forms that the plan does not have.
    """
    places = [item.place for item in plan.items] + [row.place for row in plan.exclusions]
    first = max(places, default=-1) + 1
    made = tuple(
        Planned(
            line=number + 1,
            formula=join(form),
            form=" ".join(form),
            split="train",
            file_name=f"made-{number:06d}.png",
            place=first + number,
            file=MADE,
            origin=MADE,
        )
        for number, form in enumerate(forms)
    )
    return BuildPlan(plan.items + made, plan.exclusions)


def _split(entry: SourceFormula, form: str, *, val_share: float, test_share: float) -> Split:
    own = own_split(entry.split) if entry.group is None else None
    deciding = form if entry.group is None else entry.group
    return own or hashed_split(deciding, val_share=val_share, test_share=test_share)


def _where(item: Planned) -> str:
    file = "" if item.file is None else f"{item.file}, "
    return f"{item.split}, {file}line {item.line}"


def _name(items: Iterable[Planned]) -> Iterator[Planned]:
    counts: Counter[str] = Counter()
    for item in items:
        name = f"{counts[item.split]:06d}.png"
        counts[item.split] += 1
        yield replace(item, file_name=name)
