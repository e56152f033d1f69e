"""The command that typesets pages."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image

from im2latex_cli.errors import InputError, UsageError
from im2latex_cli.pages import store
from im2latex_cli.pages.regions import RegionKind
from im2latex_cli.progress import SilentReporter
from im2latex_cli.services.build_pages import PagesRequest, run
from im2latex_cli.settings.sections import Settings


def request(output: Path, **changes: object) -> PagesRequest:
    values = {
        "pages": 6,
        "formulas": "small",
        "dpi": 72,
        "layouts": ("article",),
        "typefaces": ("computer-modern",),
        "jobs": 1,
        **changes,
    }
    return PagesRequest(output=output, **values)  # type: ignore[arg-type]


@pytest.mark.tex
def test_pages_are_built_and_the_same_again(tmp_path: Path) -> None:
    first = run(Settings(), SilentReporter(), request(tmp_path / "a"))
    run(Settings(), SilentReporter(), request(tmp_path / "b"))
    assert first.pages == sum(len(store.read(tmp_path / "a", split)) for split in store.SPLITS)
    for split in store.SPLITS:
        names = sorted(path.name for path in (tmp_path / "a" / split).iterdir())
        assert names == sorted(path.name for path in (tmp_path / "b" / split).iterdir())
        for name in names:
            written = [(tmp_path / root / split / name).read_bytes() for root in "ab"]
            assert written[0] == written[1]
    records = store.read(tmp_path / "a", "train")
    with Image.open(records[0].image) as page:
        row = json.loads((tmp_path / "a" / "train" / "metadata.jsonl").read_text().split("\n")[0])
        assert page.size == (row["width"], row["height"])
    assert first.displays == sum(
        len(record.boxes(RegionKind.DISPLAY))
        for split in store.SPLITS
        for record in store.read(tmp_path / "a", split)
    )
    with pytest.raises(UsageError, match="is not empty"):
        run(Settings(), SilentReporter(), request(tmp_path / "a"))


def test_formulas_that_are_not_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="There are no formulas at"):
        run(Settings(), SilentReporter(), request(tmp_path / "a", formulas=str(tmp_path / "none")))


def test_another_folder_is_never_emptied(tmp_path: Path) -> None:
    (tmp_path / "precious.txt").write_text("keep")
    with pytest.raises(UsageError, match="is not empty"):
        run(Settings(), SilentReporter(), request(tmp_path, force=True))
    assert (tmp_path / "precious.txt").read_text() == "keep"
