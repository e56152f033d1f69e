"""A build with a renderer made of boxes: fast, and dead wherever a test wants it."""

import hashlib
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from im2latex_cli.progress import SilentReporter
from im2latex_cli.render.renderer import Glyph, Page, RenderFailure
from im2latex_cli.services.building import build, pictures, request
from im2latex_cli.services.building.build import BuildResult
from im2latex_cli.settings.sections import Settings

Formula = str | tuple[str, ...]
LINES = ["x", "y^2", "", "fail", "x", "{", r"\frac{a}{b}", "z_1", "q", "r+s", "t", "u", "v"]


class BoxRenderer:
    name = "tex"
    version = "boxes 1"


def page(formula: Formula) -> Page | RenderFailure:
    text = formula if isinstance(formula, str) else " ".join(formula)
    if "fail" in text.replace(" ", ""):
        return RenderFailure("tex-error", "Undefined control sequence.")
    digest = hashlib.sha256(text.encode()).digest()
    ink = np.zeros((10 + digest[0] % 30, 10 + digest[1]), np.uint8)
    return Page(ink, (Glyph("cmr10", digest[2], 4.0, 6.0, 3.0, 5.0, 0),))


def render_all(
    _settings: Any,
    formulas: Iterable[Formula],
    *,
    jobs: int | None = None,
    scheduler: str | None = None,
    finish: Callable[[Page], Any],
) -> Iterator[Any]:
    for formula in formulas:
        made = page(formula)
        yield made if isinstance(made, RenderFailure) else finish(made)


def install() -> None:
    pictures.render_all = render_all
    request.choose = lambda _settings: BoxRenderer()


def settings(source: Path, root: Path, **more: Any) -> Settings:
    shaping = {"dataset": str(source), "output": str(root), "val_share": 0.2, "test_share": 0.2}
    return Settings.model_validate({"build": shaping | more})


def run(tree: Settings, *, force: bool = False) -> BuildResult:
    return build.run(tree, SilentReporter(), force=force)


def small(root: Path, renderer: str, **more: Any) -> Settings:
    return Settings.model_validate(
        {"build": {"output": str(root), **more}, "render": {"renderer": renderer}}
    )


def snapshot(root: Path) -> dict[str, bytes]:
    """Every file's bytes, hidden ones included, and every folder."""
    return {
        path.relative_to(root).as_posix(): path.read_bytes() if path.is_file() else b"folder"
        for path in sorted(root.rglob("*"))
    }


class Bomb:
    """Ends the process, as kill -9 would, just before the n-th change of anything below a folder.

    A file about to be written is left torn half the time.
    """

    CHANGES = ("os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.truncate")

    def __init__(self, root: Path, number: int) -> None:
        self._root, self._left, self._number = str(root), number, number
        sys.addaudithook(self._hear)

    def _hear(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open":
            path, _mode, flags = arguments
            writes = (flags or 0) & (os.O_WRONLY | os.O_RDWR)
            if not writes or str(path).endswith("lock"):
                return
        elif event in self.CHANGES:
            path = arguments[0]
        else:
            return
        if not str(path).startswith(self._root):
            return
        self._left -= 1
        if self._left == 0:
            self._left = -1
            if event == "open" and self._number % 2:
                with Path(path).open("ab") as torn:
                    torn.write(b'{"bytes": 12')
            os._exit(137)


def crash_everywhere(
    source: Path, folder: Path, *, before: Settings | None = None, **more: Any
) -> int:
    """Kill a build before each change it makes, in turn; let the next one finish; compare.

    Returns:
        How many places there were. Every run is in a process of its own.
    """
    wanted = folder / "undisturbed"
    run(settings(source, wanted, glyphs=True, **more))
    number = 0
    while True:
        number += 1
        root = folder / f"killed-{number}"
        if before is not None:
            build_part = before.build.model_copy(update={"output": str(root)})
            run(before.model_copy(update={"build": build_part}))
        child = os.fork()
        if child == 0:
            Bomb(root, number)
            run(settings(source, root, glyphs=True, **more), force=before is not None)
            os._exit(0)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        forced = before is not None and not (root / ".build" / "request.json").exists()
        run(settings(source, root, glyphs=True, **more), force=forced)
        assert snapshot(root) == snapshot(wanted), f"killed before change {number}"
        if status == 0:
            return number - 1
        assert status == 137


if __name__ == "__main__":
    install()
    source_file, scratch = Path(sys.argv[1]), Path(sys.argv[2])
    before = settings(source_file, scratch, limit=4) if "over" in sys.argv[3:] else None
    more: dict[str, Any] = {}
    if "several" in sys.argv[3:]:
        other = source_file.with_name("other.txt")
        other.write_text("\n".join(f"w_{number}" for number in range(9)) + "\n")
        more = {"dataset": [f"{source_file}=0.6", f"{other}=0.4"]}
    sys.stdout.write(f"{crash_everywhere(source_file, scratch, before=before, **more)}\n")
