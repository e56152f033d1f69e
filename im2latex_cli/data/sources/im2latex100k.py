"""What can be downloaded: im2latex-100k, the four files of Zenodo's record 56198.

The record itself says how long each file is and which MD5 it has. Nothing is fetched unless
`obtain` is called, and nothing that is there already.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from im2latex_cli.data.lock import locked
from im2latex_cli.data.sources.download import Patience, Published, fetch, fetch_small, verified
from im2latex_cli.data.sources.listing import FILES
from im2latex_cli.errors import DownloadError, InputError
from im2latex_cli.progress import Reporter

ZENODO = "https://zenodo.org"
PATIENT = Patience()


@dataclass(frozen=True, slots=True)
class Collection:
    """Files of one record of Zenodo.

    Attributes:
        name: short name, also of its folder in the cache.
        record: the record's number.
        files: those of its files that are wanted.
        base: where Zenodo is.
    """

    name: str
    record: int
    files: tuple[str, ...]
    base: str = ZENODO

    @property
    def listing(self) -> str:
        """Address of what the record says of its files."""
        return f"{self.base}/api/records/{self.record}"

    def address(self, name: str) -> str:
        """Address of one file."""
        return f"{self.base}/records/{self.record}/files/{name}?download=1"


IM2LATEX_100K = Collection("im2latex-100k", 56198, FILES)


def obtain(
    collection: Collection,
    folder: Path,
    reporter: Reporter,
    *,
    patience: Patience = PATIENT,
) -> None:
    """Fetch what `folder` lacks of a collection; check what it has.

    Args:
        collection: the files.
        folder: where they go.
        reporter: where progress goes.
        patience: how long to try.

    Raises:
        DownloadError: it cannot be fetched, or is not what it should be.
        InputError: the folder cannot be written.
        UsageError: another process fetches it.
    """
    if not missing(collection, folder):
        return
    try:
        with locked(
            folder / ".lock",
            busy=f"Another process is downloading {collection.name}.",
            hint="Wait for it.",
        ):
            _fetch_all(collection, folder, reporter, patience)
    except DownloadError as error:
        raise DownloadError(
            str(error),
            hint=f"To build without a download: `build.source` DIR, a folder with "
            f"{', '.join(collection.files)}.",
        ) from error
    except OSError as error:
        raise InputError(f"{collection.name} cannot be written to {folder}: {error}.") from error


def missing(collection: Collection, folder: Path) -> list[str]:
    """Name the files that `folder` lacks; check those that it has.

    Raises:
        DownloadError: one has changed since it was fetched.
    """
    return [name for name in collection.files if not verified(folder / name)]


def _fetch_all(
    collection: Collection, folder: Path, reporter: Reporter, patience: Patience
) -> None:
    lacking = missing(collection, folder)
    published = _published(collection, fetch_small(collection.listing, patience=patience))
    size = sum(published[name].size or 0 for name in lacking)
    title = f"Downloading {collection.name} ({size / 1e6:.1f} MB)"
    with reporter.step(title, size) as step:
        for name in lacking:
            fetch(published[name], folder, advance=step.advance, patience=patience)


def _published(collection: Collection, content: bytes) -> Mapping[str, Published]:
    """Read the record's list of files, in either of the two forms that Zenodo has for it.

    Raises:
        DownloadError: it is no such list, or lacks a file.
    """
    try:
        told = json.loads(content)["files"]
        rows: list[dict[str, Any]] = (
            list(told["entries"].values()) if isinstance(told, dict) else told
        )
        found = {row["key"]: (int(row["size"]), str(row["checksum"])) for row in rows}
        return {
            name: Published(name, collection.address(name), size, _md5(checksum))
            for name, (size, checksum) in ((name, found[name]) for name in collection.files)
        }
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise DownloadError(
            f"{collection.listing} is not the record of {collection.name} ({error!r})."
        ) from error


def _md5(checksum: str) -> str:
    kind, _, digits = checksum.partition(":")
    if kind != "md5" or len(digits) != 32:
        raise ValueError(f"{checksum} is not an MD5")
    return digits.lower()
