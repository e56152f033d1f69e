"""From an HTTP request to its picture or document, within limits of size and time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from typing import NamedTuple

from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import ClientDisconnect, Request

from im2latex_cli.errors import Im2LatexError, InputError
from im2latex_cli.serve.schemas import DOCUMENTS, MULTIPART, PICTURES

PATIENCE = 4
"""So many times the limit of size is read and forgotten, for the client to hear why it failed."""
FIELD = "image"


class UploadKind(NamedTuple):
    """What a request may hold.

    Attributes:
        name: how messages call it.
        types: Content-Types of a body that is the file itself.
        unsupported: ends the sentence about another Content-Type.
        supported: what to send instead.
        too_large: what to do about a file that is too large.
    """

    name: str
    types: tuple[str, ...]
    unsupported: str
    supported: str
    too_large: str


PICTURE = UploadKind(
    "picture",
    PICTURES,
    "is no picture's Content-Type",
    "Send PNG, JPEG, WebP, TIFF, BMP or GIF as image/... or multipart/form-data.",
    "Crop the formula.",
)
DOCUMENT = UploadKind(
    "document",
    DOCUMENTS,
    "is no picture's or PDF's Content-Type",
    "Send PDF, PNG, JPEG, WebP, TIFF, BMP or GIF.",
    "Split it, or read it with `im2latex predict`.",
)


class RefusedError(Im2LatexError):
    """A request that is not even looked into.

    Attributes:
        status: HTTP status.
    """

    def __init__(self, status: int, code: str, message: str, *, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.status, self.code = status, code


class Intake:
    """One request's body.

    Args:
        request: the request.
        most: largest body in bytes.
        seconds: longest time for it to come.
        kind: what it may hold.
    """

    def __init__(
        self, request: Request, *, most: int, seconds: float, kind: UploadKind = PICTURE
    ) -> None:
        self._request, self._most, self._seconds = request, most, seconds
        self._kind = kind
        self._chunks = _chunks(request)

    @property
    def content_type(self) -> str:
        """The request's Content-Type without parameters; empty if there is none."""
        return self._request.headers.get("content-type", "").partition(";")[0].strip().lower()

    async def file(self) -> bytes:
        """Read the request's picture or document.

        Raises:
            RefusedError: it is too large, too slow, or of another type.
            InputError: its form cannot be read.
        """
        content_type = self.content_type
        if content_type not in {"", MULTIPART, *self._kind.types}:
            raise RefusedError(
                415,
                "unsupported-type",
                f"{content_type[:80]} {self._kind.unsupported}.",
                hint=self._kind.supported,
            )
        body = await self._body()
        return await self._part(body) if content_type == MULTIPART else body

    async def drain(self) -> None:
        """Take what still comes, within reason, and forget it."""
        seen = 0
        try:
            async with asyncio.timeout(self._seconds):
                async for chunk in self._chunks:
                    seen += len(chunk)
                    if seen > PATIENCE * self._most:
                        return
        except (TimeoutError, ClientDisconnect):
            return

    async def _body(self) -> bytes:
        body = bytearray()
        try:
            async with asyncio.timeout(self._seconds):
                async for chunk in self._chunks:
                    body += chunk
                    if len(body) > self._most:
                        raise RefusedError(
                            413,
                            "too-large",
                            f"The {self._kind.name} is larger than {self._most / 1e6:g} MB.",
                            hint=self._kind.too_large,
                        )
        except TimeoutError:
            raise RefusedError(
                408,
                "too-slow",
                f"The {self._kind.name} did not come within {self._seconds:g} seconds.",
            ) from None
        return bytes(body)

    async def _part(self, body: bytes) -> bytes:
        async def once() -> AsyncGenerator[bytes, None]:
            yield body

        try:
            parser = MultiPartParser(
                self._request.headers, once(), max_files=2, max_fields=20, max_part_size=self._most
            )
            form = await parser.parse()
        except (MultiPartException, KeyError, ValueError) as error:
            reason = getattr(error, "message", None) or "no boundary, or a wrong one"
            raise InputError(f"The form cannot be read: {str(reason).rstrip('.')}.") from None
        parts = [part for _, part in form.multi_items() if isinstance(part, UploadFile)]
        named = form.get(FIELD)
        data = await parts[0].read() if len(parts) == 1 else None
        if not parts and isinstance(named, str):
            data = named.encode()
        await form.close()
        if data is not None:
            return data
        raise InputError(
            f"The form holds {len(parts)} files.", hint=f"Send one, such as {FIELD}=@formula.png."
        )


async def _chunks(request: Request) -> AsyncIterator[bytes]:
    async for chunk in request.stream():
        yield chunk
