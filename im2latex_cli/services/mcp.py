"""im2latex mcp: the recogniser as tools for agents, over the Model Context Protocol."""

from __future__ import annotations

import base64
import binascii
import io
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar

from pydantic import Field

from im2latex_cli._version import __version__
from im2latex_cli.errors import Im2LatexError, InputError, UsageError
from im2latex_cli.formats.convert import convert
from im2latex_cli.latex.normalize import Normalized, normalize
from im2latex_cli.latex.tokenizer import join
from im2latex_cli.progress import Reporter, SilentReporter
from im2latex_cli.recognition.recognizer import Recognizer
from im2latex_cli.render.embedded.renderer import EmbeddedRenderer
from im2latex_cli.render.renderer import RenderFailure
from im2latex_cli.services.reading.find import FindRequest, FormulaSearch
from im2latex_cli.services.reading.inputs import Inputs, Source
from im2latex_cli.services.reading.pdf import Pages
from im2latex_cli.services.reading.predict import PredictRow, read
from im2latex_cli.settings.sections import Settings
from im2latex_cli.vision.finish import encode_png
from im2latex_cli.vision.image import Box

if TYPE_CHECKING:
    from mcp.server.mcpserver import MCPServer

INSTRUCTIONS = (
    "Reads printed formulas as LaTeX, offline: read_formula a picture of one formula, "
    "find_formulas those on the pages of a PDF or on a screenshot. Give a path where you can; "
    "check a doubtful reading with render_formula."
)
MARGIN = 8
"""Blank pixels around a rendered formula."""

Output = Literal["latex", "typst", "mathml", "omml"]
_Path = Annotated[str | None, Field(description="A picture, or paper.pdf.")]
_Base64 = Annotated[str | None, Field(description="The bytes of such a file in base64.")]
_Clipboard = Annotated[bool, Field(description="Read the picture on the clipboard.")]
_Part = Annotated[
    list[float] | None, Field(description="Part to read: left, top, right, bottom in pixels.")
]
_Pages = Annotated[
    str | None, Field(description="Pages of a PDF, such as 3 or 1-3,7,9-. Default: all.")
]
_Inline = Annotated[bool, Field(description="Also find formulas in lines of text.")]
_Output = Annotated[Output, Field(description="Format of the formula.")]
_Result = TypeVar("_Result")


def run(settings: Settings, reporter: Reporter, *, model: str | None = None) -> None:
    """Serve on standard input and output until the client closes them.

    Args:
        settings: the settings tree.
        reporter: where the model's name goes; standard output belongs to the protocol.
        model: as for `predict`.

    Raises:
        UsageError: the extra is not installed.
        CheckpointError, InputError: the model cannot be used.
    """
    if find_spec("mcp") is None:
        raise UsageError(
            "im2latex mcp needs the Python SDK of the Model Context Protocol.",
            hint="Install it: pip install 'im2latex-cli[mcp]'.",
        )
    tools = Tools(settings, model, reporter)
    reporter.info(f"model: {tools.model}")
    server(tools).run("stdio")


class Tools:
    """What the tools do.

    Args:
        settings: the settings tree.
        model: as for `predict`.
        reporter: told about a download.
    """

    def __init__(
        self, settings: Settings, model: str | None, reporter: Reporter | None = None
    ) -> None:
        self._recognizer = Recognizer.from_settings(settings, model, reporter=reporter)
        self._renderer = EmbeddedRenderer(settings.render)
        self._lock = Lock()  # the SDK calls tools from several threads

    @property
    def model(self) -> str:
        """The model's name."""
        return self._recognizer.name

    def read(self, inputs: Inputs, output: Output) -> dict[str, Any]:
        """Read one picture.

        Raises:
            Im2LatexError: the picture cannot be read.
        """
        with self._lock:
            rows = list(read(self._recognizer, inputs, SilentReporter(), total=1))
        if len(rows) != 1:
            raise InputError(f"{len(rows)} pictures, not one.", hint="Name one picture.")
        row = rows[0]
        if row.error:
            raise row.error
        return _reading(row, output)

    def find(self, inputs: Inputs, output: Output, *, inline: bool) -> dict[str, Any]:
        """Read all formulas of a document.

        Raises:
            Im2LatexError: not one formula can be read.
        """
        search = FormulaSearch(FindRequest("auto", inline=inline, numbers=True))
        with self._lock:
            rows = list(read(self._recognizer, search(inputs), SilentReporter(), numbers=True))
        errors = [row.error for row in rows if row.error]
        if len(errors) == len(rows):
            raise errors[0] if errors else InputError("There is nothing to read.")
        formulas = [_located(row) | _reading(row, output) for row in rows if not row.error]
        return {"formulas": formulas, "errors": [str(error) for error in errors]}

    def render(self, latex: str) -> bytes:
        """Draw a formula as a PNG file.

        Raises:
            InputError: it cannot be drawn.
        """
        with self._lock:
            (page,) = self._renderer.render([latex])
        if isinstance(page, RenderFailure):
            raise InputError(f"The formula cannot be drawn: {page}.")
        import numpy as np

        return encode_png(np.pad(page.ink, MARGIN, constant_values=255))


