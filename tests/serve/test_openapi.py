from typing import Any

import httpx
import pytest

from im2latex_cli.serve.app import Server
from im2latex_cli.services.serve import Answers, open_document
from im2latex_cli.settings.sections import DecodeSettings, RuntimeSettings, ServeSettings, Settings

DESCRIPTION = Server(list, open_document, ServeSettings(), model="none").app().openapi()
SCHEMAS = DESCRIPTION["components"]["schemas"]
KINDS = {"string": str, "integer": int, "number": int | float, "null": type(None)}


def check(value: Any, schema: dict[str, Any]) -> None:
    """Check a value against the part of JSON Schema that the description uses."""
    if "$ref" in schema:
        return check(value, SCHEMAS[schema["$ref"].rpartition("/")[2]])
    if "anyOf" in schema:
        (other,) = (one for one in schema["anyOf"] if one != {"type": "null"})
        return None if value is None else check(value, other)
    if "const" in schema:
        assert value == schema["const"]
        return None
    kind = schema["type"]
    if kind == "object":
        assert set(schema.get("required", ())) <= value.keys() <= schema["properties"].keys()
        for name, item in value.items():
            check(item, schema["properties"][name])
    elif kind == "array":
        for item in value:
            check(item, schema["items"])
    else:
        kinds = [kind] if isinstance(kind, str) else kind
        assert any(isinstance(value, KINDS[one]) for one in kinds)
        if "minimum" in schema:
            assert value >= schema["minimum"]
    return None


@pytest.fixture(scope="module")
def client(serving, model_file):
    settings = Settings(
        decode=DecodeSettings(beam=3, max_tokens=12),
        runtime=RuntimeSettings(device="cpu", threads=1),
    )
    app = Server(
        Answers(settings, str(model_file)), open_document, ServeSettings(), model="tiny"
    ).app()
    with serving(app) as url, httpx.Client(base_url=url, timeout=30) as client:
        yield client


def test_the_server_gives_the_description(client):
    assert client.get("/openapi.json").json() == DESCRIPTION


@pytest.mark.parametrize("query", ["", "svg=true", "attention=true", "alternatives=0"])
def test_a_reading_is_as_described(client, png, query):
    response = client.post(f"/predict?{query}", content=png, headers={"Content-Type": "image/png"})
    assert response.status_code == 200
    check(response.json(), SCHEMAS["ReadingBody"])


def test_failures_and_health_are_as_described(client):
    check(client.post("/predict", content=b"no picture").json(), SCHEMAS["Failure"])
    check(client.get("/predict").json(), SCHEMAS["Failure"])
    check(client.get("/healthz").json(), SCHEMAS["Health"])


def test_every_name_refers_to_something():
    def references(value: Any):
        if isinstance(value, dict):
            if "$ref" in value:
                yield value["$ref"]
            for item in value.values():
                yield from references(item)
        elif isinstance(value, list):
            for item in value:
                yield from references(item)

    found = set(references(DESCRIPTION))
    assert found == {f"#/components/schemas/{name}" for name in SCHEMAS}


def test_pictures_come_as_a_body_or_a_form():
    body = DESCRIPTION["paths"]["/predict"]["post"]["requestBody"]
    assert body["required"]
    assert {"image/png", "application/octet-stream", "multipart/form-data"} <= body[
        "content"
    ].keys()


def test_every_failure_is_described():
    responses = DESCRIPTION["paths"]["/predict"]["post"]["responses"]
    assert responses.keys() == {"200", "408", "413", "415", "422", "500", "503"}
    assert "HTTPValidationError" not in SCHEMAS
