"""The tools for agents, driven by the SDK's own client through the executable."""

import asyncio
import base64
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image, ImageDraw, ImageFont

pytest.importorskip("mcp")
pytest.importorskip("onnxruntime")

from mcp import Client, StdioServerParameters

from im2latex_cli.recognition.models import BUNDLED

pytestmark = pytest.mark.skipif(not BUNDLED.is_dir(), reason="needs the bundled model")
FORMULA = Path(__file__).parents[2] / "docs" / "formula.png"


def talk(
    *calls: tuple[str, dict[str, object]], environment: dict[str, str] | None = None
) -> tuple[list[str], list]:
    """The names of the tools, and what each call gave."""
    program = shutil.which("im2latex", path=str(Path(sys.executable).parent))
    command = [program, "mcp"] if program else [sys.executable, "-m", "im2latex_cli", "mcp"]
    server = StdioServerParameters(command=command[0], args=command[1:], env=environment)

    async def session() -> tuple[list[str], list]:
        async with Client(server, read_timeout_seconds=120) as client:
            tools = await client.list_tools()
            results = [await client.call_tool(name, values) for name, values in calls]
            return [tool.name for tool in tools.tools], results

    return asyncio.run(session())


def test_the_guide_names_the_command_and_the_tools() -> None:
    guide = (FORMULA.parent / "how-to" / "agents.md").read_text(encoding="utf-8")
    (settings,) = re.findall(r"```json\n(.*?)```", guide, re.DOTALL)
    assert json.loads(settings)["servers"]["im2latex"]["args"] == ["mcp"]
    tools = re.findall(r"^\| `(\w+)` \|", guide, re.MULTILINE)
    assert tools == ["read_formula", "find_formulas", "render_formula", "normalise"]


def test_an_agent_reads_renders_and_normalises() -> None:
    picture = base64.b64encode(FORMULA.read_bytes()).decode()
    names, results = talk(
        ("read_formula", {"path": str(FORMULA)}),
        ("read_formula", {"image_base64": picture, "output": "typst"}),
        ("read_formula", {"path": str(FORMULA), "box": [0, 0, 1, 1]}),
        ("read_formula", {}),
        ("read_formula", {"path": "nowhere.png"}),
        ("render_formula", {"latex": r"\frac{a}{b}"}),
        ("render_formula", {"latex": r"\frac{a}"}),
        ("normalise", {"latex": r"{a\over b}"}),
        ("normalise", {"latex": r"{a\over b}", "output": "typst"}),
    )
    assert set(names) == {"read_formula", "find_formulas", "render_formula", "normalise"}
    read, typst, blank, nothing, nowhere, drawn, broken, normal, converted = results
    answer = json.loads(read.content[0].text)
    assert answer["latex"] == answer["formula"]
    assert 0 < answer["confidence"] <= 1
    other = json.loads(typst.content[0].text)
    assert other["latex"] == answer["latex"]
    assert other["formula"] != answer["latex"]
    assert blank.is_error
    assert "exactly one of path" in nothing.content[0].text
    assert nowhere.is_error
    assert "nowhere.png" in nowhere.content[0].text
    assert drawn.content[0].mime_type == "image/png"
    assert base64.b64decode(drawn.content[0].data).startswith(b"\x89PNG")
    assert broken.is_error
    assert json.loads(normal.content[0].text)["formula"] == r"\frac{a}{b}"
    assert json.loads(converted.content[0].text)["formula"] == "frac(a, b)"


def sheet(number: str) -> Image.Image:
    """A page of words with one displayed formula, whose equation number may be missing."""
    page = Image.new("L", (850, 1100), 255)
    draw, font = ImageDraw.Draw(page), ImageFont.load_default(20)
    for top in [*range(100, 400, 30), *range(520, 1000, 30)]:
        words = "Words of a text that goes on for the whole width of its page, and further"
        draw.text((100, top), words, font=font, fill=0)
    page.paste(Image.open(FORMULA).convert("L"), (361, 425))
    draw.text((700, 445), number, font=font, fill=0)
    return page


@pytest.fixture
def paper(tmp_path: Path) -> Path:
    """Three pages, the second of which is blank."""
    pages = [sheet("(3.2)"), Image.new("L", (850, 1100), 255), sheet("")]
    path = tmp_path / "paper.pdf"
    pages[0].save(path, resolution=100, save_all=True, append_images=pages[1:])
    return path


