"""Documents over HTTP: a real model, the real finder, real files."""

import io
import time
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from pdf_files import BLANK, CUT_SHORT, EMPTY, ENCRYPTED, of_pages
from PIL import Image, ImageOps

from im2latex_cli.serve.app import Server
from im2latex_cli.services.serve import Answers, open_document
from im2latex_cli.settings.sections import DecodeSettings, RuntimeSettings, ServeSettings, Settings

pytest.importorskip("pypdfium2")
PDF = {"Content-Type": "application/pdf"}
PNG = {"Content-Type": "image/png"}
LIMITS = ServeSettings(max_document_bytes=400_000, max_pages=5, documents=2)


@pytest.fixture(scope="module")
def answers(model_file: Path) -> Answers:
    settings = Settings(
        decode=DecodeSettings(beam=3, max_tokens=12),
        runtime=RuntimeSettings(device="cpu", threads=1),
    )
    return Answers(settings, str(model_file))


@pytest.fixture(scope="module")
def client(serving, answers: Answers) -> Iterator[httpx.Client]:
    app = Server(answers, open_document, LIMITS, model="tiny").app()
    with serving(app) as url, httpx.Client(base_url=url, timeout=30) as client:
        yield client


def png_of(image: Image.Image) -> bytes:
    held = io.BytesIO()
    image.save(held, "PNG")
    return held.getvalue()


def upload(client: httpx.Client, content: bytes, headers: dict[str, str]) -> dict[str, Any]:
    response = client.post("/documents", content=content, headers=headers)
    assert response.status_code == 201, response.text
    document: dict[str, Any] = response.json()
    return document


def get(client: httpx.Client, document: dict[str, Any], path: str) -> dict[str, Any]:
    response = client.get(f"/documents/{document['id']}/{path}")
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = response.json()
    return answer


def failure(response: httpx.Response) -> tuple[int, str]:
    error = response.json()["error"]
    assert error.keys() == {"code", "message", "hint"}
    assert "\n" not in error["message"]
    return response.status_code, error["message"]


def test_a_pdf_is_shown_page_by_page(client, paper: bytes) -> None:
    document = upload(client, paper, PDF)
    assert (document["pages"], document["unit"], document["one_formula"]) == (3, "pt", False)
    counts = [len(get(client, document, f"pages/{page}")["formulas"]) for page in (1, 2, 3)]
    assert counts == [2, 0, 1]
    page = get(client, document, "pages/1")
    assert (page["width"], page["height"]) == pytest.approx((468, 612), abs=1)
    first, second = (one["box"] for one in page["formulas"])
    assert 0 < first[0] < first[2] < 468
    assert first[3] < second[1]


def test_a_page_is_a_picture(client, paper: bytes) -> None:
    document = upload(client, paper, PDF)
    response = client.get(f"/documents/{document['id']}/pages/1/picture")
    assert response.headers["Content-Type"] == "image/png"
    assert response.headers["Cache-Control"] == "no-store"
    drawn = Image.open(io.BytesIO(response.content))
    assert drawn.size == (1300, 1700)
    page = get(client, document, "pages/1")
    scale = drawn.width / page["width"]
    box = [round(side * scale) for side in page["formulas"][0]["box"]]
    assert np.asarray(drawn.crop(box)).min() < 100  # ink where the formula is said to be


@pytest.mark.parametrize("type_of_body", ["application/pdf", "application/octet-stream", ""])
def test_a_pdf_is_known_by_its_type_or_its_content(client, paper: bytes, type_of_body: str) -> None:
    headers = {"Content-Type": type_of_body} if type_of_body else {}
    assert upload(client, paper, headers)["pages"] == 3


def test_a_form_may_hold_a_pdf(client, paper: bytes) -> None:
    files = {"image": ("paper.pdf", paper, "application/pdf")}
    assert client.post("/documents", files=files).json()["pages"] == 3


def test_a_formula_is_read_as_predict_reads_it(client, answers: Answers, paper: bytes) -> None:
    document = upload(client, paper, PDF)
    reading = get(client, document, "pages/1/formulas/2?svg=true&formats=true&alternatives=1")
    part = open_document(paper, "").formula(1, 2)
    assert (
        reading["latex"]
        == client.post(
            "/predict", content=png_of(Image.fromarray(part.picture)), headers=PNG
        ).json()["latex"]
    )
    assert reading["formats"].keys() == {"typst", "mathml", "omml"}
    assert len(reading["alternatives"]) == 1
    assert reading["number"] is None


def test_a_rectangle_is_read(client, paper: bytes) -> None:
    document = upload(client, paper, PDF)
    box = get(client, document, "pages/1")["formulas"][0]["box"]
    sides = ",".join(str(side) for side in box)
    reading = get(client, document, f"pages/1/part?box={sides}")
    assert reading["latex"]
    assert "number" in reading


def test_equation_numbers_are_read_apart(client, typeset: Callable[..., Image.Image]) -> None:
    numbered = typeset(r"\frac{a+b}{c+d}=\int_0^1 f(x)\,dx\hspace{15em}(3)")
    document = upload(client, png_of(numbered), PNG)
    (formula,) = get(client, document, "pages/1")["formulas"]
    assert len(formula["numbers"]) == 1
    assert formula["numbers"][0][0] > formula["box"][2]
    reading = get(client, document, "pages/1/formulas/1")
    assert isinstance(reading["number"], str)
    assert "number-cut" not in reading["warnings"]


