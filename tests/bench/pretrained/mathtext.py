"""Draw formulas as matplotlib does, into an image folder that `im2latex build --dataset` reads.

`python mathtext.py FORMULAS.tsv OUTPUT [--count N]`. Each picture has a font set, size, resolution
and colours of its own; formulas that mathtext does not know are left out. Needs matplotlib.
"""

from __future__ import annotations

import argparse
import json
import re
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from random import Random
from typing import Any

import matplotlib as mpl
import numpy as np
from browser import COLOURS
from matplotlib.font_manager import FontProperties
from matplotlib.mathtext import MathTextParser
from PIL import Image, ImageColor

FONT_SETS = ("dejavusans", "dejavusans", "stix", "stix", "stixsans", "dejavuserif", "cm")
DRAWN_OTHERWISE = re.compile(
    r"\\(?:colon|limits|nolimits|displaystyle|textstyle|phantom|[hv]phantom|smash|ldotp|cdotp)\b"
)
"""What mathtext draws unlike TeX without saying so."""
WIDEST, HIGHEST = 1600, 600
HINTING = ("force_autohint", "default", "no_hinting")


def draw(formula: str, random: Random) -> tuple[Image.Image, dict[str, Any]] | None:
    """A picture and how it was drawn; None if mathtext does not draw the formula."""
    if DRAWN_OTHERWISE.search(formula):
        return None
    look = random.choice(FONT_SETS)
    size, dpi = (
        round(7 + 13 * random.random() ** 1.5, 1),
        random.choice((72, 80, 100, 100, 150, 200)),
    )
    ink, paper = random.choice(COLOURS)
    settings = {"mathtext.fontset": look, "text.hinting": random.choice(HINTING)}
    # A parser remembers what it drew, whatever the settings were.
    parser = MathTextParser("agg")
    with mpl.rc_context(settings):
        try:
            mask = np.asarray(parser.parse(f"${formula}$", dpi, FontProperties(size=size)).image)
        except (ValueError, KeyError, RuntimeError, AttributeError, TypeError):
            return None
    if mask.ndim != 2 or not mask.any() or mask.shape[0] > HIGHEST or mask.shape[1] > WIDEST:
        return None
    margin = random.randint(2, 12)
    alpha = np.pad(mask, margin)[:, :, None] / 255.0
    colours = (np.array(ImageColor.getrgb(colour), dtype=float) for colour in (ink, paper))
    front, back = colours
    picture = Image.fromarray(np.rint(alpha * front + (1 - alpha) * back).astype(np.uint8))
    return picture, {
        "look": f"mathtext-{look}",
        "size": size,
        "dpi": dpi,
        "ink": ink,
        "paper": paper,
    }


def pictures(
    formulas: Sequence[str], random: Random
) -> Iterator[tuple[str, Image.Image, dict[str, Any]]]:
    """Formula, picture and how it was drawn."""
    for formula in formulas:
        drawn = draw(formula, random)
        if drawn is not None:
            yield formula, *drawn


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("formulas", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    names, *rows = options.formulas.read_text(encoding="utf-8").split("\n")
    column, random = names.split("\t").index("formula"), Random(options.seed)
    formulas = [row.split("\t")[column] for row in rows if row]
    random.shuffle(formulas)
    options.output.mkdir(parents=True, exist_ok=True)
    began, number = time.monotonic(), 0
    with (options.output / "metadata.jsonl").open("w", encoding="utf-8") as rows_file:
        drawn = pictures(formulas[: options.count], random)
        for number, (formula, picture, how) in enumerate(drawn, start=1):
            name = f"{number:06}.png"
            picture.save(options.output / name, compress_level=1)
            row = {"file_name": name, "formula": formula, **how}
            rows_file.write(json.dumps(row, ensure_ascii=False) + "\n")
    print(f"{number:,} pictures, {number / (time.monotonic() - began):.0f} a second")


if __name__ == "__main__":
    main()
