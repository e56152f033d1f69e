import json
import re
import threading
from collections.abc import Iterator, Sequence
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from im2latex_cli.errors import InputError
from im2latex_cli.reading_warning import ReadingWarning
from im2latex_cli.serve import app as module
from im2latex_cli.serve.app import Server
from im2latex_cli.serve.batching import ReadRequest
from im2latex_cli.services.serve import open_document
from im2latex_cli.settings.sections import ServeSettings

READING: dict[str, Any] = {
    "latex": "x",
    "tokens": "x",
    "score": -1.0,
    "confidence": 0.9,
    "alternatives": [],
    "warnings": [],
    "model": "fake",
    "milliseconds": 1.0,
}
LIMITS = ServeSettings(max_bytes=1000, queue=4, batch=2, timeout=1.0)
PNG = {"Content-Type": "image/png"}
UNENDING = b'--a\r\nContent-Disposition: form-data; name="b"\r\n\r\nc'
SLOW = threading.Event()


def fake(asked: Sequence[ReadRequest]) -> list[Any]:
    return [one_answer(one) for one in asked]


def one_answer(one: ReadRequest) -> Any:
    if one.data == b"slow":
        SLOW.wait(5)
    if one.data == b"bug":
        raise ZeroDivisionError
    if one.data == b"bad":
        return InputError("The picture: it is bad.", hint="Send a good one.")
    told = (one.data.decode("latin-1"), one.alternatives, one.svg, one.attention, one.formats)
    return {**READING, "tokens": repr(told)}


@pytest.fixture(scope="module")
def client(serving) -> Iterator[httpx.Client]:
    with (
        serving(Server(fake, open_document, LIMITS, model="fake").app()) as url,
        httpx.Client(base_url=url, timeout=20) as client,
    ):
        yield client


def failure(response: httpx.Response) -> tuple[int, str]:
    error = response.json()["error"]
    assert error.keys() == {"code", "message", "hint"}
    return response.status_code, error["code"]


def told(response: httpx.Response) -> str:
    assert response.status_code == 200, response.text
    return response.json()["tokens"]


@pytest.mark.parametrize("kind", ["image/png", "IMAGE/JPEG; q=1", "application/octet-stream", None])
def test_the_body_is_the_picture(client, kind):
    headers = {"Content-Type": kind} if kind else {}
    response = client.post("/predict", content=b"hello", headers=headers)
    assert told(response) == repr(("hello", 4, False, False, False))


def test_a_form_holds_the_picture(client):
    files = {"image": ("x.png", b"hello\r\n\x00world", "image/png")}
    response = client.post("/predict", files=files, data={"other": "field"})
    assert told(response) == repr(("hello\r\n\x00world", 4, False, False, False))


def test_parameters_say_what_is_told(client):
    response = client.post(
        "/predict?alternatives=0&svg=true&attention=1&formats=true", content=b"a", headers=PNG
    )
    assert told(response) == repr(("a", 0, True, True, True))


@pytest.mark.parametrize(
    "query",
    ["alternatives=-1", "alternatives=21", "alternatives=", "alternatives=%D9%A3", "svg=maybe"],
)
def test_a_wrong_parameter_is_422(client, query):
    assert failure(client.post(f"/predict?{query}", content=b"a")) == (422, "input")


def test_an_unreadable_picture_is_422_with_the_hint(client):
    response = client.post("/predict", content=b"bad", headers=PNG)
    assert failure(response) == (422, "input")
    assert response.json()["error"]["hint"] == "Send a good one."


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"", "multipart/form-data"),
        (b"", "multipart/form-data; boundary=a"),
        (b"nonsense", "multipart/form-data; boundary=a"),
        (
            b'--a\r\nContent-Disposition: form-data; name="b"\r\n\r\nc',
            "multipart/form-data; boundary=a",
        ),
    ],
)
def test_a_broken_form_is_422(client, content, kind):
    response = client.post("/predict", content=content, headers={"Content-Type": kind})
    assert failure(response) == (422, "input")


def test_two_files_are_422(client):
    files = [("image", ("a.png", b"a")), ("image", ("b.png", b"b"))]
    response = client.post("/predict", files=files)
    assert failure(response) == (422, "input")
    assert "2 files" in response.json()["error"]["message"]


