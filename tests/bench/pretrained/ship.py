"""Make a run's model the shipped one: `python ship.py RUN OUTPUT.safetensors VERSION FILE.tar ...`.

Fits the confidence to pictures of the image folders that training did not see, `--limit` of each,
read with beam 5 at several scales, and stores 16-bit weights. A reading is right if it means what
the label means: their forms `equivalent` are the same.
"""

from __future__ import annotations

import argparse
import io
import json
import tarfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from random import Random

from score import bare

from im2latex_cli import checkpoints
from im2latex_cli.decoding.calibration import Calibration, calibration_error
from im2latex_cli.evaluate.forms import equivalent
from im2latex_cli.recognition.recognizer import Recognizer
from im2latex_cli.settings.sections import DecodeSettings

BATCH = 64


def labelled(path: Path, limit: int) -> Iterator[tuple[bytes, tuple[str, ...]]]:
    """Pictures and forms of labels, drawn at random."""
    with tarfile.open(path) as archive:
        names = {Path(name).name: name for name in archive.getnames()}

        def read(name: str) -> bytes:
            file = archive.extractfile(names[name])
            assert file is not None
            return file.read()

        lines = read("metadata.jsonl").decode().split("\n")
        rows = [json.loads(line) for line in lines if line]
        for row in Random(0).sample(rows, min(limit, len(rows))):
            yield read(Path(row["file_name"]).name), meaning(row["formula"])


def meaning(formula: str) -> tuple[str, ...]:
    return equivalent(bare(formula))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument("version")
    parser.add_argument("data", type=Path, nargs="+")
    parser.add_argument("--limit", type=int, default=150)
    options = parser.parse_args()
    model = checkpoints.load(options.run / "last.safetensors")
    plain = {key: value for key, value in model.info.items() if key != "calibration"}
    plain |= {"name": "formula", "version": options.version}
    checkpoints.save(options.output, replace(model, info=plain), half=True)
    recognizer = Recognizer.load(options.output, decode=DecodeSettings(), backend="torch")
    by_set: dict[str, list[tuple[float, int, bool]]] = {}
    for path in options.data:
        pairs = list(labelled(path, options.limit))
        for start in range(0, len(pairs), BATCH):
            batch = pairs[start : start + BATCH]
            pictures = [recognizer.prepare(io.BytesIO(picture).getvalue()) for picture, _ in batch]
            for (_, label), found in zip(batch, recognizer.read(pictures), strict=True):
                best = found[0]
                right = meaning(best.latex) == label
                by_set.setdefault(path.stem, []).append((best.score, len(best.token_scores), right))
    rows = [row for group in by_set.values() for row in group]
    fitted = Calibration.fit(*(list(column) for column in zip(*rows, strict=True)))
    if fitted is None:
        raise SystemExit("All readings are right, or all are wrong: nothing can be fitted.")
    for name, group in by_set.items():
        confidences = [fitted(score, count) for score, count, _ in group]
        right = [row[2] for row in group]
        error = calibration_error(confidences, right)
        print(f"{name}: {100 * sum(right) / len(right):.1f} % right, calibration error {error:.3f}")
    info = {**plain, "calibration": fitted.to_json()}
    checkpoints.save(options.output, replace(model, info=info), half=True)


if __name__ == "__main__":
    main()
