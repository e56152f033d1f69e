"""Models at an address: downloaded once into the cache, and checked at every use.

    hf://owner/name                     model.safetensors of a repository on Hugging Face
    hf://owner/name@revision/file       another file, another branch, tag or commit
    https://host/path/model.safetensors

Nothing is opened but what the user named: without an address there is no network.
"""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path, PurePosixPath
from urllib.parse import quote, unquote, urlsplit

from im2latex_cli import paths, runs
from im2latex_cli.data.sources.download import (
    WRONG_CONTENT,
    Patience,
    Published,
    discard,
    fetch,
    recorded,
    verified,
)
from im2latex_cli.errors import DownloadError, InputError, UsageError
from im2latex_cli.files import locked
from im2latex_cli.progress import Reporter

HUB = "https://huggingface.co"
SUFFIX = ".safetensors"
PATIENT = Patience()

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")
_HUB_ADDRESS = re.compile(r"hf://(\w[\w.-]*)/(\w[\w.-]*)(?:@([\w.%-]+))?(?:/(.+))?")
_PIN = re.compile(r"#sha256=([0-9A-Fa-f]{64})")
_SENT = {b"<": "a web page", b"{": "JSON", b"version https://git-lfs": "a pointer of Git LFS"}
"""How files begin that servers send instead of a model."""
_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Address:
    """Where a model can be downloaded.

    Attributes:
        text: as the user wrote it, without the checksum.
        url: what is opened.
        name: short name of the model, for folders.
    """

    text: str
    url: str
    name: str

    @property
    def file(self) -> str:
        """Name of the file, here as there."""
        return re.sub(r"[^\w.-]", "_", PurePosixPath(unquote(urlsplit(self.url).path)).name)

    @property
    def folder(self) -> Path:
        """Where the cache keeps it."""
        return paths.cache_folder() / "models" / sha256(self.url.encode()).hexdigest()[:16]


def split_pin(model: str) -> tuple[str, str | None]:
    """Take the checksum off the name of a model: `name#sha256=...`.

    Raises:
        UsageError: a checksum is named, but is none.
    """
    name, mark, _ = model.partition("#sha256=")
    if not mark:
        return model, None
    pin = _PIN.fullmatch(model, len(name))
    if pin is None:
        raise UsageError(
            f"{model}: a SHA-256 checksum has 64 hexadecimal digits.",
            hint="sha256sum FILE prints it.",
        )
    return name, pin[1].lower()


def parse(model: str) -> Address | None:
    """Read the name of a model, without its checksum, as an address; None if it is a path.

    Raises:
        UsageError: an address that cannot be read.
    """
    if not _SCHEME.match(model):
        return None
    if model.startswith("hf://"):
        address = _hub_address(model)
    elif model.startswith(("https://", "http://")):
        address = Address(model, model, "")
    else:
        raise UsageError(f"{model}: models come from hf://owner/name, an https address or a path.")
    if not address.file.endswith(SUFFIX):
        raise UsageError(
            f"{model} does not name a {SUFFIX} file.",
            hint="Exported folders are two files: download them and name the folder.",
        )
    return Address(model, address.url, address.name or address.file.removesuffix(SUFFIX))


def obtain(
    address: Address, pin: str | None, reporter: Reporter, *, patience: Patience = PATIENT
) -> Path:
    """Return the model file behind an address; download it unless the cache has it.

    Args:
        address: where it is.
        pin: SHA-256 that it must have, or None.
        reporter: told about progress and, if there is no pin, the checksum.
        patience: how long to try.

    Raises:
        DownloadError: it cannot be downloaded, or has another checksum.
        InputError: the cache cannot be written.
        UsageError: another process downloads it.
    """
    target = address.folder / address.file
    if not _is_cached(target, pin):
        _download(address, pin, reporter, patience)
    _demand_model(address, target)
    digest = recorded(target)
    _logger.info("%s: SHA-256 %s", address.text, digest)
    say = reporter.detail if pin else reporter.info
    say(f"{address.text}: SHA-256 {digest}" + ("" if pin else "; #sha256=… behind it pins it"))
    return target


def _hub_address(model: str) -> Address:
    parts = _HUB_ADDRESS.fullmatch(model)
    if parts is None:
        raise UsageError(f"{model} is not hf://owner/name[@revision][/file].")
    owner, name, revision, file = parts.groups()
    url = f"{HUB}/{owner}/{name}/resolve/{revision or 'main'}/{quote(file or runs.HUB_MODEL)}"
    return Address(model, url, name)


def _is_cached(target: Path, pin: str | None) -> bool:
    """Whether the cache has the file; one with another checksum than the pin is out of date."""
    return verified(target) and pin in (None, recorded(target))


def _demand_model(address: Address, target: Path) -> None:
    """Check that a file begins like a safetensors file; remove it if not."""
    size = target.stat().st_size
    with target.open("rb") as content:
        start = content.read(64)
    length = int.from_bytes(start[:8], "little")
    if start[8:9] == b"{" and length <= size - 8:
        return
    discard(target)
    sent = next((name for mark, name in _SENT.items() if start.lstrip().startswith(mark)), "a file")
    raise DownloadError(
        f"{address.text} is not a safetensors file: the server sent {sent} of {size:,} bytes.",
        hint="Nothing of it was kept. The address must be of the file, not of a page about it.",
    )


def _download(address: Address, pin: str | None, reporter: Reporter, patience: Patience) -> None:
    published = Published(address.file, address.url, sha256=pin)
    busy = f"Another process is downloading {address.text}."
    try:
        paths.make_cache()
        with (
            locked(address.folder / ".lock", busy=busy, hint="Wait for it."),
            reporter.step(f"Downloading {address.text}") as step,
        ):
            if not _is_cached(address.folder / address.file, pin):
                fetch(
                    published,
                    address.folder,
                    advance=step.advance,
                    resize=step.resize,
                    patience=patience,
                )
    except OSError as error:
        raise InputError(
            f"{address.text} cannot be written to {address.folder} ({error.strerror or error})."
        ) from error
    except DownloadError as error:
        raise _explained(address, pin, error) from error


def _explained(address: Address, pin: str | None, error: DownloadError) -> DownloadError:
    message = str(error.args[0])
    if pin and "SHA-256" in message:
        return DownloadError(
            f"{address.text} is not the pinned file: {message.rpartition(WRONG_CONTENT)[2]}",
            hint="Nothing of it was kept. If its owner replaced it on purpose, pin the new one.",
        )
    return error
