"""Writing that no font drew, for tests; named in `pythonpath`."""

import random

import numpy as np
from PIL import Image, ImageDraw


def scribble(seed: int) -> Image.Image:
    """Bezier curves of a pen, two strokes to a sign."""
    draw = random.Random(seed)
    image = Image.new("L", (800, 240), 255)
    for sign in range(9):
        for _ in range(2):
            ends = np.array([(draw.uniform(0, 50), draw.uniform(-35, 35)) for _ in range(4)])
            at = np.linspace(0, 1, 30)[:, None]
            weights = ((1 - at) ** 3, 3 * at * (1 - at) ** 2, 3 * at**2 * (1 - at), at**3)
            curve = sum(weight * end for weight, end in zip(weights, ends, strict=True))
            line = [(x + 40 + 75 * sign, y + 110) for x, y in curve.tolist()]
            ImageDraw.Draw(image).line(line, fill=20, width=4)
    return image
