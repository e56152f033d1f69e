"""Print the scores of an evaluation by a field of the pictures' metadata.

    im2latex eval-text --model pretrained --data PICTURES.tar --output results/pictures
    python tests/bench/score_by_field.py results/pictures PICTURES.tar look

The rows are Markdown: the value of the field, the number of pictures, and edit similarity and exact
match of the LaTeX in normal form without spacing, in percent.
"""

from __future__ import annotations

import argparse
import json
import tarfile
from collections import defaultdict
from pathlib import Path

from im2latex_cli.data import predictions
from im2latex_cli.evaluate import text
from im2latex_cli.latex.normalize import normalize

METADATA = "metadata.jsonl"


def fields(pictures: Path, field: str) -> dict[str, str]:
    """The field's value for each picture, by file name."""
    if pictures.is_dir():
        content = (pictures / METADATA).read_bytes()
    else:
        with tarfile.open(pictures) as archive:
            member = archive.extractfile(METADATA)
            content = member.read() if member else b""
    rows = [json.loads(line) for line in content.splitlines() if line.strip()]
    return {row["file_name"]: str(row.get(field, "")) for row in rows}


def tokens(latex: str) -> tuple[str, ...]:
    """The normal form without spacing."""
    return normalize(latex, spacing="drop").tokens


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("results", type=Path)
    parser.add_argument("pictures", type=Path)
    parser.add_argument("field")
    options = parser.parse_args()
    values = fields(options.pictures, options.field)
    groups = defaultdict(list)
    for row in predictions.read(options.results / "predictions.jsonl"):
        best = tokens(row.hypotheses[0].latex) if row.hypotheses else None
        for group in (values[row.id], "all"):
            groups[group].append((tokens(row.reference), best))
    for group, pairs in sorted(groups.items(), key=lambda item: (item[0] == "all", item[0])):
        scores = text.score(*zip(*pairs, strict=True))
        print(
            f"| {group} | {len(pairs)} | {scores.edit_similarity:.1f} | {scores.exact_match:.1f} |"
        )


if __name__ == "__main__":
    main()
