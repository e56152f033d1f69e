"""What each distortion costs: the same pictures through `im2latex predict`, distorted.

Takes the first 300 pictures of im2latex_val1000.tar. Each picture is distorted, written as a PNG
or JPEG file in memory, and read through the door of `predict`, which cuts equation numbers off.
Prints a markdown table: edit similarity on normalised tokens, and its loss against the undistorted
pictures with a 95 % interval from the same resampled pictures. Needs IM2LATEX_DATA.
`python tests/bench/bench_distortions.py [--limit N] [--model M] [--beam K] [--only NAME ...]`.
"""

from __future__ import annotations

import argparse
import io
import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from itertools import repeat
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from im2latex_cli.evaluate import forms, intervals, text
from im2latex_cli.evaluate.forms import Example
from im2latex_cli.progress import SilentReporter
from im2latex_cli.recognition.recognizer import Recognizer
from im2latex_cli.render.choose import choose
from im2latex_cli.render.renderer import Page
from im2latex_cli.services.evaluating.inputs import LabelledPicture, read_labelled
from im2latex_cli.services.reading import predict
from im2latex_cli.settings.sections import RenderSettings
from im2latex_cli.settings.sources import SettingValue, resolve
from im2latex_cli.vision.finish import finish
from im2latex_cli.vision.image import open_grey

PICTURES = 300
ALLOWED = 5.0
"""Points that a distortion alone may cost."""
EM = 1200 / 72.27
"""Pixels of 12 pt at 100 dots per inch, the size of the text in these pictures."""
PAGE = (827, 1169)
"""A4 at 100 dots per inch."""
TEXT_WIDTH = 540
"""Of LaTeX's article at 12 pt, at 100 dots per inch."""
PAPERS = ((255, 246, 213), (214, 232, 250), (222, 245, 221), (250, 221, 228))
INKS = ((20, 20, 40), (0, 0, 0), (60, 20, 20), (10, 50, 110))

Grey = NDArray[np.uint8]
Drawn = Callable[[Grey, Generator], Image.Image]


def grey(picture: Grey) -> Image.Image:
    return Image.fromarray(picture)


def scaled(factor: float) -> Drawn:
    def draw(picture: Grey, _draw: Generator) -> Image.Image:
        height, width = picture.shape
        size = (max(1, round(width * factor)), max(1, round(height * factor)))
        return grey(picture).resize(size, Image.Resampling.BICUBIC)

    return draw


def tinted(picture: Grey, paper: Sequence[int], ink: Sequence[int]) -> Image.Image:
    share = picture[..., None].astype(np.float64) / 255
    return Image.fromarray(np.rint(share * paper + (1 - share) * ink).astype(np.uint8))


def dark(picture: Grey, _draw: Generator) -> Image.Image:
    return tinted(picture, (30, 30, 34), (222, 222, 215))


def transparent(picture: Grey, _draw: Generator) -> Image.Image:
    levels = np.stack([np.zeros_like(picture), 255 - picture], axis=-1)
    return Image.fromarray(levels)


def coloured(picture: Grey, draw: Generator) -> Image.Image:
    which = int(draw.integers(len(PAPERS)))
    return tinted(picture, PAPERS[which], INKS[which])


def grey_paper(picture: Grey, _draw: Generator) -> Image.Image:
    return grey(np.asarray(tinted(picture, (190,) * 3, (40,) * 3).convert("L")))


def blurred(picture: Grey, _draw: Generator) -> Image.Image:
    return grey(picture).filter(ImageFilter.GaussianBlur(0.7))


def rotated(picture: Grey, draw: Generator) -> Image.Image:
    angle = 2.0 if draw.random() < 0.5 else -2.0
    return grey(picture).rotate(
        angle, resample=Image.Resampling.BICUBIC, expand=True, fillcolor=255
    )


def cropped(picture: Grey, _draw: Generator | None = None) -> Image.Image:
    ink = picture < 160
    rows, columns = np.flatnonzero(ink.any(axis=1)), np.flatnonzero(ink.any(axis=0))
    return grey(picture[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1])


