"""docs/explanation/architecture.md describes the code as it is."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

import pytest

TOOL = runpy.run_path(str(Path(__file__).with_name("floors.py")))
TEXT = TOOL["PAGE"].read_text(encoding="utf-8")


def test_the_table_is_current() -> None:
    assert TOOL["page"]() == TEXT, "packages changed: python tests/floors.py writes the table anew"


def test_every_package_says_what_it_holds() -> None:
    rows = [line.split(" | ") for line in TOOL["table"]().splitlines()[2:]]
    assert len(rows) > 10
    assert all(row[2].strip() for row in rows)


@pytest.mark.parametrize("name", sorted(set(re.findall(r"`(\w[\w/]*(?:/|\.py))`", TEXT))))
def test_named_files_exist(name: str) -> None:
    assert any((TOOL[root] / name).exists() for root in ("PACKAGE", "ROOT"))
