"""Read pictures with pix2tex: `read_pix2tex.py PICTURES OUTPUT WEIGHTS SCALE`.

The network that guesses a picture's best size is in no package, so the caller chooses a scale.
The most likely token is taken each time (temperature near 0), where pix2tex draws one by default.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from types import ModuleType

from adapter import describe, read_folder

GREEDY = 1e-5


def main(pictures: Path, output: Path, weights: Path, scale: float) -> None:
    os.environ["NO_ALBUMENTATIONS_UPDATE"] = "1"  # it would ask a server for its newest version
    # timm imports torchvision, whose wheel for CUDA cannot register its operators beside a PyTorch
    # for the CPU; pix2tex calls none of them.
    sys.modules["torchvision._meta_registrations"] = ModuleType("torchvision._meta_registrations")
    import torch
    from munch import Munch
    from PIL import Image
    from pix2tex import cli

    torch.set_num_threads(1)
    cli.clipboard.copy = lambda _text: None
    chosen = Munch(
        config="settings/config.yaml",
        checkpoint=str(weights.resolve()),
        no_cuda=True,
        no_resize=True,
        temperature=GREEDY,
    )
    reader = cli.LatexOCR(chosen)
    count = sum(parameter.numel() for parameter in reader.model.parameters())
    describe(output, parameters=count, weights=weights)

    def read(path: Path) -> str:
        picture = Image.open(path)
        if scale != 1:
            size = tuple(max(1, round(side * scale)) for side in picture.size)
            picture = picture.convert("L").resize(size, Image.Resampling.LANCZOS)
        return reader(picture)

    read_folder(pictures, output, read)


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:4]), float(sys.argv[4]))
