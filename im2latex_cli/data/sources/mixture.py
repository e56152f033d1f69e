"""Several data sets as one source, each with its share of the formulas."""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath

from im2latex_cli.data.sources.entries import BadLine, MixturePart, Source, SourceFormula
from im2latex_cli.errors import UsageError


def parse_shares(datasets: Sequence[str]) -> list[tuple[str, float | None]]:
    """Split `NAME=SHARE` texts into data sets and shares.

    A file whose name ends in `=` and a number is that file, if it exists.

    Args:
        datasets: what a user named, at least one.

    Raises:
        UsageError: none is named, one is named twice, a share is not above 0, a share stands alone,
            or only some have one.
    """
    if not datasets:
        raise UsageError("No data set is named.", hint="Name one with `build.dataset`.")
    parsed = [_parse(text) for text in datasets]
    twice = [name for name, count in Counter(name for name, _ in parsed).items() if count > 1]
    if twice:
        raise UsageError(f"The data set {twice[0]} is named twice.", hint="Name each once.")
    given = [name for name, share in parsed if share is not None]
    if given and len(parsed) == 1:
        raise UsageError(
            f"{given[0]} has a share, and there is no other data set to share with.",
            hint="Name a second data set, or use `build.limit` to take fewer formulas.",
        )
    if given and len(given) < len(parsed):
        missing = next(name for name, share in parsed if share is None)
        raise UsageError(
            f"{given[0]} has a share and {missing} has none.",
            hint=f"Give each data set a share, as in {missing}=0.5, or none.",
        )
    return parsed


def _parse(text: str) -> tuple[str, float | None]:
    name, mark, number = text.rpartition("=")
    if not (mark and name) or Path(text).exists():
        return text, None
    try:
        share = float(number)
    except ValueError:
        return text, None
    if not (share > 0 and math.isfinite(share)):
        raise UsageError(f"The share of {name} is {number}; it must be above 0.")
    return name, share


def mix(sources: Sequence[Source], shares: Sequence[float | None]) -> Source:
    """Put sources together; of equal formulas, that of the first source counts.

    Args:
        sources: at least one; with one, the result is that one.
        shares: of each source; None if all formulas are used.
    """
    if len(sources) == 1:
        return sources[0]
    names = _unique([source.name for source in sources])
    digest = hashlib.sha256()
    for source in sources:
        digest.update(f"{source.name}\0{source.digest}\n".encode())
    by_name = dict(zip(names, sources, strict=True))

    def picture(name: str) -> bytes:
        part, _, inner = name.partition("/")
        found = by_name[part].picture
        if found is None:
            raise AssertionError(f"{part} has no pictures")
        return found(inner)

    def read() -> Iterator[SourceFormula | BadLine]:
        for number, (name, source) in enumerate(by_name.items()):
            for row in source.read():
                yield _placed(row, number, name)

    with_pictures = [source.picture is not None for source in sources]
    parts = tuple(MixturePart(name, share) for name, share in zip(names, shares, strict=True))
    shown = [part.name if part.share is None else f"{part.name}={part.share:g}" for part in parts]
    return Source(
        name="+".join(names),
        digest=digest.hexdigest(),
        read=read,
        picture=picture if any(with_pictures) else None,
        renders=any(with_pictures) and not all(with_pictures),
        options={
            **{name: value for source in sources for name, value in source.options.items()},
            "build.dataset": shown,
        },
        remarks=tuple(remark for source in sources for remark in source.remarks),
        parts=parts,
    )


def _placed(row: SourceFormula | BadLine, number: int, name: str) -> SourceFormula | BadLine:
    """The row with the name of its part in front of its file and its picture."""
    file = name if row.file is None else f"{name}/{row.file}"
    if isinstance(row, BadLine):
        return replace(row, file=file, part=number)
    image = None if row.image is None else f"{name}/{row.image}"
    return replace(row, file=file, image=image, part=number, origin=row.origin or _stem(name))


def _stem(name: str) -> str:
    return PurePosixPath(name.removesuffix(".gz")).stem or name


def _unique(names: Sequence[str]) -> list[str]:
    """Number names that occur before: they are the same file name in several folders."""
    seen: Counter[str] = Counter()
    found = []
    for name in names:
        seen[name] += 1
        found.append(name if seen[name] == 1 else f"{name} ({seen[name]})")
    return found
