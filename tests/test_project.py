"""The files around the code agree with each other."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))


def text(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def test_citation_has_the_version() -> None:
    assert f"\nversion: {PROJECT['version']}\n" in text("CITATION.cff")


def test_every_supported_python_is_tested() -> None:
    versions = re.findall(r"Python :: (3\.\d+)", "\n".join(PROJECT["classifiers"]))
    (tested,) = re.findall(r"python: \[(.+)\]", text(".github/workflows/ci.yml"))
    assert re.findall(r'"([\d.]+)"', tested) == versions
    assert PROJECT["requires-python"] == f">={versions[0]}"


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_actions_are_pinned_by_commit(path: Path) -> None:
    uses = re.findall(r"uses: (\S+)(.*)", path.read_text(encoding="utf-8"))
    assert uses
    for action, comment in uses:
        local = action == "./.github/workflows/ci.yml"
        assert local or re.fullmatch(r"[\w./-]+@[0-9a-f]{40}", action), action
        assert local or re.fullmatch(r" # v\d+\.\d+\.\d+", comment), action


def test_ci_runs_every_check() -> None:
    sessions = set(re.findall(r"@nox\.session\ndef (\w+)\(", text("noxfile.py")))
    (listed,) = re.findall(r"session: \[(.+)\]", text(".github/workflows/ci.yml"))
    writers = {"reference", "graphs", "bench"}
    assert {"tests", *listed.split(", ")} == sessions - writers


@pytest.mark.parametrize("tool", ["ruff", "codespell", "zizmor"])
def test_pre_commit_and_nox_use_the_same_version(tool: str) -> None:
    config = text(".pre-commit-config.yaml")
    (revision,) = re.findall(rf"/{tool}(?:-pre-commit)?\n    rev: v(\S+)", config)
    assert f"\n{tool}=={revision}\n" in text("constraints.txt")


@pytest.mark.parametrize("group", ["dependencies", *PROJECT["optional-dependencies"]])
def test_lower_bounds_and_pins(group: str) -> None:
    pins = {line.lower().split("==")[0] for line in text("constraints.txt").splitlines()}
    pins = {re.sub(r"[-_.]+", "-", pin) for pin in pins}
    listed = PROJECT.get(group) or PROJECT["optional-dependencies"][group]
    for requirement in listed:
        assert re.fullmatch(r"[\w-]+>=[\d.]+", requirement), requirement
        assert requirement.split(">=")[0].lower() in pins, requirement


PAGES = [*(ROOT / "docs").rglob("*.md"), ROOT / "README.md", ROOT / "CONTRIBUTING.md"]
FILES = [
    f"/{path.relative_to(ROOT).as_posix()}"
    for folder in ("im2latex_cli", "tests")
    for path in (ROOT / folder).rglob("*.py")
]
OF_USERS = {"valid.py", "mix.py", "merge.py", "average.py"}
"""Scripts that the model card shows for saving under these names."""


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_pages_name_files_that_exist(page: Path) -> None:
    named = set(re.findall(r"[`( /]([\w/]+\.py)\b", page.read_text(encoding="utf-8"))) - OF_USERS
    placeholders = {name for name in named if "NAME" in name}
    found = {name for name in named if any(path.endswith(f"/{name}") for path in FILES)}
    assert not named - placeholders - found - {"noxfile.py"}
