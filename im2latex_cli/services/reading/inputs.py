"""What a user names, as pictures to read: files, folders, patterns, lists, PDF pages, streams.

Everything comes lazily, so that a list that is still being written is read as far as it goes. A
thing that cannot be read is an entry with an error, and never stops the others.
"""

from __future__ import annotations

import glob
import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO, Literal

import numpy as np
from numpy.typing import NDArray

from im2latex_cli.errors import Im2LatexError, InputError
from im2latex_cli.files import url_of
from im2latex_cli.pages.regions import RegionKind
from im2latex_cli.services.reading import clipboard, pdf, streams
from im2latex_cli.vision.image import Box, open_grey

STDIN = "-"
CLIPBOARD = "clipboard"
SUFFIXES = frozenset((".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff", ".bmp", ".gif", ".pdf"))
"""Which files of a folder are pictures."""
PDF_SUFFIX = ".pdf"
PDF_MAGIC = b"%PDF"
_PATTERN = frozenset("*?[")

Source = Path | str | BinaryIO


@dataclass(frozen=True, slots=True, eq=False)
class Origin:
    """Where a formula was found.

    Attributes:
        box: left, top, right and bottom from the upper left corner, without the equation number.
        unit: of the box: "pt" (points) on PDF pages, "px" (pixels) on pictures.
        kind: display or inline.
        page: of a PDF, from 1; None for a picture.
        numbers: pictures (H, W) of its equation numbers.
    """

    box: tuple[float, float, float, float]
    unit: Literal["pt", "px"]
    kind: RegionKind
    page: int | None = None
    numbers: tuple[NDArray[np.uint8], ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Entry:
    """One picture to read.

    Attributes:
        path: as it was given; "-" for standard input, "paper.pdf#page=2" for a page.
        stem: what its drawings are called.
        picture: a file, its bytes, or (H, W) grey; None where there is an error.
        error: why there is no picture.
        scale: where the pixels lie on a PDF page; None for any other picture.
        place: where the picture was found on a page; None for a whole picture.
    """

    path: str
    stem: str
    picture: Path | bytes | NDArray[np.uint8] | None
    error: Im2LatexError | None = None
    scale: pdf.Scale | None = None
    place: Origin | None = None

    @property
    def title(self) -> str:
        """How messages call it."""
        return _title(self.path)

    @property
    def content(self) -> Path | bytes | NDArray[np.uint8] | Im2LatexError:
        """The picture, or why there is none."""
        if self.picture is not None:
            return self.picture
        return self.error or InputError(f"{self.title}: nothing to read.")


@dataclass(frozen=True, slots=True)
class Inputs:
    """All that one command was told to read.

    Attributes:
        sources: files, folders, patterns and streams, in their order.
        listed: a file or a stream with one path a line.
        null: the paths of `listed` end with NUL.
        recursive: take the pictures of folders inside folders too.
        pages: which pages of a PDF; None takes all.
        box: the part of each picture (pixels) and each page (points) to read.
        from_clipboard: read the picture on the clipboard.
        timeout: longest wait for what comes through a pipe, in seconds; None waits for ever.
        watched: a folder whose new pictures are read as they appear, without end.
    """

    sources: Sequence[Source] = ()
    listed: Path | BinaryIO | None = None
    null: bool = False
    recursive: bool = False
    pages: pdf.Pages | None = None
    box: Box | None = None
    from_clipboard: bool = False
    timeout: float | None = None
    watched: Path | None = None

    def count(self) -> int | None:
        """How many pictures there are, a stream being one; None where only reading tells."""
        if self.listed is not None or self.watched is not None:
            return None
        single = all(
            not isinstance(source, Path | str) or _is_single(str(source)) for source in self.sources
        )
        return len(self.sources) + self.from_clipboard if single else None

    def __iter__(self) -> Iterator[Entry | None]:
        """Yield each picture; None where a list has nothing more for the moment."""
        if self.from_clipboard:
            yield self._clipboard()
        for source in self.sources:
            if isinstance(source, Path | str):
                yield from self._expand(str(source))
            else:
                yield from self._stream(source)
        if self.listed is not None:
            for path in streams.lines(self.listed, b"\0" if self.null else b"\n"):
                if path is None:
                    yield None
                else:
                    yield from self._path(path)
        if self.watched is not None:
            for new in streams.appearing(self.watched, SUFFIXES):
                yield from (None,) if new is None else self._path(str(new))

    def _clipboard(self) -> Entry:
        try:
            return self._entry(CLIPBOARD, CLIPBOARD, clipboard.picture())
        except Im2LatexError as error:
            return _failed(CLIPBOARD, error)

    def _entry(self, name: str, stem: str, picture: Path | bytes) -> Entry:
        """The picture, or its box; only for the box is it opened here."""
        entry = Entry(name, stem, picture)
        if self.box is None:
            return entry
        try:
            grey = open_grey(picture, name=entry.title)
            return replace(entry, picture=self.box.cut(grey, entry.title))
        except Im2LatexError as error:
            return replace(entry, picture=None, error=error)

    def _expand(self, name: str) -> Iterator[Entry]:
        """A path from the command line, where patterns mean what they mean to a shell."""
        if not _PATTERN & set(name) or os.path.lexists(name) or url_of(name):
            yield from self._path(name)
            return
        found = sorted(glob.glob(name, recursive=True))  # noqa: PTH207 (takes absolute patterns too)
        if not found:
            yield _failed(name, InputError(f"{name}: no file matches.", hint="Check the pattern."))
        for path in found:
            if self.recursive or not Path(path).is_dir():
                yield from self._path(path)

    def _path(self, name: str) -> Iterator[Entry]:
        path = Path(name)
        if (url := url_of(name)) is not None:
            yield _failed(url, _not_fetched(url))
            return
        try:
            mode = path.stat().st_mode
        except (OSError, ValueError):  # whoever opens it says what is wrong
            yield self._entry(name, path.stem, path)
            return
        if stat.S_ISDIR(mode):
            yield from self._folder(path)
        elif not stat.S_ISREG(mode):
            yield from self._irregular(path)
        elif path.suffix.lower() == PDF_SUFFIX:
            yield from self._pages(path, name, path.stem)
        else:
            yield self._entry(name, path.stem, path)

    def _folder(self, folder: Path) -> Iterator[Entry]:
        empty = True
        for found in _walk(folder, recursive=self.recursive, above=frozenset()):
            empty = False
            if isinstance(found, Entry):
                yield found
            else:
                yield from self._path(str(found))
        if empty:
            deeper = "" if self.recursive else " (folders inside it need `recursive`)"
            error = InputError(f"{folder}: a folder without pictures{deeper}.")
            yield _failed(str(folder), error)

    def _irregular(self, path: Path) -> Iterator[Entry]:
        """A pipe or a device: read within the time limit."""
        try:
            data = streams.read(path, str(path), timeout=self.timeout)
        except Im2LatexError as error:
            yield _failed(str(path), error)
        else:
            yield from self._bytes(data, str(path), path.stem)

    def _stream(self, stream: BinaryIO) -> Iterator[Entry]:
        try:
            data = streams.read(stream, "standard input", timeout=self.timeout)
        except Im2LatexError as error:
            yield _failed(STDIN, error)
        else:
            yield from self._bytes(data, STDIN, "stdin")

    def _bytes(self, data: bytes, name: str, stem: str) -> Iterator[Entry]:
        if data.startswith(PDF_MAGIC):
            yield from self._pages(data, name, stem)
        else:
            yield self._entry(name, stem, data)

    def _pages(self, source: Path | bytes, name: str, stem: str) -> Iterator[Entry]:
        title = _title(name)
        try:
            for number, picture, scale in pdf.read(source, title, pages=self.pages, box=self.box):
                path = f"{name}#page={number}"
                if isinstance(picture, Im2LatexError):
                    yield Entry(path, f"{stem}-{number}", None, picture)
                else:
                    yield Entry(path, f"{stem}-{number}", picture, scale=scale)
        except Im2LatexError as error:
            yield _failed(name, error)


def _not_fetched(url: str) -> InputError:
    return InputError(
        f"{url}: URLs are not fetched.", hint="Download the picture first, then name its file."
    )


def as_entry(source: Source | Entry) -> Entry:
    """A file or a stream as an entry; what is one already stays as it is."""
    if isinstance(source, Entry):
        return source
    if isinstance(source, Path | str):
        return Entry(str(source), Path(source).stem, Path(source))
    try:
        return Entry(STDIN, "stdin", streams.read(source, "standard input", timeout=None))
    except Im2LatexError as error:
        return _failed(STDIN, error)


def _title(name: str) -> str:
    """How messages call a picture or a file."""
    return "standard input" if name == STDIN else name


def _failed(name: str, error: Im2LatexError) -> Entry:
    return Entry(name, Path(name).stem, None, error)


def _is_single(name: str) -> bool:
    """Whether a name stands for one picture, readable or not."""
    path = Path(name)
    if path.suffix.lower() == PDF_SUFFIX or path.is_dir():
        return False
    return not _PATTERN & set(name) or os.path.lexists(name)


def _walk(
    folder: Path, *, recursive: bool, above: frozenset[tuple[int, int]]
) -> Iterator[Path | Entry]:
    """The pictures of a folder by name, then those of its folders; circles of links end."""
    try:
        place = folder.stat()
        here = above | {(place.st_dev, place.st_ino)}
        with os.scandir(folder) as entries:
            names = sorted(entry.name for entry in entries if not entry.name.startswith("."))
    except OSError as error:
        reason = error.strerror or str(error)
        yield _failed(str(folder), InputError(f"{folder}: cannot be read ({reason})."))
        return
    folders = []
    for path in (folder / name for name in names):
        mode, identity = _identity(path)
        if stat.S_ISDIR(mode):
            folders += [path] if identity not in here else []
        elif path.suffix.lower() in SUFFIXES and (not mode or stat.S_ISREG(mode)):
            yield path
    for path in folders if recursive else ():
        yield from _walk(path, recursive=True, above=here)


def _identity(path: Path) -> tuple[int, tuple[int, int]]:
    """A file's mode, 0 where nothing says, and what tells it from every other."""
    try:
        found = path.stat()
    except OSError:
        return 0, (0, 0)
    return found.st_mode, (found.st_dev, found.st_ino)
