"""Examples in docstrings and documentation print what they say."""

from __future__ import annotations

import doctest
import importlib
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FENCE = re.compile(r"^```.*$", re.MULTILINE)
FLAGS = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS


def with_examples(folder: Path, pattern: str) -> list[Path]:
    return [p for p in sorted(folder.rglob(pattern)) if ">>> " in p.read_text(encoding="utf-8")]


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT).as_posix())


@pytest.mark.parametrize("path", with_examples(ROOT / "im2latex_cli", "*.py"), ids=name_of)
def test_examples_in_docstrings(path: Path) -> None:
    dotted = path.relative_to(ROOT).with_suffix("").parts
    module = importlib.import_module(".".join(dotted).removesuffix(".__init__"))
    result = doctest.testmod(module, optionflags=FLAGS)
    assert result.attempted > 0
    assert result.failed == 0


@pytest.mark.parametrize("path", with_examples(ROOT / "docs", "*.md"), ids=name_of)
def test_examples_in_the_documentation(path: Path) -> None:
    text = FENCE.sub("", path.read_text(encoding="utf-8"))
    test = doctest.DocTestParser().get_doctest(text, {}, path.name, str(path), 0)
    result = doctest.DocTestRunner(optionflags=FLAGS, verbose=False).run(test)
    assert result.attempted > 0
    assert result.failed == 0
