"""What the HTTP interface takes and gives; FastAPI writes its description from this."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, PositiveInt

from im2latex_cli.reading_warning import ReadingWarning

MOST_ALTERNATIVES = 20
PICTURES = (
    *("image/png", "image/jpeg", "image/webp", "image/tiff", "image/bmp", "image/gif"),
    "application/octet-stream",
)
"""Types of a request whose body is the picture."""
PDF = "application/pdf"
DOCUMENTS = (PDF, *PICTURES)
"""Types of a request whose body is the document."""
MULTIPART = "multipart/form-data"
_OF_UPLOADS = [name for name in ReadingWarning if name is not ReadingWarning.DOES_NOT_RENDER]


class _Schema(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Formats(_Schema):
    """A reading in formats other than LaTeX."""

    typst: Annotated[str, Field(description="Mathematics between the dollars of an equation.")]
    mathml: Annotated[str, Field(description="A `<math>` element.")]
    omml: Annotated[str, Field(description="Office MathML: an `<m:oMathPara>` element.")]


class HypothesisBody(_Schema):
    """One reading of a picture."""

    latex: str
    tokens: Annotated[str, Field(description="The normal form, separated by spaces.")]
    confidence: Annotated[float, Field(ge=0, le=1)]
    score: Annotated[float, Field(description="Natural log-probability.")]
    svg: Annotated[
        str | None,
        Field(description="The reading drawn; null if it cannot be. Only if asked for."),
    ] = None
    formats: Annotated[Formats | None, Field(description="Only if asked for.")] = None


class Attention(_Schema):
    """Where the model looked for each token."""

    picture: Annotated[str, Field(description="What the model saw: a data: address of a PNG.")]
    tokens: list[str]
    rows: PositiveInt
    columns: PositiveInt
    cell_height: Annotated[int, Field(ge=1, description="In pixels of the picture.")]
    cell_width: Annotated[int, Field(ge=1, description="In pixels of the picture.")]
    weights: Annotated[
        list[Annotated[str, Field(json_schema_extra={"contentEncoding": "base64"})]],
        Field(description="For each token rows x columns bytes, 255 the token's greatest."),
    ]


class ReadingBody(HypothesisBody):
    """The best reading of a picture, and what else is known."""

    alternatives: list[HypothesisBody]
    warnings: Annotated[list[str], Field(description=f"What to check: {', '.join(_OF_UPLOADS)}.")]
    model: str
    milliseconds: float
    attention: Annotated[Attention | None, Field(description="Only if asked for.")] = None


class PartReadingBody(ReadingBody):
    """The best reading of a part of a page."""

    number: Annotated[
        str | None,
        Field(description="Equation numbers beside it without brackets, separated by commas."),
    ]


class ReadOptions(BaseModel):
    """What to tell about a reading."""

    alternatives: Annotated[
        int,
        Field(
            ge=0,
            le=MOST_ALTERNATIVES,
            description="Readings to give beside the best, as far as the beam has them.",
        ),
    ] = 4
    svg: Annotated[bool, Field(description="Draw every reading.")] = False
    attention: Annotated[bool, Field(description="Say where the model looked.")] = False
    formats: Annotated[
        bool, Field(description="Write every reading in Typst, MathML and Office MathML too.")
    ] = False


Box = Annotated[
    list[float],
    Field(
        min_length=4,
        max_length=4,
        description="Left, top, right and bottom from the upper left corner.",
    ),
]


class DocumentBody(_Schema):
    """A PDF or a picture that the server keeps for a while."""

    id: Annotated[str, Field(description="Its name in addresses; nobody can guess it.")]
    pages: PositiveInt
    unit: Annotated[
        Literal["pt", "px"],
        Field(description="Of all boxes: points of a PDF page, pixels of a picture."),
    ]
    one_formula: Annotated[
        bool, Field(description="A picture on which nothing but one formula stands.")
    ]
    seconds: Annotated[
        float, Field(description="Time after its last use until it is deleted, in seconds.")
    ]


class PageFormulaBody(_Schema):
    """A formula that was found on a page."""

    box: Box
    kind: Literal["display", "inline"]
    score: Annotated[float, Field(ge=0, le=1, description="How sure the finder is.")]
    numbers: Annotated[
        list[Box], Field(description="Boxes of its equation numbers, which `box` leaves out.")
    ]


class PageBody(_Schema):
    """The formulas of one page."""

    page: PositiveInt
    width: Annotated[float, Field(gt=0, description="In the document's unit.")]
    height: Annotated[float, Field(gt=0, description="In the document's unit.")]
    unit: Literal["pt", "px"]
    formulas: Annotated[
        list[PageFormulaBody], Field(description="In reading order; the first has number 1.")
    ]


class Fault(_Schema):
    """What went wrong, and what to do."""

    code: str
    message: str
    hint: str | None


class Failure(_Schema):
    """The answer to a request that failed."""

    error: Fault


class Health(_Schema):
    """That the server works."""

    status: Literal["ok"]
    model: str
    waiting: Annotated[int, Field(ge=0)]


_UNSUPPORTED = "The request's Content-Type is neither a picture's nor a PDF's."
FAILURES: dict[int | str, dict[str, Any]] = {
    408: {"model": Failure, "description": "The request came too slowly."},
    413: {"model": Failure, "description": "The request is larger than the server allows."},
    415: {"model": Failure, "description": "The request's Content-Type is no picture's."},
    422: {
        "model": Failure,
        "description": "The picture, the form or a parameter cannot be read.",
    },
    500: {"model": Failure, "description": "A bug in the server."},
    503: {
        "model": Failure,
        "description": "Too many pictures wait, or reading took too long; try again later.",
        "headers": {
            "Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer"}}
        },
    },
}
"""The failures of `POST /predict` by status."""

NO_DOCUMENT: dict[int | str, dict[str, Any]] = {
    404: {"model": Failure, "description": "There is no such document, page or formula."}
}
FAILURES_OF_DOCUMENTS = {**FAILURES, 415: {**FAILURES[415], "description": _UNSUPPORTED}}
"""The failures of `POST /documents` by status."""
FAILURES_OF_PAGES = NO_DOCUMENT | {status: FAILURES[status] for status in (422, 500, 503)}
"""The failures of what is asked of a page by status."""


def _body(types: tuple[str, ...]) -> dict[str, Any]:
    file = {"type": "string", "contentMediaType": PICTURES[-1]}
    form = {"type": "object", "properties": {"image": file}, "required": ["image"]}
    return {
        "requestBody": {
            "required": True,
            "content": {
                **{kind: {"schema": {}} for kind in types},
                MULTIPART: {
                    "schema": form,
                    "encoding": {"image": {"contentType": ", ".join(types)}},
                },
            },
        }
    }


BODY = _body(PICTURES)
"""What `POST /predict` takes; `intake` reads it, because its size and time are limited."""
DOCUMENT_BODY = _body(DOCUMENTS)
"""What `POST /documents` takes."""
