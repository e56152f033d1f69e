"""What the site adds to the pages of this folder: links to the repository, and pages of the code."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

PACKAGE = Path(__file__).parent.parent / "im2latex_cli"
OUTSIDE = re.compile(
    r"\]\((?:\.\./)+((?:[A-Z]+(?:\.md|\.cff)?|\.github/|tests/|im2latex_cli/)[^)]*)\)"
)


def on_page_markdown(markdown: str, *, page: Any, config: Any, files: Any) -> str:
    """Rewrite `](../../CONTRIBUTING.md)` and the like."""
    del page, files
    return OUTSIDE.sub(rf"]({config.repo_url}/blob/main/\1)", markdown)


def on_files(files: Files, *, config: Any) -> Files:
    """Add a page for each package, with the signatures and docstrings of its modules."""
    entries = []
    for package in sorted(PACKAGE.iterdir()):
        modules = _modules(package)
        if not modules:
            continue
        name = package.stem
        entries.append(f"- [`{package.name}`]({name}.md): {_summary(modules[0])}")
        parts = [f"# {package.name}", *(f"::: {_dotted(module)}" for module in modules)]
        page = "\n\n".join(parts) + "\n"
        files.append(File.generated(config, f"reference/code/{name}.md", content=page))
    index = "# Code\n\nSignatures and docstrings of all modules, by package.\n\n" + "\n".join(
        entries
    )
    files.append(File.generated(config, "reference/code/index.md", content=index + "\n"))
    return files


def _modules(package: Path) -> list[Path]:
    if package.suffix == ".py":
        return [package] if not package.stem.startswith("_") else []
    return sorted(package.rglob("*.py")) if (package / "__init__.py").exists() else []


def _dotted(path: Path) -> str:
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts).removesuffix(".__init__")


def _summary(path: Path) -> str:
    text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    return text.partition("\n")[0]
