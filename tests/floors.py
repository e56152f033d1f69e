"""Write the table of packages in docs/explanation/architecture.md anew, from the code.

    python tests/floors.py

Floors come from tests/test_architecture.py, which checks them; what a package is for is the first
line of its docstring; the last column is what its modules import, at their top or in a function.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "im2latex_cli"
PAGE = ROOT / "docs" / "explanation" / "architecture.md"
TABLE = re.compile(r"(?<=<!-- floors -->\n\n).*?(?=\n\n<!-- /floors -->)", re.DOTALL)
HEAVY = ("torch", "onnxruntime", "distributed", "typer", "rich", "fastapi", "starlette", "uvicorn")


def table() -> str:
    """The table, highest floor first."""
    lines = ["| floor | package | what it holds | heavy libraries |", "|---|---|---|---|"]
    for number, packages in reversed(list(enumerate(floors(), start=1))):
        for name in sorted(packages):
            files = modules(name)
            imported = set().union(*map(imports, files))
            libraries = [library for library in HEAVY if library in imported]
            label = f"`{name}/`" if files[0].name == "__init__.py" else f"`{name}.py`"
            cells = [str(number), label, summary(files[0]), ", ".join(libraries)]
            lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def floors() -> tuple[set[str], ...]:
    """FLOORS of tests/test_architecture.py, lowest first; that file needs pytest, this does not."""
    source = Path(__file__).with_name("test_architecture.py").read_text(encoding="utf-8")
    for node in ast.parse(source).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "FLOORS":
            return ast.literal_eval(node.value)
    raise LookupError("tests/test_architecture.py assigns no FLOORS.")


def modules(name: str) -> list[Path]:
    """The files of a package, `__init__` first, or the one of a module."""
    module = PACKAGE / f"{name}.py"
    if module.is_file():
        return [module]
    first = PACKAGE / name / "__init__.py"
    return [first, *sorted(path for path in first.parent.rglob("*.py") if path != first)]


def summary(path: Path) -> str:
    text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    return " ".join(text.partition("\n\n")[0].split()).replace("|", r"\|")


def imports(path: Path) -> set[str]:
    """Top-level names of what a file imports, for types aside."""
    found: set[str] = set()
    tree = ast.parse(path.read_text(encoding="utf-8"))
    typing_only = {
        id(node)
        for branch in ast.walk(tree)
        if isinstance(branch, ast.If) and ast.unparse(branch.test) == "TYPE_CHECKING"
        for node in ast.walk(branch)
    }
    for node in ast.walk(tree):
        if id(node) in typing_only:
            continue
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module.partition(".")[0])
    return found


def page() -> str:
    """The page as it should be."""
    return TABLE.sub(lambda _: table(), PAGE.read_text(encoding="utf-8"))


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8", newline="\n")
