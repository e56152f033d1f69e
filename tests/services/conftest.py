import json
from collections import Counter
from pathlib import Path

import pytest
import stub_build as stub

from im2latex_cli.latex.vocab import Vocab
from im2latex_cli.services.building import pictures, request


@pytest.fixture
def boxes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Render with painted boxes instead of a real renderer."""
    monkeypatch.setattr(pictures, "render_all", stub.render_all)
    monkeypatch.setattr(request, "choose", lambda _settings: stub.BoxRenderer())


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "formulas.txt"
    path.write_text("\n".join(stub.LINES) + "\n")
    return path


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "set"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    from tiny_runs import FORMULAS, draw  # loads torch

    root = tmp_path / "data" / "eight"
    for split, formulas in (("train", FORMULAS), ("val", FORMULAS[:3])):
        (root / split).mkdir(parents=True)
        rows = [draw(root / split, number, text) for number, text in enumerate(formulas)]
        lines = "".join(json.dumps(row) + "\n" for row in rows)
        (root / split / "metadata.jsonl").write_text(lines, encoding="utf-8")
    counts = Counter(token for formula in FORMULAS for token in formula.split())
    Vocab.build(counts, min_count=1).save(root / "vocab.json")
    return root