def test_a_picture_of_a_page_has_boxes_in_pixels_light_or_dark(client, typeset) -> None:
    page = typeset(r"x^2+y^2=\frac{1}{z}")
    for image in (page, ImageOps.invert(page)):
        document = upload(client, png_of(image), PNG)
        assert (document["pages"], document["unit"], document["one_formula"]) == (1, "px", False)
        found = get(client, document, "pages/1")
        assert (found["width"], found["height"]) == image.size
        assert len(found["formulas"]) == 1


def test_a_picture_of_one_formula_is_said_to_be_one(client, png: bytes) -> None:
    assert upload(client, png, PNG)["one_formula"]


@pytest.mark.parametrize(
    ("content", "headers", "status", "message"),
    [
        (ENCRYPTED, PDF, 422, "it is encrypted and needs a password"),
        (CUT_SHORT, PDF, 422, "it is damaged, cut short"),
        (EMPTY, PDF, 422, "has no pages"),
        (b"", PDF, 422, "the file is empty"),
        (b"nothing like it", PDF, 422, "the PDF cannot be opened"),
        (b"nothing like it", PNG, 422, "not a picture this program knows"),
        (b"", PNG, 422, "the file is empty"),
        (b"text", {"Content-Type": "text/plain"}, 415, "text/plain is no picture's or PDF's"),
        (of_pages(10_000), PDF, 413, "The document has 10,000 pages; 5 are the most."),
        (b"%PDF" + bytes(400_000), PDF, 413, "The document is larger than 0.4 MB."),
    ],
)
def test_bad_files_say_what_is_wrong(client, content, headers, status, message) -> None:
    response = client.post("/documents", content=content, headers=headers)
    told = failure(response)
    assert told[0] == status
    assert message in told[1]


def test_a_blank_page_has_no_formulas(client) -> None:
    assert get(client, upload(client, BLANK, PDF), "pages/1")["formulas"] == []


@pytest.mark.parametrize(
    ("path", "status", "message"),
    [
        ("pages/4", 404, "There is no page 4; the last is 3."),
        ("pages/4/picture", 404, "There is no page 4; the last is 3."),
        ("pages/0", 422, "page: Input should be greater than or equal to 1."),
        ("pages/one", 422, "page: Input should be a valid integer"),
        ("pages/1/formulas/3", 404, "Page 1 has no formula 3; 2 were found."),
        ("pages/1/formulas/0", 422, "formula: Input should be greater"),
        ("pages/1/part?box=1,2,3", 422, "`box` 1,2,3 is no box."),
        ("pages/1/part?box=nan,0,1,1", 422, "is no box."),
        ("pages/1/part", 422, "box: Field required."),
        ("pages/1/part?box=900,0,990,10", 422, "the box lies outside of page 1"),
        ("pages/1/part?box=1,1,20,20", 422, "no ink was found"),
        ("pages/1/formulas/1?alternatives=99", 422, "alternatives: Input should be less"),
    ],
)
def test_bad_requests_say_what_is_wrong(client, paper: bytes, path, status, message) -> None:
    document = upload(client, paper, PDF)
    told = failure(client.get(f"/documents/{document['id']}/{path}"))
    assert told[0] == status
    assert message in told[1]


def test_documents_are_deleted_and_replaced(client, paper: bytes) -> None:
    first, second, third = (upload(client, paper, PDF) for _ in range(3))
    assert failure(client.get(f"/documents/{first['id']}/pages/1"))[0] == 404  # two are kept
    assert client.delete(f"/documents/{second['id']}").status_code == 204
    assert client.delete(f"/documents/{second['id']}").status_code == 204
    status, message = failure(client.get(f"/documents/{second['id']}/pages/1/picture"))
    assert (status, message) == (404, "There is no such document, or no longer.")
    assert get(client, third, "pages/2")["formulas"] == []


def test_documents_expire_though_nobody_asks(serving, answers: Answers, paper: bytes) -> None:
    alive = []

    def opening(data: bytes, content_type: str):
        document = open_document(data, content_type)
        alive.append(weakref.ref(document))
        return document

    limits = ServeSettings(document_seconds=0.2)
    app = Server(answers, opening, limits, model="tiny").app()
    with serving(app) as url, httpx.Client(base_url=url, timeout=30) as client:
        document = upload(client, paper, PDF)
        assert document["seconds"] == 0.2
        until = time.monotonic() + 10
        while alive[0]() is not None and time.monotonic() < until:
            time.sleep(0.05)
        assert alive[0]() is None
        assert failure(client.get(f"/documents/{document['id']}/pages/1"))[0] == 404


def test_readings_are_counted_and_pages_are_not(client, paper: bytes) -> None:
    def counted() -> float:
        lines = client.get("/metrics").text.splitlines()
        return sum(float(line.split()[-1]) for line in lines if "requests_total{" in line)

    document = upload(client, paper, PDF)
    before = counted()
    get(client, document, "pages/1")
    assert counted() == before
    get(client, document, "pages/1/formulas/1")
    client.get(f"/documents/{document['id']}/pages/1/formulas/9")
    assert counted() == before + 2
