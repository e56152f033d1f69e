"""One file over HTTPS: goes on where it broke off, and is kept only when its checksum is right.

What has come so far lies beside the file as `NAME.part`. A finished file gets `NAME.sha256`
beside it, which `verified` compares ever after. If no checksum is known, the server's own mark of
a version (ETag, in `NAME.part.tag`) decides whether a later run may go on.
"""

from __future__ import annotations

import hashlib
import http.client
import ipaddress
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import IO, Any, Protocol
from urllib.parse import urlsplit

from im2latex_cli import files
from im2latex_cli.errors import DownloadError

CHUNK = 1 << 16
WRONG_CONTENT = " has not the published content: "
TRIES = 2
"""Downloads of a file whose content is wrong: what came earlier may be of an older one."""
AGAIN = {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS}
_ADVICE: Mapping[int, str] = {
    HTTPStatus.UNAUTHORIZED: "It may need an account, or not exist.",
    HTTPStatus.FORBIDDEN: "It may need an account.",
    HTTPStatus.NOT_FOUND: "Check the address.",
}
NETWORK = (OSError, http.client.HTTPException)
"""What a broken connection raises; URLError and time-outs are OSErrors."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to try.

    Attributes:
        stall: seconds without a byte before the connection counts as broken.
        attempts: connections in a row that may bring nothing.
        pause: seconds before the second attempt; doubled for each one after it.
    """

    stall: float = 30.0
    attempts: int = 5
    pause: float = 0.5


@dataclass(frozen=True, slots=True)
class Published:
    """What is known of a file before it comes.

    Attributes:
        name: of the file here.
        url: where it is.
        size: in bytes, or None.
        md5: checksum in hexadecimal, or None.
        sha256: likewise.
    """

    name: str
    url: str
    size: int | None = None
    md5: str | None = None
    sha256: str | None = None

    @property
    def has_checksum(self) -> bool:
        """Whether wrong content can be told from right."""
        return bool(self.md5 or self.sha256)

    def fault(self, path: Path) -> str | None:
        """Say how a file differs from what is known, or None."""
        size, (md5, sha256) = path.stat().st_size, _digests(path)
        if self.size not in (None, size):
            return f"{size:,} bytes instead of {self.size:,}"
        if self.md5 not in (None, md5):
            return f"MD5 {md5} instead of {self.md5}"
        if self.sha256 not in (None, sha256):
            return f"SHA-256 {sha256} instead of {self.sha256}"
        return None


class _Response(Protocol):
    status: int
    headers: Any

    def read(self, amount: int = ..., /) -> bytes: ...
    def close(self) -> None: ...


class _BrokenError(Exception):
    """The connection brought less than the file; to be tried again."""


class _SafeRedirects(urllib.request.HTTPRedirectHandler):
    """Follows no redirect to an address that would not be opened in the first place."""

    def redirect_request(  # noqa: PLR0917 (the base class says so)
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: http.client.HTTPMessage,
        newurl: str,
    ) -> urllib.request.Request | None:
        _demand_safe(newurl)
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def fetch(
    published: Published,
    folder: Path,
    *,
    advance: Callable[[int], None] = lambda _count: None,
    resize: Callable[[int], None] = lambda _size: None,
    patience: Patience = Patience(),
) -> Path:
    """Download a file into `folder` and return its path; what came earlier is not fetched again.

    Args:
        published: the file.
        folder: where it goes.
        advance: called with the number of bytes that came; less than 0 where they were in vain.
        resize: called with the size of the file once the server says it.
        patience: how long to try.

    Raises:
        DownloadError: no connection, no such file, or wrong content; the message says which.
        OSError: the folder cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    part, target = folder / f"{published.name}.part", folder / published.name
    if not (published.has_checksum or _tag(part).exists()):
        part.unlink(missing_ok=True)  # nothing says whether it belongs to the file of today
    advance(part.stat().st_size if part.exists() else 0)
    for _ in range(TRIES):
        _complete(published, part, advance, resize, patience)
        _tag(part).unlink(missing_ok=True)
        fault = published.fault(part)
        if fault is None:
            files.write_text(_record(target), f"{_digests(part)[1]}  {published.name}\n")
            part.replace(target)
            return target
        advance(-part.stat().st_size)
        part.unlink()
    raise DownloadError(
        f"{published.url} has not the published content: {fault}.",
        hint="Nothing of it was kept. A proxy may have put its own page there; try again later.",
    )


def fetch_small(url: str, *, patience: Patience = Patience(), limit: int = 1 << 22) -> bytes:
    """Return the content at an address, at most `limit` bytes of it.

    Raises:
        DownloadError: no connection or no such page.
    """
    for attempt in range(patience.attempts):
        _wait(attempt, patience)
        try:
            with closing(_open(url, 0, patience.stall)) as response:
                content = response.read(limit)
                if len(content) < min(limit, int(response.headers.get("Content-Length") or 0)):
                    reason = _BrokenError(f"the connection ended after {len(content):,} bytes")
                    continue
                return content
        except _BrokenError as error:
            reason = error
        except NETWORK as error:
            reason = _BrokenError(_reason(error))
    raise _gave_up(url, reason)


def verified(target: Path) -> bool:
    """Whether a file fetched earlier is there, with the content it had then.

    Raises:
        DownloadError: it is there with another content.
    """
    if not target.is_file() or not _record(target).is_file():
        return False
    stored = recorded(target)
    found = _digests(target)[1]
    if found != stored:
        raise DownloadError(
            f"{target} has changed since it was downloaded: SHA-256 {found}, then {stored}.",
            hint="Delete it and run the same command again.",
        )
    return True


def discard(target: Path) -> None:
    """Remove a file fetched earlier."""
    target.unlink(missing_ok=True)
    _record(target).unlink(missing_ok=True)


def recorded(target: Path) -> str:
    """Return the SHA-256 that a finished file had when it came."""
    return _record(target).read_text(encoding="utf-8").partition(" ")[0]


def _complete(
    published: Published,
    part: Path,
    advance: Callable[[int], None],
    resize: Callable[[int], None],
    patience: Patience,
) -> None:
    """Let `part` grow to the size of the file, over as many connections as it takes."""
    attempt = best = 0
    while True:
        with part.open("ab") as out:
            have = out.tell()
            if published.size is not None and have >= published.size:
                return
            try:
                for start, chunk in _chunks(published, part, have, resize, patience.stall):
                    if start < have:  # the server began anew
                        advance(start - have)
                        out.truncate(start)
                        have = start
                    advance(len(chunk))
                    have += out.write(chunk)
                    if have > best:
                        attempt, best = 0, have
            except _BrokenError as error:
                reason = error
            else:
                if published.size is None:
                    return
                continue
        attempt += 1
        if attempt >= patience.attempts:
            raise _gave_up(published.url, reason)
        _wait(attempt, patience)


def _chunks(
    published: Published, part: Path, have: int, resize: Callable[[int], None], stall: float
) -> Iterator[tuple[int, bytes]]:
    """Yield where in the file each piece begins, and the piece.

    Raises:
        _BrokenError: the connection ended early.
    """
    try:
        tag = _tag(part).read_text(encoding="utf-8") if _tag(part).exists() else ""
        response = _open(published.url, have, stall, tag=tag)
    except NETWORK as error:
        raise _BrokenError(_reason(error)) from error
    with closing(response):
        at = have if _goes_on(response, have) else 0
        if not published.has_checksum:
            _keep_tag(part, response)
        end = _end(response, at) if published.size is None else published.size
        if end is not None:
            resize(end)
        yield at, b""  # what came earlier is cut here, even if nothing comes now
        while end is None or at < end:
            try:
                chunk = response.read(CHUNK if end is None else min(CHUNK, end - at))
            except NETWORK as error:
                raise _BrokenError(_reason(error)) from error
            if not chunk and end is None:
                return
            if not chunk:
                raise _BrokenError(f"the connection ended after {at:,} of {end:,} bytes")
            yield at, chunk
            at += len(chunk)


def _end(response: _Response, start: int) -> int | None:
    """Return the size of a file whose rest is coming; None if the server does not say it."""
    length = str(response.headers.get("Content-Length") or "")
    return start + int(length) if length.isdigit() else None


def _keep_tag(part: Path, response: _Response) -> None:
    """Keep the server's mark of this version; a weak one says nothing about bytes."""
    tag = str(response.headers.get("ETag") or "")
    if tag.startswith('"'):
        files.write_text(_tag(part), tag)
    else:
        _tag(part).unlink(missing_ok=True)


