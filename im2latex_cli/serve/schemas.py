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

BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            **{kind: {"schema": {}} for kind in PICTURES},
            MULTIPART: {
                "schema": {
                    "type": "object",
                    "properties": {"image": {"type": "string", "contentMediaType": PICTURES[-1]}},
                    "required": ["image"],
                },
                "encoding": {"image": {"contentType": ", ".join(PICTURES)}},
            },
        },
    }
}
"""What `POST /predict` takes; `intake` reads it, because its size and time are limited."""
