"""Fit the network of `im2latex_cli.vision.foreign`, and say what it finds.

Run with IM2LATEX_DATA pointing at a folder with formulas and pictures, with `latex` on PATH and
with the fonts of Debian's packages fonts-breip, fonts-bwht, fonts-femkeklaver, fonts-rufscript,
fonts-sjfonts, fonts-dkg-handwriting, fonts-arphic-ukai, fonts-wqy-microhei, fonts-wqy-zenhei,
fonts-seto, fonts-klee and fonts-unfonts-core:
`python tests/bench/fit_foreign_ink.py im2latex_cli/vision/foreign_ink.npz`.
"""

from __future__ import annotations

import gzip
import os
import random
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont

from im2latex_cli.data.sources.imagefolder import open_pairs
from im2latex_cli.errors import InputError
from im2latex_cli.render.embedded.renderer import EmbeddedRenderer
from im2latex_cli.render.renderer import Page
from im2latex_cli.render.tex.renderer import TexRenderer
from im2latex_cli.settings.sections import RenderSettings
from im2latex_cli.vision import foreign
from im2latex_cli.vision.augment import augment
from im2latex_cli.vision.finish import finish
from im2latex_cli.vision.image import open_grey
from im2latex_cli.vision.ink import Ink
from im2latex_cli.vision.prepare import Preprocessing, prepare

FONTS = Path("/usr/share/fonts/truetype")
BWHT = FONTS.parent / "opentype" / "bwht"
HAN = "".join(map(chr, range(0x4E00, 0x9FA5)))
KANA = "".join(map(chr, (*range(0x3041, 0x3097), *range(0x30A1, 0x30FB))))
HANGUL = "".join(map(chr, range(0xAC00, 0xD7A4)))
LATIN = "abcdefghijklmnopqrstuvwxyz" * 3 + "ABCDEFGHKLMNPRSTV0123456789xyznfa=+-()"
WRITTEN = "abcdefghkmnpqrstuvxyz" * 2 + "ABCDEFGHKLMNPRST0123456789=+()xyz2n"
FITTED: dict[str, list[tuple[Path, str]]] = {
    "cjk": [
        (FONTS / "wqy/wqy-microhei.ttc", HAN + KANA * 20),
        (FONTS / "arphic/ukai.ttc", HAN),
        (FONTS / "unfonts-core/UnBatang.ttf", HANGUL),
    ],
    "hand": [
        (FONTS / "breip/Breip.ttf", WRITTEN),
        (FONTS / "femkeklaver/femkeklaver.ttf", WRITTEN),
        (FONTS / "fifthhorseman/dkg.ttf", WRITTEN),
        (FONTS / "sjfonts/SteveHand.ttf", WRITTEN),
        *((BWHT / f"BecauseWe{name}-Regular.otf", WRITTEN) for name in ("Build", "Connect")),
    ],
    "print": [
        (FONTS / "dejavu/DejaVuSans.ttf", LATIN),
        (FONTS / "dejavu/DejaVuSerif.ttf", LATIN),
        (FONTS.parent / "opentype/urw-base35/NimbusRoman-Regular.otf", LATIN),
        (FONTS.parent / "opentype/urw-base35/NimbusRoman-Italic.otf", LATIN),
    ],
}
HELD_OUT: dict[str, list[tuple[Path, str]]] = {
    "cjk": [
        (FONTS / "wqy/wqy-zenhei.ttc", HAN),
        (FONTS / "seto/setofont.ttf", HAN + KANA * 20),
        (FONTS / "unfonts-core/UnDotum.ttf", HANGUL),
    ],
    "hand": [
        (FONTS / "rufscript/Rufscript010.ttf", WRITTEN),
        (FONTS / "sjfonts/Delphine.ttf", WRITTEN),
        *((BWHT / f"BecauseWe{name}-Regular.otf", WRITTEN) for name in ("Learn", "Mentor")),
    ],
    "print": [(FONTS.parent / "opentype/urw-base35/P052-Roman.otf", LATIN)],
}
Grey = np.ndarray


