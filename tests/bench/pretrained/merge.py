"""Put data sets into one: `python merge.py OUTPUT train=DIR[:COUNT] ... val=DIR ...`.

Pictures are linked, not copied. COUNT pictures are drawn at random where it is given. The result
has no vocabulary; `im2latex vocab --data OUTPUT --set vocab.min_count=8` writes it.
"""

from __future__ import annotations

import json
import os
import random
import sys
from pathlib import Path


def parts(arguments: list[str], split: str) -> list[tuple[Path, int | None]]:
    """The folders named for a split, each with its count."""
    chosen = [text.partition("=")[2] for text in arguments if text.startswith(f"{split}=")]
    cut = [text.partition(":") for text in chosen]
    return [(Path(name) / split, int(count) if count else None) for name, _, count in cut]


def main() -> None:
    output, number = Path(sys.argv[1]), 0
    for split in ("train", "val"):
        (output / split).mkdir(parents=True)
        rows = []
        for source, count in parts(sys.argv[2:], split):
            lines = (source / "metadata.jsonl").read_text(encoding="utf-8").splitlines()
            if count is not None and count < len(lines):
                lines = random.Random(0).sample(lines, count)
            for line in lines:
                row = json.loads(line)
                old, row["file_name"] = row["file_name"], f"{number:06}.png"
                os.link(source / old, output / split / row["file_name"])
                rows.append(json.dumps(row, ensure_ascii=False))
                number += 1
            print(f"{split}: {len(lines):,} of {source}")
        text = "\n".join(rows) + "\n"
        (output / split / "metadata.jsonl").write_text(text, encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