def on_page(picture: Grey, draw: Generator) -> Image.Image:
    height, width = picture.shape
    sheet = Image.new("L", (max(PAGE[0], width + 200), max(PAGE[1], height + 200)), 255)
    top = int(draw.integers(100, sheet.height - height - 99))
    sheet.paste(grey(picture), ((sheet.width - width) // 2, top))
    return sheet


@cache
def number(label: str) -> Image.Image:
    """An equation number as the build draws it."""
    (page,) = choose(RenderSettings()).render([label])
    assert isinstance(page, Page)
    picture, _ = finish(page.ink, look="im2latex", padding=0, buckets=False)
    return grey(picture)


def numbered(picture: Grey, draw: Generator) -> Image.Image:
    chapter, count = draw.integers(1, 10), draw.integers(1, 100)
    beside = number(f"({chapter}.{count})" if draw.random() < 0.5 else f"({count})")
    formula = cropped(picture)
    width = max(TEXT_WIDTH, formula.width + round(3 * EM) + beside.width)
    height = max(formula.height, beside.height)
    sheet = Image.new("L", (width + 16, height + 16), 255)
    # displayed formulas stand in the middle, unless that is too near to the number
    left = min((width - formula.width) // 2, width - beside.width - round(3 * EM) - formula.width)
    sheet.paste(formula, (8 + left, 8 + (height - formula.height) // 2))
    sheet.paste(beside, (8 + width - beside.width, 8 + (height - beside.height) // 2))
    return sheet


def together(picture: Grey, draw: Generator) -> Image.Image:
    """Number, page, rotation, scale, blur, and colours either way round; JPEG follows."""
    for change in (numbered, on_page, rotated):
        picture = np.asarray(change(picture, draw))
    factor = float(np.exp(draw.uniform(np.log(0.75), np.log(3))))
    picture = np.asarray(scaled(factor)(picture, draw))
    picture = np.asarray(blurred(picture, draw))
    return (dark if draw.random() < 0.5 else coloured)(picture, draw)


def png(image: Image.Image) -> bytes:
    held = io.BytesIO()
    image.save(held, "PNG", compress_level=1)
    return held.getvalue()


def jpeg(image: Image.Image) -> bytes:
    held = io.BytesIO()
    image.convert("RGB").save(held, "JPEG", quality=40)
    return held.getvalue()


PLAIN = "none"
FONT = "another font (STIX Two)"
TOGETHER = "all together, 0.75 to 3 times"
DISTORTIONS: Mapping[str, tuple[Drawn, Callable[[Image.Image], bytes]]] = {
    PLAIN: (lambda picture, _draw: grey(picture), png),
    "0.5 times": (scaled(0.5), png),
    "0.75 times": (scaled(0.75), png),
    "1.5 times": (scaled(1.5), png),
    "2 times": (scaled(2), png),
    "3 times": (scaled(3), png),
    "dark mode": (dark, png),
    "transparent PNG": (transparent, png),
    "coloured paper": (coloured, png),
    "grey paper": (grey_paper, png),
    "JPEG, quality 40": (lambda picture, _draw: grey(picture), jpeg),
    "slight blur": (blurred, png),
    "2 degrees of rotation": (rotated, png),
    "no margins": (cropped, png),
    "a full page's margins": (on_page, png),
    "an equation number": (numbered, png),
    FONT: (lambda picture, _draw: grey(picture), png),
    TOGETHER: (together, jpeg),
    f"{TOGETHER}, {FONT}": (together, jpeg),
}
REPORTED = {PLAIN, "0.5 times", TOGETHER, f"{TOGETHER}, {FONT}"}
"""Rows without a limit."""


def embedded(rows: Sequence[LabelledPicture]) -> list[Grey | None]:
    """The same formulas drawn without TeX; None where that fails."""
    pages = choose(RenderSettings(renderer="embedded")).render([row.formula for row in rows])
    return [
        finish(page.ink, look="im2latex", padding=8, buckets=True)[0]
        if isinstance(page, Page)
        else None
        for page in pages
    ]


def files(name: str, pictures: Sequence[Grey | None]) -> list[bytes | None]:
    """The distorted pictures as files; every picture has its own seed."""
    change, encode = DISTORTIONS[name]
    return [
        None if picture is None else encode(change(picture, np.random.default_rng([place, 6])))
        for place, picture in enumerate(pictures)
    ]


@cache
def recognizer(model: str, beam: int, backend: str) -> Recognizer:
    """A model, loaded once in each process and computing in one thread."""
    asked = {"decode.beam": beam, "runtime.backend": backend, "runtime.threads": 1}
    settings = resolve(SettingValue(name, value, "bench") for name, value in asked.items()).settings
    return Recognizer.from_settings(settings, model)


def read(how: tuple[str, int, str], sent: Sequence[bytes | None]) -> list[str | None]:
    """What `predict` reads; None for a picture that it cannot."""
    streams = [io.BytesIO(b"" if data is None else data) for data in sent]
    found = predict.read(recognizer(*how), streams, SilentReporter())
    return [row.hypotheses[0].latex if row.hypotheses else None for row in found]


def statistics(rows: Sequence[LabelledPicture], found: Sequence[str | None]) -> NDArray[np.int64]:
    """Per-pair statistics of the readings."""
    examples = [
        Example(row.id, row.formula, latex, row.tokens, None)
        for row, latex in zip(rows, found, strict=True)
    ]
    return text.statistics(*forms.tokens_in("normalised", examples))


def row_of(name: str, plain: NDArray[np.int64], table: NDArray[np.int64]) -> str:
    figures = {kind: text.FIGURES[kind] for kind in ("edit_similarity", "exact_match")}
    edit, exact = intervals.compare(table, plain, figures)
    if name == PLAIN:
        return f"| {name} | {edit.a:.1f} | | {exact.a:.1f} |"
    low, high = edit.difference_interval
    over = " (over)" if name not in REPORTED and edit.difference >= ALLOWED else ""
    loss = f"{edit.difference:.1f} ({low:.1f} to {high:.1f}){over}"
    return f"| {name} | {edit.a:.1f} | {loss} | {exact.a:.1f} |"


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--limit", type=int, default=PICTURES)
    parser.add_argument("--model", default="pretrained")
    parser.add_argument("--beam", type=int, default=1)
    parser.add_argument("--backend", default="auto")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--only", nargs="*", choices=list(DISTORTIONS), default=list(DISTORTIONS))
    chosen = parser.parse_args(arguments)
    folder = os.environ.get("IM2LATEX_DATA")
    if not folder:
        print("skipped: IM2LATEX_DATA is not set")
        return
    begun = time.perf_counter()
    tar = Path(folder) / "images" / "im2latex_val1000.tar"
    rows = read_labelled(tar, "test")[: chosen.limit]
    pictures = [open_grey(row.content(), name=row.image) for row in rows]
    others = embedded(rows) if any(FONT in name for name in chosen.only) else []
    names = [PLAIN, *(name for name in chosen.only if name != PLAIN)]
    print("| distortion | edit similarity | loss (95 %) | exact match |\n|---|---|---|---|")
    plain = np.zeros((0, 0), np.int64)
    how = repeat((chosen.model, chosen.beam, chosen.backend))
    with ProcessPoolExecutor(chosen.jobs, get_context("spawn")) as pool:
        sent = [files(name, others if FONT in name else pictures) for name in names]
        mapped = map(read, how, sent) if chosen.jobs == 1 else pool.map(read, how, sent)
        for name, data, readings in zip(names, sent, mapped, strict=True):
            table = statistics(rows, readings)
            plain = table if name == PLAIN else plain
            kept = np.array([one is not None for one in data])
            print(row_of(name, plain[kept], table[kept]), flush=True)
    search = "greedy" if chosen.beam == 1 else f"beam {chosen.beam}"
    minutes = (time.perf_counter() - begun) / 60
    print(
        f"\nThe first {len(rows)} pictures of im2latex_val1000, normalised, {search}, "
        f"model {chosen.model}; {minutes:.1f} minutes with {chosen.jobs} processes."
    )
    if left := sum(picture is None for picture in others):
        print(f"{left} formulas could not be drawn in the other font.", file=sys.stderr)


if __name__ == "__main__":
    main()
