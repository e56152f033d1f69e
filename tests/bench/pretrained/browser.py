"""Draw formulas as browsers do, into an image folder that `im2latex build --dataset` reads.

`npm install katex && python browser.py FORMULAS.tsv OUTPUT [--count N]`. Each page holds a few
hundred formulas in one typeface, pixel ratio, font size and colours: KaTeX's HTML, or its MathML
with an OpenType font. Needs Debian's chromium and chromium-driver; fonts come from
fonts-texgyre-math, fonts-lmodern, fonts-stix, fonts-oflb-asana-math, fonts-noto-core, fonts-dejavu
and texlive-fonts-extra, and those that are not installed are left out.
"""

from __future__ import annotations

import argparse
import base64
import io
import json
import re
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from random import Random
from typing import Any

from PIL import Image
from selenium import webdriver
from selenium.webdriver.chrome.service import Service

PAGE = 240
"""Formulas on a page."""
WIDEST, HIGHEST, TALLEST_PAGE = 1200, 600, 12_000
TREES = ("/usr/share/texlive/texmf-dist/fonts", "/usr/share/texmf/fonts", "/usr/share/fonts")
FILES = {
    "asana": "Asana-Math.otf",
    "bonum": "texgyrebonum-math.otf",
    "concrete": "Concrete-Math.otf",
    "dejavu": "texgyredejavu-math.otf",
    "erewhon": "Erewhon-Math.otf",
    "euler": "Euler-Math.otf",
    "fira": "FiraMath-Regular.otf",
    "garamond": "Garamond-Math.otf",
    "gfs-neohellenic": "GFSNeohellenicMath.otf",
    "kp": "KpMath-Regular.otf",
    "kp-sans": "KpMath-Sans.otf",
    "latin-modern": "latinmodern-math.otf",
    "libertinus": "LibertinusMath-Regular.otf",
    "new-computer-modern": "NewCMMath-Book.otf",
    "noto-math": "NotoSansMath-Regular.ttf",
    "pagella": "texgyrepagella-math.otf",
    "schola": "texgyreschola-math.otf",
    "stix": "STIXMath-Regular.otf",
    "stix-two": "STIXTwoMath-Regular.otf",
    "termes": "texgyretermes-math.otf",
    "xcharter": "XCharter-Math.otf",
    "xits": "XITSMath-Regular.otf",
}
FAMILIES = ("Noto Sans", "DejaVu Sans", "Noto Serif", "DejaVu Serif")
NOT_IN_MATHML = re.compile(
    r"\\(?:begin\{array\}|hline|boxed|mathscr|mathit|rule|hdashline|cancel|xleftarrow|smash|fbox)"
)
"""What browsers leave out of MathML or draw as something else."""
KATEX_SHARE = 0.3
RATIOS = (1, 1, 1, 1.25, 1.5, 2, 2, 3)
COLOURS = (
    *[("#000", "#fff")] * 4,
    *(("#24292f", "#fff"), ("#222", "#fffff8"), ("#1a3c8b", "#fff"), ("#333", "#f6f8fa")),
    *(("#e6edf3", "#0d1117"), ("#ddd", "#202124"), ("#fff", "#1e3a5f"), ("#555", "#fff")),
)
HTML = """<!doctype html><meta charset="utf-8"><link rel="stylesheet" href="{katex}/katex.min.css">
<script src="{katex}/katex.min.js"></script><style>{css}
body {{ margin: 0; background: {paper}; color: {ink}; font-size: {size}px; width: 8000px }}
.row {{ padding: 5px }} .cell {{ display: inline-block; padding: 3px }}
.katex-display {{ margin: 0 !important; text-align: left !important }}
.katex-display > .katex {{ text-align: left !important; white-space: nowrap }}
math {{ display: inline-block math !important }} annotation {{ display: none }}
</style><body></body>"""
DRAW = """
const [formulas, output, done] = arguments, cells = [];
for (const formula of formulas) {
  const row = document.createElement('div'), cell = document.createElement('span');
  row.className = 'row'; cell.className = 'cell';
  try {
    katex.render(formula, cell, {displayMode: true, throwOnError: true, strict: 'ignore', output});
    row.append(cell); document.body.append(row); cells.push(cell);
  } catch (error) { cells.push(null); }
}
document.fonts.ready.then(() => requestAnimationFrame(() => done(cells.map(cell => {
  if (!cell || cell.querySelector('merror, .katex-error')) return null;
  const box = cell.getBoundingClientRect();
  return [box.x, box.y + scrollY, box.width, box.height];
}))));
"""

Box = Sequence[float]


def typefaces() -> dict[str, str]:
    """Name -> CSS, of the typefaces that are installed."""
    found = {path.name: path for tree in TREES for path in Path(tree).rglob("*.[ot]tf")}
    faces = {
        name: f'@font-face {{ font-family: F; src: url("{found[file].as_uri()}") }}'
        " math { font-family: F }"
        for name, file in FILES.items()
        if file in found
    }
    return faces | {name.lower(): f'math {{ font-family: "{name}" }}' for name in FAMILIES}


