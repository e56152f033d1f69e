"""What the scripts that read pictures with one system share; run in that system's environment.

A script reads the pictures of a folder that its output does not have yet, in the order of their
names, and appends one JSON line for each: the picture's name, its LaTeX (null if the system
failed, then with the error), and the seconds of wall clock and of CPU time, in one thread.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from pathlib import Path

os.environ.update(dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1"))


def read_folder(pictures: Path, output: Path, read: Callable[[Path], str | None]) -> None:
    """Read the new pictures of a folder; the first one twice, so that loading is not counted."""
    known: set[str] = set()
    if output.exists():
        known = {json.loads(line)["picture"] for line in output.read_text("utf-8").splitlines()}
    new = [path for path in sorted(pictures.glob("*.png")) if path.name not in known]
    if new:
        timed(new[0], read)
    with output.open("a", encoding="utf-8") as lines:
        for path in new:
            lines.write(json.dumps(timed(path, read)) + "\n")
            lines.flush()


def timed(path: Path, read: Callable[[Path], str | None]) -> dict[str, object]:
    row: dict[str, object] = {"picture": path.name, "latex": None}
    wall, cpu = time.perf_counter(), time.process_time()
    try:
        row["latex"] = read(path)
    except Exception as error:  # noqa: BLE001 (whatever a system raises is a picture not read)
        row["error"] = f"{type(error).__name__}: {error}"
    return row | {"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu}


def describe(output: Path, *, parameters: int, weights: Path) -> None:
    """Keep what the table says of a system: its parameters and the bytes of its weights."""
    facts = {"parameters": parameters, "bytes": weights.stat().st_size}
    (output.parent / "system.json").write_text(json.dumps(facts), encoding="utf-8")