@pytest.mark.parametrize("kind", ["text/plain", "application/pdf", "image/svg+xml", "x"])
def test_another_type_is_415(client, kind):
    response = client.post("/predict", content=b"a", headers={"Content-Type": kind})
    assert failure(response) == (415, "unsupported-type")


@pytest.mark.parametrize("size", [1001, 3900, 100_000])
def test_too_much_is_413_and_the_limit_is_not(client, size):
    assert client.post("/predict", content=b"a" * 1000, headers=PNG).status_code == 200
    pieces = (b"a" * 100 for _ in range(size // 100 + 1))
    for content in (b"a" * size, pieces):
        try:
            response = client.post("/predict", content=content, headers=PNG)
        except httpx.TransportError:
            assert size > 4000, "hung up before the answer was read"
        else:
            assert failure(response) == (413, "too-large")


def test_a_body_that_never_ends_is_408(client):
    waiting = threading.Event()

    def dripping():
        yield b"a"
        waiting.wait(1.5)
        yield b"b"

    with client.stream("POST", "/predict", content=dripping(), headers=PNG) as response:
        response.read()
    assert failure(response) == (408, "too-slow")


def test_too_many_and_too_slow_are_503_and_the_server_goes_on(client):
    SLOW.clear()
    answers: list[httpx.Response] = []

    def ask():
        answers.append(client.post("/predict", content=b"slow", headers=PNG))

    threads = [threading.Thread(target=ask) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    SLOW.set()
    assert {failure(answer) for answer in answers} == {(503, "busy")}
    assert all(answer.headers["Retry-After"] == "2" for answer in answers)
    messages = {answer.json()["error"]["message"] for answer in answers}
    assert messages == {"4 pictures are under way already.", "It took longer than 1 seconds."}
    assert told(client.post("/predict", content=b"a", headers=PNG))


def test_a_bug_is_500_and_the_server_goes_on(client):
    assert failure(client.post("/predict", content=b"bug", headers=PNG)) == (500, "bug")
    assert told(client.post("/predict", content=b"a", headers=PNG))


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("GET", "/nothing", (404, "not-found")),
        ("GET", "/predict", (405, "method-not-allowed")),
        ("POST", "/", (405, "method-not-allowed")),
    ],
)
def test_errors_of_routing_are_json(client, method, path, expected):
    assert failure(client.request(method, path)) == expected


def test_health_and_metrics(client):
    client.post("/predict", content=b"a", headers=PNG)
    assert client.get("/healthz").json() == {"status": "ok", "model": "fake", "waiting": 0}
    metrics = client.get("/metrics")
    assert metrics.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    count = re.search(r'requests_total\{status="200"\} (\d+)\.0', metrics.text)
    assert count
    assert int(count[1]) >= 1


def test_the_page_knows_the_advice_of_every_warning(client):
    script = client.get("/warnings.js").text
    advice = json.loads(script.removeprefix("const ADVICE = ").removesuffix(";\n"))
    assert advice.keys() == set(ReadingWarning)
    assert all(text[0].isupper() and text.endswith(".") for text in advice.values())
    page = client.get("/").text
    assert page.index('src="warnings.js"') < page.index('src="script.js"')


def test_a_refused_parameter_counts_as_a_request(client):
    def refused() -> int:
        text = client.get("/metrics").text
        found = re.search(r'requests_total\{status="422"\} (\d+)', text)
        return int(found[1]) if found else 0

    before = refused()
    client.post("/predict?svg=maybe", content=b"a", headers=PNG)
    assert refused() == before + 1


def test_the_page_may_load_nothing_from_elsewhere(client):
    for path, (_, kind) in module.FILES.items():
        response = client.get(path)
        assert response.status_code == 200
        assert response.headers["Content-Type"].startswith(kind)
        assert "default-src 'none'" in response.headers["Content-Security-Policy"]
        outside = set(re.findall(r"https?://[^\s'\"]+", response.text))
        assert outside <= {"http://www.w3.org/2000/svg"}


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    content=st.binary(max_size=1500),
    kind=st.sampled_from(["image/png", "multipart/form-data; boundary=a", "text/html", ""]),
    query=st.text(max_size=20),
)
def test_no_request_is_a_bug(client, content, kind, query):
    headers = {"Content-Type": kind} if kind else {}
    response = client.post(
        "/predict", params={"alternatives": query}, content=content, headers=headers
    )
    if response.status_code != 200:
        assert failure(response)[0] in {413, 415, 422}
