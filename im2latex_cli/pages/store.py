"""Pages on disk: an image folder for each split, with the regions of each page in its metadata.

`train/ val/ test/` each hold PNG files and metadata.jsonl (`file_name`, `width`, `height`, `dpi`,
`layout`, `typeface`, `regions`). A region has `kind`, `box` (left, top, right, bottom in pixels
from the upper left corner), `formula` where it is known, and for an equation number `display`, the
index of its display among the regions.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from im2latex_cli import files
from im2latex_cli.data.text_files import Row, read_rows
from im2latex_cli.errors import InputError
from im2latex_cli.pages.regions import Rectangle, Region, RegionKind

METADATA = "metadata.jsonl"
SPLITS = ("train", "val", "test")


@dataclass(frozen=True, slots=True)
class PageRecord:
    """One page of a data set.

    Attributes:
        image: the picture's path.
        regions: its formulas and equation numbers.
        layout: name of the layout, or empty.
        typeface: name of the typeface, or empty.
    """

    image: Path
    regions: tuple[Region, ...]
    layout: str = ""
    typeface: str = ""

    def boxes(self, kind: RegionKind) -> list[Rectangle]:
        """The boxes of one kind."""
        return [region.box for region in self.regions if region.kind is kind]


def to_row(
    name: str,
    size: tuple[int, int],
    regions: Sequence[Region],
    *,
    dpi: int,
    layout: str,
    typeface: str,
) -> Row:
    """The line of metadata of a page; `size` is its width and height."""
    return {
        "file_name": name,
        "width": size[0],
        "height": size[1],
        "dpi": dpi,
        "layout": layout,
        "typeface": typeface,
        "regions": [_region_row(region) for region in regions],
    }


def write_rows(folder: Path, rows: Iterable[Row]) -> None:
    """Write the metadata of one split."""
    files.write_jsonl(folder / METADATA, rows)


def read(root: Path, split: str) -> list[PageRecord]:
    """Read one split; a folder with a metadata.jsonl of its own counts as any split.

    Raises:
        InputError: it is not there, empty, or a line of its metadata is broken.
    """
    folder = root if (root / METADATA).is_file() else root / split
    if not (folder / METADATA).is_file():
        raise InputError(
            f"There is no data set of pages at {root}: {split}/{METADATA} is missing.",
            hint="Make one: im2latex pages build.",
        )
    records = [
        _record(folder, row, where=f"{folder / METADATA}, line {number}")
        for number, row in read_rows(folder / METADATA)
    ]
    if not records:
        raise InputError(f"{folder} holds no pages.", hint="Build the data set again.")
    return records


def _plain_name(name: str) -> str:
    if Path(name).name != name or name in {"", ".", ".."}:
        raise ValueError(f"file_name {name!r} is not the name of a file beside it")
    return name


def _region_row(region: Region) -> dict[str, Any]:
    row: dict[str, Any] = {
        "kind": region.kind.value,
        "box": [round(side, 1) for side in region.box],
    }
    if region.formula:
        row["formula"] = region.formula
    if region.display >= 0:
        row["display"] = region.display
    return row


def _record(folder: Path, row: Row, *, where: str) -> PageRecord:
    try:
        name = _plain_name(str(row["file_name"]))
        regions = tuple(
            Region(
                RegionKind(region["kind"]),
                Rectangle(*map(float, region["box"])),
                str(region.get("formula") or ""),
                int(region.get("display", -1)),
            )
            for region in row["regions"]
        )
    except KeyError as error:
        raise InputError(f"{where}: no {error.args[0]!r} in this line.") from error
    except (TypeError, ValueError, AttributeError) as error:
        raise InputError(f"{where}: broken line ({error}).") from error
    return PageRecord(
        folder / name, regions, str(row.get("layout") or ""), str(row.get("typeface") or "")
    )