def formulas(data: Path, draw: random.Random, count: int) -> list[str]:
    """Half of the formulas from articles, half from textbooks."""
    articles = (data / "im2latex100k" / "train.norm.txt").read_text().splitlines()
    with gzip.open(data / "formulas" / "train.tsv.gz", "rt") as stream:
        books = [line.rstrip("\n").split("\t")[2] for line in stream][1:]
    return draw.sample(articles, count // 2) + draw.sample(books, count // 2)


def printed(data: Path, draw: random.Random) -> Iterator[Grey]:
    """Formulas in every typeface that there is, as built, scanned, and at odd sizes."""
    rng = np.random.default_rng(0)
    chosen = formulas(data, draw, 3000)
    for settings, part in ((RenderSettings(), chosen[::2]), (RenderSettings(fonts=1.0), chosen)):
        for page in TexRenderer(settings).render(part):
            yield from _varied(page, draw, rng)
    for page in EmbeddedRenderer(RenderSettings()).render(chosen[::4]):
        yield from _varied(page, draw, rng)


def _varied(page: object, draw: random.Random, rng: np.random.Generator) -> Iterator[Grey]:
    if not isinstance(page, Page):
        return
    way = draw.random()
    if way < 0.4:
        look = "im2latex" if draw.random() < 0.5 else "smooth"
        yield finish(page.ink, look=look, padding=8, buckets=False)[0]
    elif way < 0.7:
        built = finish(page.ink, look="smooth", padding=8, buckets=False)[0]
        yield augment(built, rng)[0]
    else:
        yield _resized(page.ink, draw.uniform(0.45, 1.6))


def _resized(page: Grey, factor: float) -> Grey:
    image = Image.fromarray(page)
    size = (max(8, round(image.width * factor)), max(8, round(image.height * factor)))
    return np.asarray(image.resize(size, Image.Resampling.BICUBIC))


def written(font: Path, alphabet: str, draw: random.Random, *, loose: bool) -> Grey:
    """A line of signs; loose ones dance and turn a little, as a hand's do."""
    size = draw.randint(22, 60)
    face = ImageFont.truetype(str(font), size)
    page = Image.new("L", (size * 14, size * 4), 255)
    left = float(size)
    for _ in range(draw.randint(4, 11)):
        sign = draw.choice(alphabet)
        sheet = Image.new("L", (2 * size, 2 * size), 255)
        ImageDraw.Draw(sheet).text((size // 2, size // 4), sign, font=face, fill=draw.randrange(60))
        if loose:
            sheet = sheet.rotate(draw.uniform(-9, 9), Image.Resampling.BICUBIC, fillcolor=255)
        shift = draw.uniform(-0.12, 0.12) * size if loose else 0.0
        ink = Image.eval(sheet, lambda level: 255 - level)
        page.paste(0, (round(left), size + round(shift)), ink)
        left += face.getlength(sign) * (draw.uniform(0.95, 1.3) if loose else 1.0)
    return np.asarray(page)


def scribble(draw: random.Random) -> Grey:
    """Curves of a pen, a few strokes to a sign."""
    image = Image.new("L", (900, 240), 255)
    pen, left = draw.choice((2, 3, 4, 5)), 30.0
    for _ in range(draw.randint(4, 11)):
        size, level = draw.uniform(35, 80), 110 + draw.uniform(-15, 15)
        for _ in range(draw.randint(1, 3)):
            ends = [
                (left + draw.uniform(0, 0.7 * size), level + draw.uniform(-size / 2, size / 2))
                for _ in range(4)
            ]
            ImageDraw.Draw(image).line(_curve(ends), fill=draw.randrange(80), width=pen)
        left += 0.8 * size
    return np.asarray(image)


def _curve(ends: list[tuple[float, float]]) -> list[tuple[float, float]]:
    steps = np.linspace(0, 1, 30)[:, None]
    weights = np.hstack(
        [(1 - steps) ** 3, 3 * steps * (1 - steps) ** 2, 3 * steps**2 * (1 - steps), steps**3]
    )
    return [(float(x), float(y)) for x, y in weights @ np.array(ends)]


def beside(formula: Grey, other: Grey) -> Grey:
    """A formula and, at its right, something else."""
    height = max(len(formula), len(other))
    page = np.full((height, formula.shape[1] + other.shape[1]), 255, np.uint8)
    for part, left in ((formula, 0), (other, formula.shape[1])):
        top = (height - len(part)) // 2
        page[top : top + len(part), left : left + part.shape[1]] = part
    return page


def lines(fonts: list[tuple[Path, str]], draw: random.Random, count: int, *, loose: bool) -> list:
    """`count` lines, each in one of the fonts."""
    return [written(*draw.choice(fonts), draw, loose=loose) for _ in range(count)]


def ready(pictures: Iterator[Grey] | list[Grey]) -> list[Grey]:
    """What `prepare` makes of them."""
    made = []
    for picture in pictures:
        try:
            made.append(prepare(picture, Preprocessing()))
        except InputError:
            continue
    return made


def pieces(pictures: list[Grey]) -> np.ndarray:
    """All pieces of ink of the pictures, described."""
    return np.concatenate([foreign.describe(Ink(picture)) for picture in pictures])


def fit(good: np.ndarray, bad: np.ndarray) -> list[np.ndarray]:
    """Weights and biases of the layers, input scaling folded in."""
    torch.manual_seed(0)
    inputs = torch.tensor(np.concatenate((good, bad)))
    wanted = torch.cat((torch.zeros(len(good)), torch.ones(len(bad))))
    weight = torch.where(wanted > 0, 0.5 * len(good) / len(bad), 1.0)
    mean, deviation = inputs.mean(0), inputs.std(0) + 1e-3
    layers = [torch.nn.Linear(inputs.shape[1], 64), torch.nn.ReLU(), torch.nn.Linear(64, 24)]
    network = torch.nn.Sequential(*layers, torch.nn.ReLU(), torch.nn.Linear(24, 1))
    optimiser = torch.optim.AdamW(network.parameters(), lr=3e-3, weight_decay=0.01)
    steps = 2000
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 6e-3, total_steps=steps)
    scaled = (inputs - mean) / deviation
    for _ in range(steps):
        at = torch.randint(len(scaled), (1024,))
        told = network(scaled[at])[:, 0]
        loss = torch.nn.functional.binary_cross_entropy_with_logits(
            told, wanted[at], weight=weight[at]
        )
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
    found = [[layer.weight.detach().T, layer.bias.detach()] for layer in network[::2]]
    found[0][0] = found[0][0] / deviation[:, None]
    found[0][1] = found[0][1] - mean @ found[0][0]
    return [value.numpy() for pair in found for value in pair]


def report(name: str, pictures: list[Grey]) -> None:
    """Say in how many pictures something foreign was found."""
    hits = sum(foreign.is_foreign(Ink(picture)) for picture in pictures)
    print(f"{name:28} {hits:5} of {len(pictures):5}  {100 * hits / max(1, len(pictures)):.1f} %")


def main() -> None:
    """Fit, save, and report on fonts and formulas that were not fitted to."""
    data, target = Path(os.environ["IM2LATEX_DATA"]), Path(sys.argv[1])
    draw = random.Random(0)
    print("drawing", flush=True)
    good = ready(printed(data, draw)) + ready(lines(FITTED["print"], draw, 500, loose=False))
    bad = (
        ready(lines(FITTED["cjk"], draw, 900, loose=False))
        + ready(lines(FITTED["hand"], draw, 900, loose=True))
        + ready([scribble(draw) for _ in range(600)])
    )
    print("fitting", flush=True)
    layers = fit(pieces(good), pieces(bad))
    np.savez_compressed(target, *(layer.astype(np.float16) for layer in layers))
    foreign._layers.cache_clear()
    formula = []
    for name in ("im2latex_val1000", "im2latex_original_valid", "school_print_valid"):
        pairs = open_pairs(data / "images" / f"{name}.tar")
        held = ready([open_grey(pairs.picture(pair.id), name=pair.id) for pair in pairs])
        formula += [_resized(one, 2) for one in held[:60]]
        report(name, held)
    report("printed words", ready(lines(HELD_OUT["print"], draw, 200, loose=False)))
    report("CJK", ready(lines(HELD_OUT["cjk"], draw, 300, loose=False)))
    report("handwriting", ready(lines(HELD_OUT["hand"], draw, 300, loose=True)))
    report("scribbles", ready([scribble(draw) for _ in range(300)]))
    others = lines(HELD_OUT["cjk"], draw, 200, loose=False)
    report("a formula and CJK", ready([beside(draw.choice(formula), one) for one in others]))


if __name__ == "__main__":
    main()
