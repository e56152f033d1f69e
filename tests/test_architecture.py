"""Imports point down, siblings stay apart, and torch lives only where tensors do."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "im2latex_cli"
FLOORS = (
    {"errors", "progress", "paths", "files", "results"},
    {"latex", "vision", "settings"},
    {"data", "formats", "recombine", "render", "evaluate", "report"},
    {"model"},
    {"headers"},
    {"train", "checkpoints", "onnx"},
    {"backends"},
    {"recognizer"},
    {"serve"},
    {"services"},
    {"cli"},
)
FLOOR = {room: number for number, rooms in enumerate(FLOORS, start=1) for room in rooms}
NEIGHBOURS = {("train", "checkpoints")}
TORCH_ROOMS = {"model", "train", "checkpoints"}
TERMINAL_ROOMS = {"cli"}


def test_every_room_has_a_floor() -> None:
    rooms = {p.stem for p in PACKAGE.iterdir() if p.suffix == ".py" or (p / "__init__.py").exists()}
    assert rooms - {"__init__", "__main__"} == FLOOR.keys()


def room_of(path: Path) -> str:
    return path.relative_to(PACKAGE).with_suffix("").parts[0]


def sources() -> list[Path]:
    return [p for p in sorted(PACKAGE.rglob("*.py")) if room_of(p) in FLOOR]


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            yield str(node.module)
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def own_rooms(path: Path) -> set[str]:
    rooms = {name.split(".")[1] for name in imports(path) if name.startswith("im2latex_cli.")}
    return {room for room in rooms if room in FLOOR and room != room_of(path)}


@pytest.mark.parametrize("path", sources(), ids=lambda p: str(p.relative_to(PACKAGE)))
def test_imports_point_down(path: Path) -> None:
    room = room_of(path)
    wrong = [
        other
        for other in own_rooms(path)
        if FLOOR[other] >= FLOOR[room] and (room, other) not in NEIGHBOURS
    ]
    assert not wrong, f"{path.relative_to(PACKAGE)} on floor {FLOOR[room]} imports {wrong}"


@pytest.mark.parametrize(
    ("library", "rooms"),
    [
        ("torch", TORCH_ROOMS),
        ("onnx", set()),
        ("onnxruntime", {"onnx"}),
        ("typer", TERMINAL_ROOMS),
        ("click", TERMINAL_ROOMS),
        ("rich", TERMINAL_ROOMS),
        ("starlette", {"serve"}),
        ("uvicorn", {"serve"}),
    ],
)
def test_library_stays_in_its_rooms(library: str, rooms: set[str]) -> None:
    strangers = [
        str(path.relative_to(PACKAGE))
        for path in sources()
        if room_of(path) not in rooms and any(n.split(".")[0] == library for n in imports(path))
    ]
    assert not strangers


def test_environment_is_read_in_one_place() -> None:
    allowed = {"settings/sources.py"}
    readers = [
        str(path.relative_to(PACKAGE))
        for path in sources()
        if room_of(path) != "cli"
        and any(
            isinstance(node, ast.Attribute) and node.attr in {"environ", "getenv", "argv"}
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        )
    ]
    assert set(readers) <= allowed


def module_imports() -> dict[str, set[str]]:
    """Return which of our modules each of our modules imports, function-level imports included."""
    modules = {".".join(p.relative_to(PACKAGE.parent).with_suffix("").parts): p for p in sources()}
    return {name: {n for n in imports(path) if n in modules} for name, path in modules.items()}


def test_no_circles() -> None:
    graph = module_imports()
    done: set[str] = set()

    def visit(name: str, trail: tuple[str, ...]) -> None:
        assert name not in trail, " -> ".join((*trail, name))
        if name not in done:
            for other in graph[name]:
                visit(other, (*trail, name))
            done.add(name)

    for name in graph:
        visit(name, ())


@pytest.mark.parametrize("path", sources(), ids=lambda p: str(p.relative_to(PACKAGE)))
def test_files_and_functions_stay_readable(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 700
    long = [
        f"{node.name} {node.end_lineno - node.lineno}"
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.FunctionDef)
        and node.end_lineno is not None
        and node.end_lineno - node.lineno >= 60
    ]
    assert not long


@pytest.mark.parametrize("service", ["build", "vocab", "eval_image", "doctor", "predict", "serve"])
def test_service_loads_no_torch(service: str) -> None:
    code = f"import sys, im2latex_cli.services.{service}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
