#!/usr/bin/env -S python3
# /// script
# dependencies = ["nox>=2024.10.9"]
# ///
"""Every check this project has: `nox -l` lists them, `nox -s tests lint types` is what CI runs."""

import shutil
import sys
from pathlib import Path

import nox

nox.needs_version = ">=2024.10.9"
nox.options.sessions = ["tests", "lint", "types"]
nox.options.error_on_missing_interpreters = True

CONSTRAINTS = ["-c", "constraints.txt"]
BENCH = Path("tests/bench")
CODE = ["im2latex_cli", "tests", "noxfile.py"]
TEXTS = [
    "docs",
    ".github",
    "README.md",
    "CODE_OF_CONDUCT.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
    "mkdocs.yml",
]
SCHEMAS = {
    "citation-file-format": "CITATION.cff",
    "dependabot": ".github/dependabot.yml",
    "github-issue-config": ".github/ISSUE_TEMPLATE/config.yml",
    "github-issue-forms": ".github/ISSUE_TEMPLATE/[!c]*.yml",
    "github-workflows": ".github/workflows/*.yml",
}


def install(session: nox.Session, *groups: str, project: bool = True) -> None:
    """Install the project as a user would get it, and the named dependency groups."""
    pyproject = nox.project.load_toml("pyproject.toml")
    wanted = nox.project.dependency_groups(pyproject, *groups)
    session.install(*CONSTRAINTS, *wanted, *(["."] if project else []))


@nox.session
def tests(session: nox.Session) -> None:
    """Run the test suite; arguments go to pytest, `-m slow` runs the slow ones."""
    install(session, "test")
    session.run("pytest", *session.posargs)


@nox.session
def coverage(session: nox.Session) -> None:
    """Run the test suite and print the lines that it does not reach."""
    install(session, "test", "coverage", project=False)
    session.install(*CONSTRAINTS, "-e", ".")  # lines are counted in the clone
    session.run("coverage", "erase")
    session.run("coverage", "run", "-m", "pytest", *session.posargs)
    session.run("coverage", "combine", "--quiet")
    session.run("coverage", "report")


@nox.session
def minimum(session: nox.Session) -> None:
    """Run the test suite with the lowest versions that pyproject.toml allows."""
    pyproject = nox.project.load_toml("pyproject.toml")
    groups = nox.project.dependency_groups(pyproject, "test")
    session.install(*CONSTRAINTS, "uv")
    lowest = ["--resolution", "lowest-direct", "--python", session.virtualenv.location]
    session.run("uv", "pip", "install", *lowest, ".", *groups)
    # Old versions emit warnings, and pydantic 2.10 builds the settings in a second.
    slower = "tests/cli/test_startup.py::test_help_is_quick"
    session.run("pytest", "-W", "default", "--deselect", slower, *session.posargs)


@nox.session
def lint(session: nox.Session) -> None:
    """Check style, formatting and spelling."""
    install(session, "lint", project=False)
    session.run("ruff", "check", *CODE)
    session.run("ruff", "format", "--check", *CODE)
    session.run("codespell", *CODE, *TEXTS)


@nox.session
def types(session: nox.Session) -> None:
    """Check types strictly."""
    install(session, "types", "test")  # the test group has the packages of every extra
    session.run("mypy")
    session.run("mypy", "--platform", "win32", "--cache-dir", ".mypy_cache/win32")


@nox.session
def docs(session: nox.Session) -> None:
    """Build the documentation into site/; `nox -s docs -- serve` shows it while you write."""
    install(session, "docs", project=False)
    quiet = {"NO_MKDOCS_2_WARNING": "1"}
    session.run("mkdocs", *(session.posargs or ["build", "--strict"]), env=quiet)


@nox.session
def workflows(session: nox.Session) -> None:
    """Check the GitHub workflows and forms, CITATION.cff and Dockerfile."""
    install(session, "workflows", project=False)
    session.run("hadolint", "Dockerfile")
    session.run("zizmor", "--offline", ".github")
    for schema, pattern in SCHEMAS.items():
        files = sorted(str(path) for path in Path().glob(pattern))
        session.run("check-jsonschema", "--builtin-schema", f"vendor.{schema}", *files)


@nox.session
def bench(session: nox.Session) -> None:
    """Run the benchmarks: `nox -s bench -- build evaluate`; `peers` only if it is named.

    `-- predict train --against REV` runs those of an older commit in turns and prints ratios.
    """
    install(session, "test")
    if "--against" in session.posargs:
        session.run("python", str(BENCH / "against.py"), *session.posargs)
        return
    known = sorted(path.stem.removeprefix("bench_") for path in BENCH.glob("bench_*.py"))
    for name in session.posargs or [name for name in known if name != "peers"]:
        if name not in known:
            session.error(f"There is no benchmark {name}; there are {', '.join(known)}.")
        session.run("python", str(BENCH / f"bench_{name}.py"))


@nox.session
def reference(session: nox.Session) -> None:
    """Write docs/reference and the table of packages anew from the code."""
    install(session)
    session.run("python", "-m", "im2latex_cli.cli.reference", "docs/reference")
    session.run("python", "tests/floors.py")


@nox.session
def graphs(session: nox.Session) -> None:
    """Trace the network of every preset anew, for reading without torch."""
    install(session, "test")
    session.run(
        "python",
        "-c",
        "from pathlib import Path; from im2latex_cli.services import export; "
        "export.ship(Path('im2latex_cli/onnx/shipped'))",
    )


@nox.session
def build(session: nox.Session) -> None:
    """Build sdist and wheel, check them, and try the wheel far from the clone."""
    session.install("build>=1.2", "twine>=6")
    dist = Path(session.create_tmp()).resolve() / "dist"
    shutil.rmtree(dist, ignore_errors=True)
    session.run("python", "-m", "build", "--outdir", str(dist))
    artefacts = sorted(str(path) for path in dist.iterdir())
    session.run("twine", "check", "--strict", *artefacts)
    wheel = next(path for path in artefacts if path.endswith(".whl"))
    session.log(f"wheel: {Path(wheel).stat().st_size / 1e6:.1f} MB")
    picture = Path("docs/formula.png").resolve()
    constraints = Path("constraints.txt").resolve()
    empty = Path(session.create_tmp()).resolve() / "elsewhere"
    shutil.rmtree(empty, ignore_errors=True)
    empty.mkdir()
    with session.chdir(empty):
        session.run(sys.executable, "-m", "venv", "venv", external=True)
        tool = "venv/bin/im2latex"
        session.run("venv/bin/pip", "install", "-q", "-c", str(constraints), wheel, external=True)
        session.run(tool, "--version", external=True)
        session.run(tool, "doctor", external=True)
        session.run(tool, "predict", str(picture), external=True)
        session.run(tool, "run", "--set", "train.epochs=2", external=True)
        session.run(tool, "predict", "--model", "results/small", str(picture), external=True)
