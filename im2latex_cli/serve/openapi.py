"""The description of the HTTP interface, OpenAPI 3.1."""

from __future__ import annotations

from typing import Any

from im2latex_cli import __version__

MOST_ALTERNATIVES = 20
PICTURES = (
    *("image/png", "image/jpeg", "image/webp", "image/tiff", "image/bmp", "image/gif"),
    "application/octet-stream",
)
"""Types of a request whose body is the picture."""
WARNINGS = (
    *("low-confidence", "not-a-formula", "text-around", "several-formulas", "out-of-vocabulary"),
    *("number-cut", "truncated", "repetition-cut"),
)
MULTIPART = "multipart/form-data"

Schema = dict[str, Any]


def describe() -> Schema:
    """The whole document."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "im2latex",
            "version": __version__,
            "description": "Reads pictures of formulas as LaTeX.",
        },
        "paths": {
            "/predict": {"post": _predict()},
            "/healthz": {
                "get": {
                    "summary": "Whether the server works",
                    "operationId": "healthz",
                    "responses": {"200": _json("It does.", _ref("Health"))},
                }
            },
            "/metrics": {
                "get": {
                    "summary": "Counts for Prometheus",
                    "operationId": "metrics",
                    "responses": {
                        "200": {
                            "description": "Prometheus' text format.",
                            "content": {"text/plain": {"schema": {"type": "string"}}},
                        }
                    },
                }
            },
        },
        "components": {"schemas": _schemas()},
    }


def _predict() -> Schema:
    body: Schema = {kind: {"schema": {}} for kind in PICTURES}
    body[MULTIPART] = {
        "schema": {
            "type": "object",
            "properties": {"image": {"type": "string", "contentMediaType": PICTURES[-1]}},
            "required": ["image"],
        },
        "encoding": {"image": {"contentType": ", ".join(PICTURES)}},
    }
    failures = {
        "408": "The request came too slowly.",
        "413": "The request is larger than the server allows.",
        "415": "The request's Content-Type is no picture's.",
        "422": "The picture, the form or a parameter cannot be read.",
        "500": "A bug in the server.",
        "503": "Too many pictures wait, or reading took too long; try again later.",
    }
    responses = {code: _json(text, _ref("Failure")) for code, text in failures.items()}
    responses["503"]["headers"] = {
        "Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer"}}
    }
    return {
        "summary": "Read one picture",
        "operationId": "predict",
        "parameters": [
            _parameter(
                "alternatives",
                {"type": "integer", "minimum": 0, "maximum": MOST_ALTERNATIVES, "default": 4},
                "Readings to give beside the best, as far as the beam has them.",
            ),
            _parameter("svg", {"type": "boolean", "default": False}, "Draw every reading."),
            _parameter(
                "attention", {"type": "boolean", "default": False}, "Say where the model looked."
            ),
            _parameter(
                "formats",
                {"type": "boolean", "default": False},
                "Write every reading in Typst, MathML and Office MathML too.",
            ),
        ],
        "requestBody": {"required": True, "content": body},
        "responses": {"200": _json("The readings.", _ref("Reading")), **responses},
    }


def _schemas() -> Schema:
    text, number = {"type": "string"}, {"type": "number"}
    hypothesis = {
        "latex": text,
        "tokens": {**text, "description": "The normal form, separated by spaces."},
        "confidence": {**number, "minimum": 0, "maximum": 1},
        "score": {**number, "description": "Natural log-probability."},
        "svg": {
            "type": ["string", "null"],
            "description": "The reading drawn; null where it cannot be. Only where asked for.",
        },
        "formats": _object(dict.fromkeys(("typst", "mathml", "omml"), text)),
    }
    own = {
        "alternatives": {"type": "array", "items": _ref("Hypothesis")},
        "warnings": {
            "type": "array",
            "items": text,
            "description": f"Names of doubts: {', '.join(WARNINGS)}.",
        },
        "model": text,
        "milliseconds": number,
        "attention": _ref("Attention"),
    }
    whole = {"type": "integer", "minimum": 1}
    health = {"status": {"const": "ok"}, "model": text, "waiting": {**whole, "minimum": 0}}
    attention = {
        "picture": {**text, "description": "What the model saw: a data: address of a PNG."},
        "tokens": {"type": "array", "items": text},
        "rows": whole,
        "columns": whole,
        "cell_height": {**whole, "description": "In pixels of the picture."},
        "cell_width": {**whole, "description": "In pixels of the picture."},
        "weights": {
            "type": "array",
            "items": {**text, "contentEncoding": "base64"},
            "description": "For each token rows x columns bytes, 255 the token's greatest.",
        },
    }
    fault = {"code": text, "message": text, "hint": {"type": ["string", "null"]}}
    return {
        "Hypothesis": _object(hypothesis, but={"svg", "formats"}),
        "Reading": _object({**hypothesis, **own}, but={"svg", "formats", "attention"}),
        "Attention": _object(attention),
        "Failure": _object({"error": _object(fault)}),
        "Health": _object(health),
    }


def _object(properties: Schema, *, but: set[str] | None = None) -> Schema:
    return {
        "type": "object",
        "properties": properties,
        "required": [name for name in properties if name not in (but or set())],
        "additionalProperties": False,
    }


def _parameter(name: str, schema: Schema, description: str) -> Schema:
    return {"name": name, "in": "query", "schema": schema, "description": description}


def _json(description: str, schema: Schema) -> Schema:
    return {"description": description, "content": {"application/json": {"schema": schema}}}


def _ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}
