"""Read pictures with this project's default model and search: `read_ours.py PICTURES OUTPUT`."""

from __future__ import annotations

import sys
from pathlib import Path

from adapter import describe, read_folder

from im2latex_cli import checkpoints, load
from im2latex_cli.recognition.models import find_model


def main(pictures: Path, output: Path) -> None:
    recognizer = load(device="cpu", threads=1)
    file = find_model("pretrained")
    network = checkpoints.load(file).network()
    count = sum(parameter.numel() for parameter in network.parameters())
    describe(output, parameters=count, weights=file)
    read_folder(pictures, output, lambda path: recognizer(path).latex)


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
