"""Score a model: `python score.py MODEL OUTPUT FILE.tar ... [--limit N] [--beam N] [--wrong FILE]`.

Runs `im2latex eval-text` on each file and prints edit similarity and exact match in the normal form
without spacing, and exact match and calibration error with one spelling for what means the same
(`equivalent`); also by the fields `look` and `construct` of the files' rows, by
length of the formula, and the readings that are wrong where `--wrong` names a file for them.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tarfile
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rapidfuzz.distance import Levenshtein

from im2latex_cli.decoding.calibration import calibration_error
from im2latex_cli.evaluate.forms import equivalent
from im2latex_cli.latex.normalize import normalize
from im2latex_cli.latex.tokenizer import join

SOME_FAILED = 7
"""Exit code of `eval-text` if a picture could not be read: it counts as wrong."""
LENGTHS = {4: "up to 4 tokens", 12: "5-12", 40: "13-40", 120: "41-120", 10**9: "longer"}


@dataclass
class Row:
    """One picture: its fields, the forms of label and reading, and what the reader claims."""

    fields: dict[str, Any]
    reference: tuple[str, ...]
    reading: tuple[str, ...]
    confidence: float

    @property
    def right(self) -> bool:
        return self.reference == self.reading

    @property
    def equivalent(self) -> bool:
        return equivalent(self.reference) == equivalent(self.reading)

    @property
    def edits(self) -> int:
        return Levenshtein.distance(self.reference, self.reading)

    @property
    def tokens(self) -> int:
        return max(len(self.reference), len(self.reading))


def bare(formula: str) -> tuple[str, ...]:
    """The normal form without spacing, of what the normal form itself says of the formula."""
    return normalize(join(normalize(formula).tokens), spacing="drop").tokens


def fields(path: Path) -> dict[str, dict[str, Any]]:
    with tarfile.open(path) as archive:
        (name,) = [one for one in archive.getnames() if one.endswith("metadata.jsonl")]
        file = archive.extractfile(name)
        assert file is not None
        rows = [json.loads(line) for line in file.read().decode().split("\n") if line]
    return {row["file_name"]: row for row in rows}


def read(predictions: Path, data: Path) -> list[Row]:
    known, rows = fields(data), []
    with predictions.open(encoding="utf-8") as lines:
        for line in lines:
            row = json.loads(line)
            best = row["hypotheses"][0] if row["hypotheses"] else {"latex": "", "confidence": 0.0}
            told = known.get(row["id"], {})
            label = told.get("formula", row["reference"])
            rows.append(Row(told, bare(label), bare(best["latex"]), best["confidence"]))
    return rows


def line(name: str, rows: list[Row]) -> str:
    edit = 100 * (1 - sum(row.edits for row in rows) / sum(row.tokens for row in rows))
    exact = 100 * sum(row.right for row in rows) / len(rows)
    error = calibration_error([row.confidence for row in rows], [row.equivalent for row in rows])
    same = 100 * sum(row.equivalent for row in rows) / len(rows)
    return f"| {name} | {len(rows)} | {edit:.1f} | {exact:.1f} | {same:.1f} | {error:.3f} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model")
    parser.add_argument("output", type=Path)
    parser.add_argument("data", type=Path, nargs="+")
    parser.add_argument("--limit", type=int)
    parser.add_argument("--beam", type=int, default=5)
    parser.add_argument("--wrong", type=Path)
    options = parser.parse_args()
    print("| pictures | | edit | exact | equivalent | calibration error |")
    print("|---|---|---|---|---|---|")
    wrong = []
    for data in options.data:
        output = options.output / data.stem
        command = [sys.executable, "-m", "im2latex_cli", "eval-text", "--model", options.model]
        command += ["--data", str(data), "--output", str(output), "--beam", str(options.beam)]
        command += ["--limit", str(options.limit)] if options.limit else []
        done = subprocess.run(command, check=False, capture_output=True, text=True)
        if done.returncode not in (0, SOME_FAILED):
            raise SystemExit(done.stderr)
        rows = read(output / "predictions.jsonl", data)
        print(line(f"**{data.stem}**", rows), flush=True)
        groups = defaultdict(list)
        for row in rows:
            for field in ("look", "construct"):
                if field in row.fields:
                    groups[row.fields[field]].append(row)
            length = next(name for most, name in LENGTHS.items() if len(row.reference) <= most)
            groups[length].append(row)
        for name in sorted(groups):
            print(line(f"{data.stem}: {name}", groups[name]), flush=True)
        wrong += [(data.stem, row) for row in rows if not row.right]
    if options.wrong:
        texts = [
            f"{name}\t{row.fields.get('file_name')}\t{row.confidence:.2f}\t"
            f"{join(row.reference)}\t{join(row.reading)}"
            for name, row in wrong
        ]
        options.wrong.write_text("\n".join(texts) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