def server(tools: Tools) -> MCPServer[Any]:
    """Build the server with its tools."""
    from mcp.server.mcpserver import Image, MCPServer

    app: MCPServer[Any] = MCPServer(
        "im2latex", instructions=INSTRUCTIONS, version=__version__, log_level="WARNING"
    )

    @app.tool()
    def read_formula(
        path: _Path = None,
        image_base64: _Base64 = None,
        clipboard: _Clipboard = False,  # noqa: FBT002
        box: _Part = None,
        output: _Output = "latex",
    ) -> dict[str, Any]:
        """Read a picture of one formula: LaTeX, confidence (0 to 1) and warnings."""
        return _guarded(
            lambda: tools.read(_inputs(path, image_base64, clipboard=clipboard, box=box), output)
        )

    @app.tool()
    def find_formulas(
        path: _Path = None,
        document_base64: _Base64 = None,
        pages: _Pages = None,
        inline: _Inline = False,  # noqa: FBT002
        output: _Output = "latex",
    ) -> dict[str, Any]:
        """Find and read the displayed formulas of a PDF or of a picture with text around them.

        Each has its page, box (left, top, right, bottom; null if it stands alone), unit of the
        box (pt or px), kind, equation number, LaTeX, confidence (0 to 1) and warnings.
        """
        return _guarded(
            lambda: tools.find(_inputs(path, document_base64, pages=pages), output, inline=inline)
        )

    @app.tool(structured_output=False)
    def render_formula(latex: str) -> Any:
        """Draw a formula of LaTeX as a PNG picture."""
        return Image(data=_guarded(lambda: tools.render(latex)), format="png")

    @app.tool()
    def normalise(
        latex: str,
        output: _Output = "latex",
    ) -> dict[str, Any]:
        """Bring LaTeX to one spelling for each picture; also writes Typst, MathML and OMML."""
        return _normal_form(normalize(latex), output)

    return app


def _guarded(work: Callable[[], _Result]) -> _Result:
    """Run a tool's work; our errors become the tool's, with their advice."""
    from mcp.server.mcpserver.exceptions import ToolError

    try:
        return work()
    except Im2LatexError as error:
        raise ToolError(str(error)) from error


def _inputs(
    path: str | None,
    base64_bytes: str | None,
    *,
    clipboard: bool = False,
    box: list[float] | None = None,
    pages: str | None = None,
) -> Inputs:
    if (path is not None) + (base64_bytes is not None) + clipboard != 1:
        raise UsageError("Give exactly one of path, the bytes in base64, and clipboard.")
    sources: list[Source] = []
    if path is not None:
        sources.append(Path(path).expanduser())
    if base64_bytes is not None:
        try:
            sources.append(io.BytesIO(base64.b64decode(base64_bytes, validate=True)))
        except binascii.Error as error:
            raise InputError("The bytes are not in base64.") from error
    part = Box.parse(",".join(map(str, box))) if box is not None else None
    which = Pages.parse(pages) if pages is not None else None
    return Inputs(sources=sources, from_clipboard=clipboard, box=part, pages=which)


def _located(row: PredictRow) -> dict[str, Any]:
    """Where a formula stands, always with the same keys."""
    _, _, page = row.path.rpartition("#page=")
    nowhere = {"page": int(page) if page.isdigit() else None, "box": None, "unit": None}
    return {**nowhere, "kind": None, "number": None, **row.where()}


def _reading(row: PredictRow, output: Output) -> dict[str, Any]:
    best = row.hypotheses[0]
    answer: dict[str, Any] = {
        "formula": best.latex,
        "latex": best.latex,
        "confidence": round(best.confidence, 4),
        "warnings": list(row.warnings),
    }
    if output != "latex":
        converted = convert(best.tokens, output)
        answer["formula"] = converted.text
        answer["warnings"] += converted.warnings
    return answer


def _normal_form(normal: Normalized, output: Output) -> dict[str, Any]:
    answer: dict[str, Any] = {"formula": join(normal.tokens), "problem": normal.problem}
    if output != "latex":
        converted = convert(normal.tokens, output)
        answer |= {"formula": converted.text, "warnings": list(converted.warnings)}
    return answer
