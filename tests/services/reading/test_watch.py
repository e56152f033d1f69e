from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from im2latex_cli.errors import InputError
from im2latex_cli.services.reading import streams

SUFFIXES = frozenset({".png"})


class EndedError(Exception):
    """No change is left to make."""


def looks(folder: Path, *changes: Callable[[], object]) -> list[str]:
    """Make one change before each look; return what was found."""
    pending = list(changes)

    def change(_: float) -> None:
        if not pending:
            raise EndedError
        pending.pop(0)()

    found: list[str] = []
    with suppress(EndedError):
        found.extend(new.name for new in streams.appearing(folder, SUFFIXES, sleep=change) if new)
    return found


def nothing() -> None:
    pass


def test_what_was_there_is_left_out_and_what_comes_is_found_once_whole(tmp_path: Path) -> None:
    (tmp_path / "old.png").write_bytes(b"old")
    new = tmp_path / "new.png"
    found = looks(
        tmp_path,
        lambda: new.write_bytes(b"half"),
        lambda: new.write_bytes(b"half and half"),
        nothing,
        nothing,
        (tmp_path / "old.png").unlink,
        lambda: (tmp_path / "old.png").write_bytes(b"again"),
        nothing,
    )
    assert found == ["new.png", "old.png"]


def test_a_changed_file_is_found_again_and_others_are_not(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"one")

    def change() -> None:
        (tmp_path / "a.png").write_bytes(b"another")
        (tmp_path / "notes.txt").write_bytes(b"x")
        (tmp_path / ".a.png").write_bytes(b"x")
        (tmp_path / "empty.png").touch()
        (tmp_path / "folder.png").mkdir()

    found = looks(tmp_path, change, nothing, nothing)
    assert found == ["a.png"]


def test_a_folder_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="none: cannot be watched"):
        next(streams.appearing(tmp_path / "none", SUFFIXES))