def start() -> webdriver.Chrome:
    options = webdriver.ChromeOptions()
    options.binary_location = "/usr/bin/chromium"
    for flag in (
        *("headless=new", "no-sandbox", "disable-gpu", "disable-quic", "no-first-run"),
        *("disable-background-networking", "disable-component-update", "disable-sync"),
        *("allow-file-access-from-files", "hide-scrollbars", "force-color-profile=srgb"),
    ):
        options.add_argument(f"--{flag}")
    driver = webdriver.Chrome(options, Service("/usr/bin/chromedriver"))
    driver.set_script_timeout(120)
    return driver


def screenshot(driver: webdriver.Chrome, boxes: Sequence[Box], ratio: float) -> Image.Image:
    """The page from its corner to the last box, in device pixels."""
    width = max(box[0] + box[2] for box in boxes) + 10
    height = max(box[1] + box[3] for box in boxes) + 10
    clip = {"x": 0, "y": 0, "width": width, "height": height, "scale": 1}
    command = {"format": "png", "captureBeyondViewport": True, "clip": clip}
    answer = driver.execute_cdp_cmd("Page.captureScreenshot", command)
    return Image.open(io.BytesIO(base64.b64decode(answer["data"]))).convert("RGB")


def usable(boxes: Sequence[Box | None], ratio: float) -> dict[int, Box]:
    """Boxes that are not too large, down to the longest page that a screenshot holds."""
    kept = {}
    for index, box in enumerate(boxes):
        if box is None or not (2 < box[2] < WIDEST and 2 < box[3] < HIGHEST):
            continue
        if (box[1] + box[3]) * ratio < TALLEST_PAGE:
            kept[index] = box
    return kept


def pages(
    driver: webdriver.Chrome, formulas: Sequence[str], katex: str, scratch: Path, random: Random
) -> Iterator[tuple[str, Image.Image, dict[str, Any]]]:
    """Formula, picture and how it was drawn."""
    faces = typefaces()
    waiting = list(formulas)
    while waiting:
        chunk, waiting = waiting[:PAGE], waiting[PAGE:]
        name = "katex" if random.random() < KATEX_SHARE else random.choice(list(faces))
        if name != "katex":
            chunk = [formula for formula in chunk if not NOT_IN_MATHML.search(formula)]
        ratio, (ink, paper) = random.choice(RATIOS), random.choice(COLOURS)
        size = round(10 + 16 * random.random() ** 1.5)
        scratch.write_text(
            HTML.format(katex=katex, css=faces.get(name, ""), ink=ink, paper=paper, size=size),
            encoding="utf-8",
        )
        metrics = {"width": 1300, "height": 900, "deviceScaleFactor": ratio, "mobile": False}
        driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
        driver.get(scratch.as_uri())
        output = "html" if name == "katex" else "mathml"
        boxes = usable(driver.execute_async_script(DRAW, chunk, output), ratio)
        if not boxes:
            continue
        page = screenshot(driver, list(boxes.values()), ratio)
        for index, (x, y, width, height) in boxes.items():
            margin = 4 * random.random()
            corner = [max(0, round((at - margin) * ratio)) for at in (x, y)]
            end = [round((x + width + margin) * ratio), round((y + height + margin) * ratio)]
            told = {"look": name, "size": size, "ratio": ratio, "ink": ink, "paper": paper}
            yield chunk[index], page.crop((*corner, *end)), told


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("formulas", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--katex", type=Path, default=Path("node_modules/katex/dist"))
    options = parser.parse_args()
    names, *rows = options.formulas.read_text(encoding="utf-8").split("\n")
    column, random = names.split("\t").index("formula"), Random(options.seed)
    formulas = [row.split("\t")[column] for row in rows if row]
    random.shuffle(formulas)
    options.output.mkdir(parents=True, exist_ok=True)
    began, number = time.monotonic(), 0
    scratch, katex = (options.output / "page.html").resolve(), options.katex.resolve().as_uri()
    driver = start()
    try:
        with (options.output / "metadata.jsonl").open("w", encoding="utf-8") as rows_file:
            drawn = pages(driver, formulas[: options.count], katex, scratch, random)
            for number, (formula, picture, told) in enumerate(drawn, start=1):
                name = f"{number:06}.png"
                picture.save(options.output / name, compress_level=1)
                row = {"file_name": name, "formula": formula, **told}
                rows_file.write(json.dumps(row, ensure_ascii=False) + "\n")
    finally:
        driver.quit()
        scratch.unlink(missing_ok=True)
    print(f"{number:,} pictures, {number / (time.monotonic() - began):.0f} a second")


if __name__ == "__main__":
    main()
