"""The HTML page of a data set, from its folder: the output of `build --report`."""

from __future__ import annotations

import random
from collections import defaultdict
from pathlib import Path

from im2latex_cli import files
from im2latex_cli.data import store
from im2latex_cli.data.plan import REMOVED
from im2latex_cli.data.store import Manifest
from im2latex_cli.data.text_files import Row, read_rows
from im2latex_cli.report.building import Building, Histogram, Sample, html
from im2latex_cli.report.page import Table
from im2latex_cli.settings.reference import to_value

SAMPLES = 40
EXAMPLES = 10
"""Failures shown of each reason; failures.jsonl has them all."""
LONGEST = 300


def write_build_page(path: Path, root: Path, manifest: Manifest, *, seed: int) -> None:
    """Write the page of the data set in `root`.

    Args:
        path: the file.
        root: the data set folder.
        manifest: the data set's manifest.
        seed: chooses the pictures.

    Raises:
        InputError: the data set is damaged.
        OSError: the file cannot be written.
    """
    filled = [split for split in store.SPLITS if manifest.counts[split]]
    records = [record for split in filled for record in store.read(root, split)]
    sample = random.Random(seed).sample(records, min(SAMPLES, len(records)))
    page = Building(
        title=f"im2latex build: {manifest.dataset}",
        facts=_facts(manifest),
        histograms=(
            Histogram("Length in tokens", [len(record.tokens) for record in records]),
            Histogram("Width in pixels", [record.width for record in records]),
            Histogram("Height in pixels", [record.height for record in records]),
        ),
        tables=_failures(root, manifest),
        samples=tuple(
            Sample(one.id, one.formula, " ".join(one.tokens), one.image.read_bytes())
            for one in sample
        ),
    )
    files.write_text(path, html(page))


def _facts(manifest: Manifest) -> dict[str, str]:
    counts = manifest.counts
    removed = ", ".join(f"{counts[reason]:,} {reason}" for reason in REMOVED if reason in counts)
    return {
        "pictures": ", ".join(f"{counts[split]:,} {split}" for split in store.SPLITS),
        "failed": f"{counts['failed']:,}",
        "removed": f"{removed} (the same normal form is there already, or beyond the share)",
        "source": f"{manifest.source['name']}, SHA-256 {manifest.source['sha256']}",
        "renderer": f"{manifest.renderer} {manifest.renderer_version}".strip(),
    } | {name: to_value(value) for name, value in manifest.settings.items() if value is not None}


def _failures(root: Path, manifest: Manifest) -> tuple[Table, ...]:
    total = sum(manifest.counts[split] for split in store.SPLITS) + manifest.counts["failed"]
    by_count = sorted(manifest.failures.items(), key=lambda item: -item[1])
    reasons = Table(
        "Failures by reason",
        ("reason", "formulas", "percent"),
        tuple((name, f"{count:,}", f"{100 * count / total:.2f}") for name, count in by_count),
    )
    examples: dict[str, list[Row]] = defaultdict(list)
    for _, row in read_rows(root / store.FAILURES) if by_count else ():
        if row["reason"] not in REMOVED and len(examples[row["reason"]]) < EXAMPLES:
            examples[row["reason"]].append(row)
    return (
        reasons,
        *(
            Table(
                f"The first of {name}",
                ("line", "formula", "message"),
                tuple(_example(row) for row in examples[name]),
            )
            for name, _ in by_count
        ),
    )


def _example(row: Row) -> tuple[str, str, str]:
    where = f"{row['file']}, {row['line']}" if "file" in row else str(row["line"])
    return where, _shorten(row["formula"]), _shorten(row["message"])


def _shorten(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[:LONGEST]} …"
