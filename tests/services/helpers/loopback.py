"""A Zenodo, or any other publisher, on loopback that misbehaves as each test wants."""

import hashlib
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

RECORD = 7


@dataclass
class Zenodo:
    """What is served, how, and what was asked.

    Attributes:
        files: content by name.
        published: content that the record tells of, where it is another.
        trouble: names of what goes wrong with the next requests of files, one for each.
        asked: name and Range of every request of a file.
        ranges: whether parts of files are served.
        tag: ETag of the files.
        lengths: whether answers say how long they are.
    """

    files: dict[str, bytes]
    published: dict[str, bytes] = field(default_factory=dict)
    trouble: list[str] = field(default_factory=list)
    asked: list[tuple[str, str | None]] = field(default_factory=list)
    listing: bytes | None = None
    base: str = ""
    ranges: bool = True
    tag: str | None = None
    lengths: bool = True
    release: threading.Event = field(default_factory=threading.Event)

    def record(self) -> bytes:
        told = self.files | self.published
        rows = [
            {"key": name, "size": len(c), "checksum": f"md5:{hashlib.md5(c).hexdigest()}"}
            for name, c in told.items()
        ]
        return json.dumps({"files": rows}).encode()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    zenodo: Zenodo

    def log_message(self, *_: Any) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        """Answer, or fail as the test wants."""
        with suppress(OSError):
            if self.path == f"/api/records/{RECORD}":
                listing = self.zenodo.listing
                self.reply(200, self.zenodo.record() if listing is None else listing)
                return
            name = self.path.partition("?")[0].rpartition("/")[2]
            self.zenodo.asked.append((name, self.headers.get("Range")))
            trouble = self.zenodo.trouble.pop(0) if self.zenodo.trouble else "none"
            if name in self.zenodo.files:
                self.file(self.zenodo.files[name], trouble)
            else:
                self.reply(404, b"no")

    def file(self, content: bytes, trouble: str) -> None:
        start = 0
        same = self.headers.get("If-Range") in (None, self.zenodo.tag)
        if (span := self.headers.get("Range")) and self.zenodo.ranges and same:
            start = int(span.removeprefix("bytes=").rstrip("-"))
        if start >= len(content):
            self.reply(416, b"")
            return
        answers: dict[str, Callable[[], None]] = {
            "none": lambda: self.part(content, start),
            "drop": lambda: self.part(content, start, stop=start + (len(content) - start) // 2),
            "at once": lambda: self.part(content, start, stop=start),
            "stall": lambda: self.part(content, start, stop=start + 5, stall=True),
            "wrong": lambda: self.part(bytes(len(content)), start),
            "longer": lambda: self.part(content + b"more", start),
            "404": lambda: self.reply(404, b"no"),
            "503": lambda: self.reply(503, b"later"),
            "elsewhere": lambda: self.redirect(f"{self.zenodo.base}{self.path}"),
            "loop": lambda: self.redirect(self.path),
            "plain http": lambda: self.redirect("http://example.org/x"),
            "file": lambda: self.redirect("file:///etc/passwd"),
        }
        answers[trouble]()

    def part(
        self, content: bytes, start: int, *, stop: int | None = None, stall: bool = False
    ) -> None:
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        if self.zenodo.tag:
            self.send_header("ETag", self.zenodo.tag)
        if self.zenodo.lengths:
            self.send_header("Content-Length", str(len(content) - start))
        self.end_headers()
        self.wfile.write(content[start:stop])
        self.wfile.flush()
        if stall:
            self.zenodo.release.wait(10)
        self.close_connection = stop is not None or not self.zenodo.lengths

    def reply(self, status: int, content: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def redirect(self, address: str) -> None:
        self.send_response(302)
        self.send_header("Location", address)
        self.send_header("Content-Length", "0")
        self.end_headers()


@contextmanager
def serving(zenodo: Zenodo) -> Iterator[Zenodo]:
    """Serve until the block ends."""
    handler = type("Bound", (Handler,), {"zenodo": zenodo})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    zenodo.base = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield zenodo
    finally:
        zenodo.release.set()
        server.shutdown()
        thread.join()
        server.server_close()