def test_an_agent_finds_the_formulas_of_a_document(paper: Path) -> None:
    pytest.importorskip("pypdfium2")
    data = base64.b64encode(paper.read_bytes()).decode()
    _, results = talk(
        ("read_formula", {"path": str(FORMULA), "output": "typst"}),
        ("find_formulas", {"path": str(paper)}),
        ("find_formulas", {"document_base64": data, "pages": "3,9", "output": "typst"}),
        ("find_formulas", {"path": str(FORMULA)}),
        ("find_formulas", {"path": str(paper), "pages": "2"}),
        ("find_formulas", {"path": str(paper), "pages": "3-1"}),
        ("find_formulas", {"document_base64": "?"}),
        ("find_formulas", {}),
    )
    alone, whole, last, picture, blank, *wrong = results
    expected = json.loads(alone.content[0].text)
    first, second = json.loads(whole.content[0].text)["formulas"]
    assert (first["page"], first["number"]) == (1, "(3.2)")
    assert (first["kind"], first["unit"]) == ("display", "pt")
    assert (second["page"], second["number"]) == (3, None)
    assert first["latex"] == second["latex"] == expected["latex"]
    assert 0 < first["confidence"] <= 1
    left, top, right, bottom = (side * 100 / 72 for side in first["box"])
    assert 361 <= left < right <= 361 + 128
    assert 425 <= top < bottom <= 425 + 80
    answer = json.loads(last.content[0].text)
    assert [one["formula"] for one in answer["formulas"]] == [expected["formula"]]
    assert answer["errors"] == ["standard input: there is no page 9; the last is 3."]
    (only,) = json.loads(picture.content[0].text)["formulas"]
    assert only["latex"] == expected["latex"]
    assert (only["page"], only["box"], only["kind"]) == (None, None, None)
    assert "no displayed formula" in blank.content[0].text
    assert all(one.is_error for one in (blank, *wrong))
    texts = [one.content[0].text for one in wrong]
    assert ["3-1" in texts[0], "base64" in texts[1], "exactly one of" in texts[2]] == [True] * 3


def test_an_agent_reads_the_clipboard(tmp_path: Path) -> None:
    paste = tmp_path / "wl-paste"
    paste.write_text(f'#!/bin/sh\ncat "{FORMULA}"\n')
    paste.chmod(0o755)
    places = {"PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}"}
    _, (whole, part, both, by_path) = talk(
        ("read_formula", {"clipboard": True}),
        ("read_formula", {"clipboard": True, "box": [0, 0, 1, 1]}),
        ("read_formula", {"clipboard": True, "path": str(FORMULA)}),
        ("read_formula", {"path": str(FORMULA)}),
        environment=places,
    )
    assert whole.content[0].text == by_path.content[0].text
    assert part.is_error
    assert "exactly one of path" in both.content[0].text


def test_a_clipboard_without_a_picture_says_why(tmp_path: Path) -> None:
    for name in ("wl-paste", "xclip", "pngpaste"):
        paste = tmp_path / name
        paste.write_text("#!/bin/sh\necho 'cannot open the display' >&2; exit 1\n")
        paste.chmod(0o755)
    places = {"PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}"}
    _, (failed,) = talk(("read_formula", {"clipboard": True}), environment=places)
    assert failed.is_error
    text = failed.content[0].text
    assert "The clipboard holds no picture (" in text
    assert text.count("Copy one, then try again.") == 1


@pytest.mark.skipif(
    any(shutil.which(name) is None for name in ("Xvfb", "xclip")), reason="needs Xvfb and xclip"
)
def test_an_agent_reads_the_clipboard_of_a_real_display(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    command = ["Xvfb", "-displayfd", str(writing), "-screen", "0", "64x64x24", "-nolisten", "tcp"]
    with subprocess.Popen(command, pass_fds=[writing], stderr=subprocess.DEVNULL) as display:
        try:
            os.close(writing)
            with os.fdopen(reading) as told:
                number = {"DISPLAY": f":{told.readline().strip()}"}
            copy = ["xclip", "-selection", "clipboard", "-target", "image/png", "-in", str(FORMULA)]
            subprocess.run(copy, env=os.environ | number, check=True, stdout=subprocess.DEVNULL)
            _, (copied, by_path) = talk(
                ("read_formula", {"clipboard": True}),
                ("read_formula", {"path": str(FORMULA)}),
                environment=number,
            )
        finally:
            display.terminate()
    assert not copied.is_error
    assert copied.content[0].text == by_path.content[0].text
