"""im2latex serve: a page and an HTTP interface in front of a recogniser, until interrupted.

Pages of uploaded documents are drawn and searched one at a time.
"""

from __future__ import annotations

import base64
import ipaddress
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from im2latex_cli.data.predictions import Hypothesis
from im2latex_cli.errors import Im2LatexError, UsageError
from im2latex_cli.formats.convert import WRITERS
from im2latex_cli.pages.finder import Finder, bundled_finder
from im2latex_cli.pages.regions import FoundFormula
from im2latex_cli.progress import Reporter
from im2latex_cli.recognition.reader import InputPicture, Reader, Reading
from im2latex_cli.recognition.recognizer import Recognizer
from im2latex_cli.render.embedded.renderer import to_svg
from im2latex_cli.render.renderer import RenderFailure
from im2latex_cli.report.page import data_uri
from im2latex_cli.serve.batching import (
    Answer,
    PageFormulas,
    Part,
    ReadRequest,
    Unit,
    UploadedDocument,
)
from im2latex_cli.services.reading import pdf
from im2latex_cli.services.reading.find import cut, is_one_formula
from im2latex_cli.services.reading.inputs import PDF_MAGIC
from im2latex_cli.services.reading.predict import equation_number, worth_saying
from im2latex_cli.settings.sections import Settings
from im2latex_cli.vision.finish import encode_png
from im2latex_cli.vision.image import Box, open_grey

NAME = "The upload"
"""How messages call what was uploaded."""
CONTENT_TYPE = "application/pdf"
MAGIC_WITHIN = 1024
"""Bytes within which the mark of a PDF stands; some files begin with something else."""
MOST_PIXELS_SENT = 4_000_000
"""A page of more is shrunk for the browser, by a whole number."""

Grey = NDArray[np.uint8]


def open_document(
    data: bytes, content_type: str, finder: Callable[[], Finder] = bundled_finder
) -> UploadedDocument:
    """Open an upload: a PDF if its type or its content says so, else a picture.

    Args:
        data: the file.
        content_type: as the request names it; may be empty.
        finder: gives the finder, once there is something to search.

    Raises:
        InputError: it is damaged, encrypted, blank, or of another kind.
    """
    is_pdf = content_type == CONTENT_TYPE or PDF_MAGIC in data[:MAGIC_WITHIN]
    return _Document(_PdfSource(data) if is_pdf else _PictureSource(data), finder)


class _Source(Protocol):
    """A file that gives pages."""

    unit: Unit
    pages: int
    one_formula: bool

    def draw(self, page: int, box: Box | None = None) -> tuple[Grey, float]:
        """A page or a part of it, (H, W), and its pixels per unit."""


class _PdfSource:
    """Pages of a PDF; it is opened for each, which takes milliseconds."""

    unit: Unit = "pt"
    one_formula = False

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.pages = pdf.count(data, NAME)

    def draw(self, page: int, box: Box | None = None) -> tuple[Grey, float]:
        (entry,) = pdf.read(self._data, NAME, pages=pdf.Pages(((page, page),)), box=box)
        if isinstance(entry.picture, Im2LatexError):
            raise entry.picture
        return entry.picture, entry.scale.pixels_per_point if entry.scale else 1.0


class _PictureSource:
    """A picture as its only page."""

    unit: Unit = "px"
    pages = 1

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.one_formula = is_one_formula(open_grey(data, name=NAME))

    def draw(self, page: int, box: Box | None = None) -> tuple[Grey, float]:  # noqa: ARG002
        grey = open_grey(self._data, name=NAME)
        return grey if box is None else box.cut(grey, NAME), 1.0


class _Document:
    """Keeps the page that was drawn last, and the formulas of all searched pages."""

    def __init__(self, source: _Source, finder: Callable[[], Finder]) -> None:
        self._source, self._finder = source, finder
        self._formulas_by_page: dict[int, tuple[FoundFormula, ...]] = {}
        self._last: tuple[int, Grey, float] | None = None

    @property
    def pages(self) -> int:
        return self._source.pages

    @property
    def unit(self) -> Unit:
        return self._source.unit

    @property
    def one_formula(self) -> bool:
        return self._source.one_formula

    def picture(self, page: int) -> bytes:
        grey, _ = self._page(page)
        shrunk = math.ceil(math.sqrt(grey.size / MOST_PIXELS_SENT))
        return encode_png(grey if shrunk <= 1 else np.asarray(Image.fromarray(grey).reduce(shrunk)))

    def find(self, page: int) -> PageFormulas:
        grey, scale = self._page(page)
        formulas = tuple(formula.scaled(1 / scale) for formula in self._formulas(page))
        height, width = grey.shape
        return PageFormulas(width / scale, height / scale, formulas)

    def formula(self, page: int, number: int) -> Part:
        formula = self._formulas(page)[number - 1]
        picture, numbers = cut(self._page(page)[0], formula)
        return Part(picture, numbers, is_formula=True)

    def part(self, page: int, box: str) -> Part:
        grey, _ = self._source.draw(page, Box.parse(box))
        return Part(grey)

    def _page(self, page: int) -> tuple[Grey, float]:
        if self._last is None or self._last[0] != page:
            self._last = None  # never two pages in memory
            self._last = page, *self._source.draw(page)
        return self._last[1:]

    def _formulas(self, page: int) -> tuple[FoundFormula, ...]:
        """The formulas of a page, in pixels; it is searched once."""
        if page not in self._formulas_by_page:
            grey, _ = self._page(page)
            blank = int(grey.max()) == int(grey.min())
            self._formulas_by_page[page] = () if blank else tuple(self._finder()(grey))
        return self._formulas_by_page[page]


