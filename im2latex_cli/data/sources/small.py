"""The small data set inside the package: 300 formulas written for it, 240/30/30."""

from __future__ import annotations

import hashlib
from importlib import resources

from im2latex_cli.data.sources.entries import Source
from im2latex_cli.data.sources.tables import FormulaTable, read_tsv

FILE = "small_formulas.tsv"


def small_source() -> Source:
    """Return the bundled formulas, each with its own split."""
    content = resources.files("im2latex_cli.data.sources").joinpath(FILE).read_bytes()
    table = FormulaTable(content, FILE, "formula")
    return Source("small", hashlib.sha256(content).hexdigest(), lambda: read_tsv(table))
