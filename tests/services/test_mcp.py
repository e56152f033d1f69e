"""The tools for agents, driven by the SDK's own client through the executable."""

import asyncio
import base64
import json
import re
import shutil
import sys
from pathlib import Path

import pytest

pytest.importorskip("mcp")
pytest.importorskip("onnxruntime")

from mcp import Client, StdioServerParameters

from im2latex_cli.recognition.models import BUNDLED

pytestmark = pytest.mark.skipif(not BUNDLED.is_dir(), reason="needs the bundled model")
FORMULA = Path(__file__).parents[2] / "docs" / "formula.png"


def talk(*calls: tuple[str, dict[str, object]]) -> tuple[list[str], list]:
    """The names of the tools, and what each call gave."""
    program = shutil.which("im2latex", path=str(Path(sys.executable).parent))
    command = [program, "mcp"] if program else [sys.executable, "-m", "im2latex_cli", "mcp"]
    server = StdioServerParameters(command=command[0], args=command[1:])

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
    assert tools == ["read_formula", "render_formula", "normalise"]


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
    assert set(names) == {"read_formula", "render_formula", "normalise"}
    read, typst, blank, nothing, nowhere, drawn, broken, normal, converted = results
    answer = json.loads(read.content[0].text)
    assert answer["latex"] == answer["formula"]
    assert 0 < answer["confidence"] <= 1
    other = json.loads(typst.content[0].text)
    assert other["latex"] == answer["latex"]
    assert other["formula"] != answer["latex"]
    assert blank.is_error
    assert "one of path" in nothing.content[0].text
    assert nowhere.is_error
    assert "nowhere.png" in nowhere.content[0].text
    assert drawn.content[0].mime_type == "image/png"
    assert base64.b64decode(drawn.content[0].data).startswith(b"\x89PNG")
    assert broken.is_error
    assert json.loads(normal.content[0].text)["formula"] == r"\frac{a}{b}"
    assert json.loads(converted.content[0].text)["formula"] == "frac(a, b)"
