"""The files that predict draws beside its rows: which, and the formula under its picture."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from im2latex_cli import files
from im2latex_cli.errors import UsageError
from im2latex_cli.recognition.decoder import Looked
from im2latex_cli.render.choose import choose
from im2latex_cli.render.renderer import Renderer, RenderFailure
from im2latex_cli.report import attention as views
from im2latex_cli.report import comparison
from im2latex_cli.report.attention import sheet
from im2latex_cli.settings.sections import Settings
from im2latex_cli.vision.finish import finish

STEM = "{stem}"
ATTENTION = {".png": sheet, ".gif": views.animation, ".html": views.attention_page}
"""What draws where the network looked, by the file's ending."""
KINDS = {"attention": tuple(ATTENTION), "render": (".png",)}

_Image = TypeVar("_Image")


class Drawings:
    """Where drawings go, and how formulas are rendered for them.

    Args:
        settings: the settings tree.
        attention: .png, .gif or .html to draw where the network looked, or None.
        render: PNG to draw the formula under its picture, or None.

    Raises:
        UsageError: a file is of another kind.
        RendererError: the renderer that the settings name is not here.
    """

    def __init__(self, settings: Settings, *, attention: Path | None, render: Path | None) -> None:
        self._settings = settings
        self._files = {"attention": attention, "render": render}
        self._seen: Counter[str] = Counter()
        for name, file in self._files.items():
            kinds = KINDS[name]
            if file is not None and file.suffix.lower() not in kinds:
                named = " or ".join(kinds)
                raise UsageError(f"`{name}` writes {named} files, not {file.name}.")
        if render:
            _ = self._renderer

    def check(self, images: Iterable[_Image | None]) -> Iterable[_Image | None]:
        """Look whether several pictures would be drawn into one file; return the pictures.

        Raises:
            UsageError: they would.
        """
        single = [(name, f) for name, f in self._files.items() if f and STEM not in f.name]
        if not single:
            return images
        rest = iter(images)
        first = list(_first(rest, 2))
        if len(first) > 1:
            name, file = single[0]
            raise UsageError(
                f"`{name}`: several pictures would all be drawn into {file}.",
                hint=f"Put {STEM} into the name, as in {STEM}{file.suffix}.",
            )
        return chain(first, rest)

    def targets(self, stem: str) -> tuple[Path | None, Path | None]:
        """The files for the next picture, attention and render; equal names are numbered."""
        if not any(self._files.values()):
            return None, None
        self._seen[stem] += 1
        name = stem if self._seen[stem] == 1 else f"{stem}-{self._seen[stem]}"
        attention, render = (
            file and file.with_name(file.name.replace(STEM, name)) for file in self._files.values()
        )
        return attention, render

    def look(self, target: Path, looked: Looked) -> None:
        """Draw where the network looked, as the file's ending says.

        Raises:
            OSError: the file cannot be written.
        """
        draw = ATTENTION[target.suffix.lower()]
        files.write_bytes(
            target, draw(looked.picture, looked.tokens, looked.weights, cell=looked.cell)
        )

    def compare(self, target: Path, picture: NDArray[np.uint8], latex: str) -> bool:
        """Draw the formula under its picture.

        Returns:
            Whether the formula could be rendered; if not, the sheet says why.

        Raises:
            OSError: the file cannot be written.
        """
        render = self._settings.render
        (page,) = self._renderer.render([latex])
        if isinstance(page, RenderFailure):
            files.write_bytes(target, comparison.sheet(picture, page.message))
            return False
        below, _ = finish(page.ink, look=render.look, padding=render.padding, buckets=False)
        files.write_bytes(target, comparison.sheet(picture, below))
        return True

    @cached_property
    def _renderer(self) -> Renderer:
        return choose(self._settings.render.uniform)


def _first(images: Iterator[_Image | None], count: int) -> Iterator[_Image]:
    found = 0
    for image in images:
        if image is not None:
            found += 1
            yield image
        if found == count:
            return
