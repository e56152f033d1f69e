"""Pictures of formulas that the benchmarks of train and predict share."""

from __future__ import annotations

import io
import json
import os
import tarfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from im2latex_cli.data.generated.synthetic import synthetic_formula
from im2latex_cli.latex.normalize import normalize
from im2latex_cli.render.choose import choose
from im2latex_cli.render.renderer import Page
from im2latex_cli.settings.sections import Settings
from im2latex_cli.vision.finish import finish

Labelled = tuple[NDArray[np.uint8], tuple[str, ...]]
"""A picture (H, W), 255 is paper, and the tokens of its formula."""


def labelled(count: int) -> list[Labelled]:
    """The first pictures of im2latex_val1000 where IM2LATEX_DATA is set, else generated ones."""
    folder = os.environ.get("IM2LATEX_DATA")
    return real(Path(folder), count) if folder else generated(count)


def real(folder: Path, count: int) -> list[Labelled]:
    with tarfile.open(folder / "images" / "im2latex_val1000.tar") as tar:
        files = {Path(one.name).name: one for one in tar if one.isfile()}
        lines = _read(tar, files["metadata.jsonl"]).decode().splitlines()
        rows = [json.loads(line) for line in lines[:count]]
        pictures = [_read(tar, files[row["file_name"]]) for row in rows]
    return [
        (np.asarray(Image.open(io.BytesIO(data)).convert("L")), normalize(row["formula"]).tokens)
        for row, data in zip(rows, pictures, strict=True)
    ]


def generated(count: int) -> list[Labelled]:
    formulas = [synthetic_formula(0, index) for index in range(2 * count)]
    settings = Settings().render.model_copy(update={"renderer": "embedded"})
    pages = choose(settings).render(formulas)
    found = [
        (finish(page.ink)[0], normalize(formula).tokens)
        for formula, page in zip(formulas, pages, strict=True)
        if isinstance(page, Page)
    ]
    return found[:count]


def _read(tar: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    file = tar.extractfile(member)
    return file.read() if file else b""


def describe(pictures: list[Labelled]) -> str:
    """Where they come from, and how large they are."""
    kind = "im2latex_val1000" if os.environ.get("IM2LATEX_DATA") else "generated"
    height, width = np.median([picture.shape for picture, _ in pictures], axis=0).astype(int)
    tokens = int(np.median([len(tokens) for _, tokens in pictures]))
    return f"{len(pictures)} pictures ({kind}), median {height} x {width} pixels, {tokens} tokens"
