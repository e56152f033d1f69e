"""A benchmark here and at an older commit, in turns: every figure that both print, and its ratio.

Each commit runs its own script, `tests/bench/bench_NAME.py`, in its own virtual environment, which
shares the installed packages: only this project's code differs. Lines are compared if their words
are the same; figures are medians over the rounds. Processor time is that of the whole script.
`nox -s bench -- predict train --against REV [--rounds N] [OPTIONS]`, in a clone with that commit;
OPTIONS are those of the scripts, as `--pictures 50`. `predict` reads with this commit's weights on
both sides unless `--model` names others.
"""

from __future__ import annotations

import argparse
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Iterable, Sequence
from pathlib import Path

ROOT = Path(__file__).parents[2]
NUMBER = re.compile(r"(?<![\w.])\d[\d,]*(?:\.\d+)?")
Figures = dict[str, list[float]]
"""Numbers of each line, by its words: the line with `#` for every number."""


def figures(text: str) -> Figures:
    """The numbers of a benchmark's output.

    >>> figures("| torch | beam 5 | 31.3 |")
    {'| torch | beam # | # |': [5.0, 31.3]}
    """
    return {
        NUMBER.sub("#", line): [float(one.replace(",", "")) for one in NUMBER.findall(line)]
        for line in text.splitlines()
        if NUMBER.search(line)
    }


def medians(rounds: Sequence[Figures]) -> Figures:
    """Medians of the figures that every round has."""
    common = [line for line in rounds[0] if all(line in one for one in rounds)]
    return {
        line: [statistics.median(of) for of in zip(*(one[line] for one in rounds), strict=True)]
        for line in common
    }


def table(before: Figures, now: Figures) -> Iterable[str]:
    """Rows: the words of a line, the numbers before, those now, and their ratios."""
    yield "| line | before | now | now / before |"
    yield "|---|---|---|---|"
    for line, olds in before.items():
        news = now.get(line, [])
        changed = [(old, new) for old, new in zip(olds, news, strict=False) if old != new]
        if changed:
            words = line.strip("| ").replace("|", "/")
            shown = (", ".join(f"{one:g}" for one in some) for some in zip(*changed, strict=True))
            ratios = ", ".join(f"{new / old:.2f}" if old else "-" for old, new in changed)
            yield f"| {words} | {' | '.join(shown)} | {ratios} |"


def environment(tree: Path, folder: Path) -> Path:
    """Make a virtual environment with the code of `tree` and this one's packages; its python."""
    venv.EnvBuilder(with_pip=False).create(folder)
    python = folder / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    ask = "import sysconfig; print(sysconfig.get_path('purelib'))"
    own = subprocess.run([python, "-c", ask], capture_output=True, text=True, check=True).stdout
    shared = [path for path in sys.path if path.endswith(("site-packages", "dist-packages"))]
    Path(own.strip(), "against.pth").write_text("\n".join([str(tree), *shared]), encoding="utf-8")
    return python


def measure(python: Path, tree: Path, name: str, options: Sequence[str] = ()) -> Figures:
    """Run a tree's benchmark once; its figures, and the seconds of the whole script."""
    began, before = time.perf_counter(), processor_time()
    script = tree / "tests" / "bench" / f"bench_{name}.py"
    # As for users: modules are compiled once, and OpenMP's threads sleep soon (settings.sources).
    env = {key: one for key, one in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    env.setdefault("GOMP_SPINCOUNT", "1000")
    done = subprocess.run(
        [python, script, *options], stdout=subprocess.PIPE, text=True, cwd=tree, env=env, check=True
    )
    spent = {"processor time, s: #": [processor_time() - before]}
    return {**figures(done.stdout), **spent, "elapsed, s: #": [time.perf_counter() - began]}


def processor_time() -> float:
    """Seconds that ended child processes took; 0 where the system does not say."""
    if sys.platform == "win32":
        return 0.0
    import resource

    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def arguments(given: Sequence[str] | None = None) -> tuple[argparse.Namespace, list[str]]:
    """The arguments, and the options for the benchmarks themselves."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="+", help="benchmarks: predict, train ...")
    parser.add_argument("--against", required=True, metavar="REV", help="the older commit")
    parser.add_argument("--rounds", type=int, default=3)
    return parser.parse_known_args(given)


def options_of(name: str, given: Sequence[str]) -> list[str]:
    """What a benchmark is called with: both sides of `predict` read with the same weights."""
    if name != "predict" or "--model" in given:
        return list(given)
    (model,) = (ROOT / "im2latex_cli" / "pretrained").glob("*.safetensors")
    return [*given, "--model", str(model)]


def main() -> None:
    wanted, given = arguments()
    with tempfile.TemporaryDirectory() as name:
        old = Path(name).resolve() / "tree"
        git = ["git", "-C", str(ROOT), "worktree"]
        subprocess.run([*git, "add", "--detach", str(old), wanted.against], check=True)
        try:
            sides = [
                (environment(tree, Path(name).resolve() / side), tree)
                for side, tree in (("before", old), ("now", ROOT))
            ]
            for bench in wanted.names:
                options = options_of(bench, given)
                rounds = [
                    [measure(*side, bench, options) for side in sides] for _ in range(wanted.rounds)
                ]
                before, now = (medians(of) for of in zip(*rounds, strict=True))
                print(f"\n{bench}, {wanted.rounds} rounds, against {wanted.against}\n")
                print("\n".join(table(before, now)), flush=True)
        finally:
            subprocess.run([*git, "remove", "--force", str(old)], check=True)


if __name__ == "__main__":
    main()