def _goes_on(response: _Response, have: int) -> bool:
    span = str(response.headers.get("Content-Range", ""))
    return response.status == HTTPStatus.PARTIAL_CONTENT and span.startswith(f"bytes {have}-")


def _open(url: str, start: int, stall: float, *, tag: str = "") -> _Response:
    _demand_safe(url)
    headers = {"User-Agent": "im2latex-cli", "Accept-Encoding": "identity"}
    if start:
        headers["Range"] = f"bytes={start}-"
        headers |= {"If-Range": tag} if tag else {}
    request = urllib.request.Request(url, headers=headers)  # noqa: S310 (checked above)
    opener = urllib.request.build_opener(_SafeRedirects)
    try:
        response: _Response = opener.open(request, timeout=stall)
    except urllib.error.HTTPError as error:
        error.close()
        if start and error.code == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
            return _open(url, 0, stall)
        if error.code in AGAIN or error.code >= HTTPStatus.INTERNAL_SERVER_ERROR:
            raise _BrokenError(f"the server answered {error.code} {_reason(error)}") from error
        raise DownloadError(
            f"{url} cannot be downloaded: the server answered {error.code} {_reason(error)}.",
            hint=_ADVICE.get(error.code),
        ) from error
    return response


def _demand_safe(url: str) -> None:
    """Check that an address is encrypted, or on this machine."""
    parts = urlsplit(url)
    if parts.scheme == "https" or (parts.scheme == "http" and _is_local(parts.hostname or "")):
        return
    raise DownloadError(f"{url} is not an https address, so nothing was downloaded from it.")


def _is_local(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _digests(path: Path) -> tuple[str, str]:
    """MD5 and SHA-256 of a file, in hexadecimal."""
    md5, sha = hashlib.md5(usedforsecurity=False), hashlib.sha256()
    with path.open("rb") as content:
        while chunk := content.read(CHUNK):
            md5.update(chunk)
            sha.update(chunk)
    return md5.hexdigest(), sha.hexdigest()


def _record(target: Path) -> Path:
    return target.with_name(f"{target.name}.sha256")


def _tag(part: Path) -> Path:
    return part.with_name(f"{part.name}.tag")


def _wait(attempt: int, patience: Patience) -> None:
    if attempt:
        time.sleep(patience.pause * 2 ** (attempt - 1))


def _reason(error: BaseException) -> str:
    """Say in one line why a request failed; what a server wrote may have several."""
    reason = getattr(error, "reason", None) or error
    printable = "".join(sign if sign.isprintable() else " " for sign in str(reason))
    return " ".join(printable.split()) or type(error).__name__


def _gave_up(url: str, reason: _BrokenError) -> DownloadError:
    host = urlsplit(url).hostname
    return DownloadError(
        f"{url} cannot be downloaded: {reason}.",
        hint=f"Check that this machine reaches {host}; what came so far is kept.",
    )