PACKAGES = ("fastapi", "prometheus_client", "uvicorn", "python_multipart")
Picture = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class ServeResult:
    """What a server did until it was stopped.

    Attributes:
        address: its address.
        pictures: requests for a picture.
        failed: those among them that got no reading.
    """

    address: str
    pictures: int
    failed: int


def run(settings: Settings, reporter: Reporter, *, model: str | None = None) -> ServeResult:
    """Serve until interrupted.

    Args:
        settings: the settings tree.
        reporter: shows the address, and a warning if other machines can reach it.
        model: pretrained, a results folder or a model file; None takes pretrained if it is
            bundled, else results/small.

    Raises:
        UsageError: the extra is not installed, or the address cannot be had.
        CheckpointError: the model cannot be used.
        InputError: there is no such model.
    """
    if any(find_spec(name) is None for name in PACKAGES):
        raise UsageError(
            "im2latex serve needs FastAPI, prometheus-client, uvicorn and python-multipart.",
            hint="Install them: pip install 'im2latex-cli[serve]'.",
        )
    from im2latex_cli.serve import app
    from im2latex_cli.serve.app import Server

    limits = settings.serve
    with app.open_socket(limits.host, limits.port) as listening:
        reader = Answers(settings, model, reporter)
        front = Server(reader, open_document, limits, model=reader.model)
        address = app.address(listening)
        if not _is_loopback(listening.getsockname()[0]):
            reporter.warn("Other machines can reach this server; it asks nobody for a password.")
        reporter.info(f"model: {reader.model}")
        reporter.info(f"{address} (Ctrl-C ends it)")
        app.serve(front.app(), listening)
    requests = front.metrics.requests()
    return ServeResult(address, requests, requests - front.metrics.requests(200))


class Answers:
    """Reads pictures and describes each reading as the HTTP interface does.

    Args:
        settings: the settings tree; as many hypotheses are kept as the beam is wide.
        model: as for `run`.
        reporter: shows downloads.
    """

    def __init__(
        self, settings: Settings, model: str | None, reporter: Reporter | None = None
    ) -> None:
        decode = settings.decode.model_copy(update={"nbest": settings.decode.beam})
        settings = settings.model_copy(update={"decode": decode})
        self._recognizer = Recognizer.from_settings(settings, model, reporter=reporter)
        self._reader = Reader(self._recognizer)

    @property
    def model(self) -> str:
        """The model's name."""
        return self._recognizer.name

    def __call__(self, requests: Sequence[ReadRequest]) -> list[Answer | Im2LatexError]:
        """Read pictures together; a picture that fails costs only itself."""
        readings = self._reader.read_together(
            InputPicture(_picture(request), NAME) for request in requests
        )
        return [
            reading.error or self._answer(request, reading)
            for request, reading in zip(requests, readings, strict=True)
        ]

    def _answer(self, request: ReadRequest, reading: Reading) -> Answer:
        best, *others = reading.hypotheses
        answer = _describe(best, request)
        answer["alternatives"] = [
            _describe(other, request) for other in others[: request.alternatives]
        ]
        answer["warnings"] = list(reading.warnings)
        if isinstance(request.data, Part):
            answer |= self._part(request.data, reading)
        answer["model"] = self.model
        answer["milliseconds"] = round(reading.milliseconds, 1)
        if request.attention and reading.picture is not None:
            answer["attention"] = self._attention(reading.picture, best)
        return answer

    def _part(self, part: Part, reading: Reading) -> Answer:
        """The fields for parts of pages only; warnings that do not apply to them are left out."""
        return {
            "number": equation_number(self._recognizer, part.numbers, reading),
            "warnings": list(worth_saying(reading.warnings, on_page=part.is_formula, numbers=True)),
        }

    def _attention(self, picture: Picture, best: Hypothesis) -> Answer:
        result = self._recognizer.attention(picture, best)
        rows, columns = result.weights.shape[1:]
        return {
            "picture": data_uri(encode_png(picture)),
            "tokens": list(result.tokens),
            "rows": rows,
            "columns": columns,
            "cell_height": result.cell[0],
            "cell_width": result.cell[1],
            "weights": [_bytes(weights) for weights in result.weights],
        }


def _picture(request: ReadRequest) -> bytes | Picture:
    return request.data.picture if isinstance(request.data, Part) else request.data


def _describe(hypothesis: Hypothesis, request: ReadRequest) -> Answer:
    answer = hypothesis.to_json()
    if request.svg:
        svg = to_svg(hypothesis.latex)
        answer["svg"] = None if isinstance(svg, RenderFailure) else svg
    if request.formats:
        answer["formats"] = {name: write(hypothesis.tokens).text for name, write in WRITERS.items()}
    return answer


def _bytes(weights: NDArray[np.float32]) -> str:
    """A token's weights as rows x columns bytes, the greatest 255, in base64."""
    relative = weights / max(float(weights.max(initial=0.0)), 1e-12)
    return base64.b64encode(np.rint(255 * relative).astype(np.uint8).tobytes()).decode()


def _is_loopback(host: str) -> bool:
    return ipaddress.ip_address(host).is_loopback
