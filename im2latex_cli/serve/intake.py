"""From an HTTP request to its picture, within limits of size and time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator

from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import ClientDisconnect, Request

from im2latex_cli.errors import Im2LatexError, InputError
from im2latex_cli.serve.schemas import MULTIPART, PICTURES

PATIENCE = 4
"""So many times the limit of size is read and forgotten, for the client to hear why it failed."""
FIELD = "image"


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
    """

    def __init__(self, request: Request, *, most: int, seconds: float) -> None:
        self._request, self._most, self._seconds = request, most, seconds
        self._chunks = _chunks(request)

    async def picture(self) -> bytes:
        """Read the request's picture.

        Raises:
            RefusedError: it is too large, too slow, or of another type.
            InputError: its form cannot be read.
        """
        kind = self._request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind not in {"", MULTIPART, *PICTURES}:
            raise RefusedError(
                415,
                "unsupported-type",
                f"{kind[:80]} is no picture's Content-Type.",
                hint="Send PNG, JPEG, WebP, TIFF, BMP or GIF as image/... or multipart/form-data.",
            )
        body = await self._body()
        return await self._part(body) if kind == MULTIPART else body

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
                            f"The picture is larger than {self._most / 1e6:g} MB.",
                            hint="Crop the formula.",
                        )
        except TimeoutError:
            raise RefusedError(
                408, "too-slow", f"The picture did not come within {self._seconds:g} seconds."
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
