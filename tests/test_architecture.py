"""Imports point down, siblings stay apart, and torch lives only where tensors do."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "im2latex_cli"
FLOORS = (
    {"_version", "errors", "progress", "paths", "reading_warning", "results", "runs"},
    {"settings", "files"},
    {"latex", "vision"},
    {"data", "formats", "recombination", "render", "evaluate", "report"},
    {"decoding", "pages"},
    {"network"},
    {"headers"},
    {"train", "checkpoints", "onnx"},
    {"recognition"},
    {"serve"},
    {"services"},
    {"cli"},
)
FLOOR = {package: number for number, packages in enumerate(FLOORS, start=1) for package in packages}
NEIGHBOURS = {("train", "checkpoints")}
TORCH_PACKAGES = {"network", "train", "checkpoints"}
EXCEPTIONS = {
    "torch": {"decoding/arrays.py", "decoding/torch_ops.py"},
    "onnx": {"network/step_graph.py"},
}
"""Modules that import a library for types alone, or only once it is loaded."""
LARGEST_FOLDER = 17
TERMINAL_PACKAGES = {"cli"}


def test_every_package_has_a_floor() -> None:
    packages = {
        p.stem for p in PACKAGE.iterdir() if p.suffix == ".py" or (p / "__init__.py").exists()
    }
    assert packages - {"__init__", "__main__"} == FLOOR.keys()


def package_of(path: Path) -> str:
    return path.relative_to(PACKAGE).with_suffix("").parts[0]


def sources() -> list[Path]:
    return [p for p in sorted(PACKAGE.rglob("*.py")) if package_of(p) in FLOOR]


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            yield str(node.module)
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def own_packages(path: Path) -> set[str]:
    packages = {name.split(".")[1] for name in imports(path) if name.startswith("im2latex_cli.")}
    return {package for package in packages if package in FLOOR and package != package_of(path)}


@pytest.mark.parametrize("path", sources(), ids=lambda p: str(p.relative_to(PACKAGE)))
def test_imports_point_down(path: Path) -> None:
    package = package_of(path)
    wrong = [
        other
        for other in own_packages(path)
        if FLOOR[other] >= FLOOR[package] and (package, other) not in NEIGHBOURS
    ]
    assert not wrong, f"{path.relative_to(PACKAGE)} on floor {FLOOR[package]} imports {wrong}"


@pytest.mark.parametrize(
    ("library", "packages"),
    [
        ("torch", TORCH_PACKAGES),
        ("onnx", set()),
        ("onnxruntime", {"onnx"}),
        ("typer", TERMINAL_PACKAGES),
        ("click", TERMINAL_PACKAGES),
        ("rich", TERMINAL_PACKAGES),
        ("fastapi", {"serve"}),
        ("starlette", {"serve"}),
        ("prometheus_client", {"serve"}),
        ("filelock", {"files"}),
        ("uvicorn", {"serve"}),
    ],
)
def test_library_stays_in_its_packages(library: str, packages: set[str]) -> None:
    strangers = [
        str(path.relative_to(PACKAGE))
        for path in sources()
        if package_of(path) not in packages
        and any(n.split(".")[0] == library for n in imports(path))
    ]
    assert set(strangers) <= EXCEPTIONS.get(library, set())


def test_environment_is_read_in_one_place() -> None:
    allowed = {"settings/sources.py"}
    readers = [
        str(path.relative_to(PACKAGE))
        for path in sources()
        if package_of(path) != "cli"
        and any(
            isinstance(node, ast.Attribute) and node.attr in {"environ", "getenv", "argv"}
            for node in ast.walk(tree(path))
        )
    ]
    assert set(readers) <= allowed


SHELL = re.compile(r"(?<![\w-])--[a-z][a-z-]+")
SPELL_FLAGS = {"cli", "settings"}
"""What speaks to people at a shell: the commands, and the help of settings."""


def texts(path: Path) -> Iterator[str]:
    """Yield the strings of a module that reach users as messages."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Call):
            for part in ast.walk(node):
                if isinstance(part, ast.Constant) and isinstance(part.value, str):
                    yield part.value


def test_flags_are_named_by_the_commands_only() -> None:
    """A service names settings and arguments in backquotes; cli/console.py makes flags of them."""
    programs = ("--version", "--no-newline", "--type", "--cask", "--nproc-per-node", "--with-temp")
    wrong = [
        f"{path.relative_to(PACKAGE)}: {text}"
        for path in sources()
        if package_of(path) not in SPELL_FLAGS
        for text in texts(path)
        if any(flag not in programs for flag in SHELL.findall(text))
    ]
    assert not wrong


def module_name(path: Path) -> str:
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts).removesuffix(".__init__")


def module_imports() -> dict[str, set[str]]:
    """Return which of our modules each of our modules imports.

    Imports inside functions and for types count. `from package import name` counts as an import
    of `package.name` if that is a module, else of the package's `__init__`.
    """
    modules = {module_name(path): path for path in PACKAGE.rglob("*.py")}

    def imported(path: Path) -> Iterator[str]:
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.Import):
                yield from (alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                names = [f"{node.module}.{alias.name}" for alias in node.names]
                yield from (name if name in modules else str(node.module) for name in names)

    return {name: {n for n in imported(p) if n in modules} for name, p in modules.items()}


def test_the_packages_own_init_is_in_the_graph() -> None:
    graph = module_imports()
    assert any(name.startswith("im2latex_cli.reco") for name in graph["im2latex_cli"])


def test_folders_stay_small_enough_to_look_through() -> None:
    folders = {path.parent for path in PACKAGE.rglob("*.py")}
    sizes = {str(one.relative_to(PACKAGE)): len(list(one.glob("*.py"))) for one in folders}
    assert {name for name, size in sizes.items() if size > LARGEST_FOLDER} == set()


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
    assert len(text.splitlines()) <= 600  # a module is a concept: 400 had cut concepts into slices
    long = [
        f"{node.name} {node.end_lineno - node.lineno}"
        for node in ast.walk(tree(path))
        if isinstance(node, ast.FunctionDef)
        and node.end_lineno is not None
        and node.end_lineno - node.lineno >= 60
    ]
    assert not long


@pytest.mark.parametrize(
    "service",
    ["building.build", "vocab", "evaluating.eval_image", "doctor", "reading.predict", "serve"],
)
def test_service_loads_no_torch(service: str) -> None:
    code = f"import sys, im2latex_cli.services.{service}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_no_class_name_stands_for_two_things() -> None:
    homes: dict[str, list[str]] = {}
    for path in sources():
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.ClassDef):
                homes.setdefault(node.name, []).append(str(path.relative_to(PACKAGE)))
    assert {name: paths for name, paths in homes.items() if len(paths) > 1} == {}
