from pathlib import Path

import pytest

from im2latex_cli.cli import reference

FOLDER = Path(__file__).parents[2] / "docs" / "reference"


@pytest.mark.parametrize("name", list(reference.pages()))
def test_pages_are_current(name: str) -> None:
    written = (FOLDER / name).read_text(encoding="utf-8")
    assert written == reference.pages()[name], (
        "the code has changed: python -m im2latex_cli.cli.reference writes the pages anew"
    )


def test_commands_page_has_every_command_once() -> None:
    page = reference.commands()
    for name in ("build", "eval-text", "config init", "cache clear"):
        assert page.count(f"## `im2latex {name}`\n") == 1
    assert page.count("| `--json` |") == 1
    assert r"`--device auto\|cpu\|cuda\|mps`" in page


def test_write_makes_the_folder(tmp_path: Path) -> None:
    written = reference.write(tmp_path / "docs")
    assert [path.name for path in written] == ["cli.md", "python.md", "settings.md"]
    assert all(path.stat().st_size > 1000 for path in written)
