"""im2latex serve: a page and an HTTP interface in front of a recogniser, until interrupted."""

from __future__ import annotations

import base64
import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec

import numpy as np
from numpy.typing import NDArray

from im2latex_cli.data.predictions import Hypothesis
from im2latex_cli.errors import Im2LatexError, UsageError
from im2latex_cli.formats.convert import WRITERS
from im2latex_cli.progress import Reporter
from im2latex_cli.recognition.reader import Reader, Reading, Unread
from im2latex_cli.recognition.recognizer import Recognizer
from im2latex_cli.render.embedded.renderer import to_svg
from im2latex_cli.render.renderer import RenderFailure
from im2latex_cli.report.page import data_uri
from im2latex_cli.serve.reading import Answer, Part, ReadRequest
from im2latex_cli.services.documents import NAME, open_document
from im2latex_cli.services.reading.predict import equation_number, worth_saying
from im2latex_cli.settings.tree import Settings
from im2latex_cli.vision.finish import encode_png

NEEDED = ("fastapi", "prometheus_client", "uvicorn", "python_multipart")
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
    if any(find_spec(name) is None for name in NEEDED):
        raise UsageError(
            "im2latex serve needs FastAPI, prometheus-client, uvicorn and python-multipart.",
            hint="Install them: pip install 'im2latex-cli[serve]'.",
        )
    from im2latex_cli.serve import server
    from im2latex_cli.serve.app import Server

    limits = settings.serve
    with server.open_socket(limits.host, limits.port) as listening:
        reader = Answers(settings, model, reporter)
        front = Server(reader, open_document, limits, model=reader.model)
        address = server.address(listening)
        if not _is_loopback(listening.getsockname()[0]):
            reporter.warn("Other machines can reach this server; it asks nobody for a password.")
        reporter.info(f"model: {reader.model}")
        reporter.info(f"{address} (Ctrl-C ends it)")
        server.serve(front.app(), listening)
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
            Unread(_picture(request), NAME) for request in requests
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
            "warnings": list(worth_saying(reading.warnings, found=part.found, numbers=True)),
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
            "weights": [_bytes(one) for one in result.weights],
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
