"""Pages of prose, code, tables and figures without a formula, to count what is found on them.

python tests/bench/plain_pages.py OUTPUT [PAGES]
im2latex pages eval --data OUTPUT
"""

from __future__ import annotations

import sys
from itertools import count, islice
from pathlib import Path

from im2latex_cli import files
from im2latex_cli.pages import store
from im2latex_cli.pages.typeset import PageTypesetter
from im2latex_cli.vision.finish import encode_png

DPI = 150
SEED = 900
FORMULA = [["x", "=", "y"]]


def main() -> None:
    """Write the pages and their metadata."""
    folder = Path(sys.argv[1]) / "test"
    wanted = int(sys.argv[2]) if len(sys.argv) > 2 else 200
    folder.mkdir(parents=True)
    typesetter = PageTypesetter(dpi=DPI, plain=1.0)
    made = (page for seed in count(SEED) for page in typesetter.pages(FORMULA, seed))
    rows = []
    for number, page in enumerate(islice(made, wanted)):
        name = f"{number:06d}.png"
        files.write_bytes(folder / name, encode_png(page.ink))
        size = page.ink.shape[1], page.ink.shape[0]
        rows.append(
            store.to_row(
                name, size, page.regions, dpi=DPI, layout=page.layout, typeface=page.typeface
            )
        )
    store.write_rows(folder, rows)


if __name__ == "__main__":
    main()
