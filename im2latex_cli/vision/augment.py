"""Distortions of finished pictures, for training on pictures like those of users.

`augment` makes a picture look like a screenshot, a scan or a photo; `prepare` then follows, as it
does for a user's picture. The same generator gives the same distortions.
"""

from __future__ import annotations

import io
import math
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from im2latex_cli.errors import InputError
from im2latex_cli.vision.prepare import Preprocessing, prepare_with_frame, resize

Picture = NDArray[np.uint8]
Glyphs = NDArray[np.float32]
"""(G, 4) rows of glyphs, whose columns 1 and 2 are x and y of the centre in pixels."""

_MISJUDGED = 0.7
"""Share of pictures that are rescaled after they were prepared."""
_SPREAD, _SPREAD_OF_FEW = 0.06, 0.3
"""Standard deviations of the logarithm of the factor: of long formulas and of single glyphs."""
_FEW_GLYPHS = 32
"""Width of a picture with few glyphs, in pixels; pictures as wide or narrower spread most."""
_SMALLEST_SIDE, _LARGEST = 14, 2.2
"""Bounds: a side in pixels and a factor."""


@dataclass(frozen=True, slots=True)
class Augmentation:
    """Ranges of the distortions and how often each is applied (0 to 1).

    Attributes:
        share: pictures that are distorted at all; the other shares are of these.
        scale: smallest and largest factor, drawn evenly in its logarithm.
        scale_share: pictures that are scaled.
        rotation: largest angle either way, degrees.
        rotation_share: pictures that are rotated.
        stroke_share: pictures whose strokes become thinner or bolder.
        stroke: largest part of a pixel by which they do, on each side.
        blur_share: pictures that are blurred.
        blur: largest radius of the Gauss filter, pixels.
        jpeg_share: pictures that go through JPEG.
        jpeg_quality: lowest and highest quality.
        noise_share: pictures with noise.
        noise: largest standard deviation, grey levels.
        contrast_share: pictures with greyer ink and paper.
        paper: darkest paper, grey level.
        ink: lightest ink, grey level.
        uneven_share: pictures lit unevenly.
        inversion_share: pictures with light ink on dark paper.
        margin_share: pictures with more white around.
        margin: widest of it, pixels.
    """

    share: float = 0.6
    scale: tuple[float, float] = (0.6, 1.6)
    scale_share: float = 0.7
    rotation: float = 2.0
    rotation_share: float = 0.15
    stroke_share: float = 0.35
    stroke: float = 0.6
    blur_share: float = 0.2
    blur: float = 0.9
    jpeg_share: float = 0.2
    jpeg_quality: tuple[int, int] = (35, 90)
    noise_share: float = 0.2
    noise: float = 14.0
    contrast_share: float = 0.3
    paper: int = 190
    ink: int = 90
    uneven_share: float = 0.1
    inversion_share: float = 0.1
    margin_share: float = 0.3
    margin: int = 24


class Affine(NamedTuple):
    """Map of points from a picture to its distortion: (a x + b y + c, d x + e y + f)."""

    a: float = 1.0
    b: float = 0.0
    c: float = 0.0
    d: float = 0.0
    e: float = 1.0
    f: float = 0.0

    def apply(self, points: NDArray[Any]) -> NDArray[np.float64]:
        """Move points, (N, 2) as x and y."""
        matrix = np.array([[self.a, self.b], [self.d, self.e]])
        moved: NDArray[np.float64] = points @ matrix.T + np.array([self.c, self.f])
        return moved

    def then(self, after: Affine) -> Affine:
        """This map, followed by another."""
        return Affine(
            after.a * self.a + after.b * self.d,
            after.a * self.b + after.b * self.e,
            after.a * self.c + after.b * self.f + after.c,
            after.d * self.a + after.e * self.d,
            after.d * self.b + after.e * self.e,
            after.d * self.c + after.e * self.f + after.f,
        )


def augment(
    picture: Picture, rng: Generator, settings: Augmentation | None = None
) -> tuple[Picture, Affine]:
    """Distort a picture.

    Args:
        picture: (H, W), dark ink on white.
        rng: source of all random numbers.
        settings: ranges and shares; None takes the defaults.

    Returns:
        The distorted picture, of another size, and the map from points of the original to it.
    """
    ranges = settings or Augmentation()
    if rng.random() >= ranges.share:
        return picture, Affine()
    picture, affine = _geometry(picture, rng, ranges)
    picture = _ink(picture, rng, ranges)
    return _capture(picture, rng, ranges), affine


def _geometry(picture: Picture, rng: Generator, ranges: Augmentation) -> tuple[Picture, Affine]:
    """Margins, rotation and scale."""
    affine = Affine()
    if rng.random() < ranges.margin_share:
        top, bottom, left, right = (int(n) for n in rng.integers(0, ranges.margin + 1, 4))
        picture = np.pad(picture, ((top, bottom), (left, right)), constant_values=255)
        affine = Affine(c=left, f=top)
    if rng.random() < ranges.rotation_share:
        picture, turn = _rotate(picture, rng.uniform(-ranges.rotation, ranges.rotation))
        affine = affine.then(turn)
    if rng.random() < ranges.scale_share:
        low, high = ranges.scale
        factor = math.exp(rng.uniform(math.log(low), math.log(high)))
        picture, growth = _scale(picture, factor)
        affine = affine.then(growth)
    return picture, affine


def _rotate(picture: Picture, degrees: float) -> tuple[Picture, Affine]:
    """Turn about the middle, counter-clockwise, on a sheet that holds all of it."""
    height, width = picture.shape
    cos, sin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    new_width = math.ceil(width * cos + height * abs(sin))
    new_height = math.ceil(height * cos + width * abs(sin))
    x, y, new_x, new_y = width / 2, height / 2, new_width / 2, new_height / 2
    forth = Affine(cos, sin, new_x - cos * x - sin * y, -sin, cos, new_y + sin * x - cos * y)
    back = (cos, -sin, x - cos * new_x + sin * new_y, sin, cos, y - sin * new_x - cos * new_y)
    turned = Image.fromarray(picture).transform(
        (new_width, new_height),
        Image.Transform.AFFINE,
        back,
        resample=Image.Resampling.BILINEAR,
        fillcolor=255,
    )
    return np.asarray(turned), forth


def _scale(picture: Picture, factor: float) -> tuple[Picture, Affine]:
    height, width = picture.shape
    size = (max(8, round(width * factor)), max(8, round(height * factor)))
    scaled = Image.fromarray(picture).resize(size, Image.Resampling.BILINEAR)
    return np.asarray(scaled), Affine(a=size[0] / width, e=size[1] / height)


def _ink(picture: Picture, rng: Generator, ranges: Augmentation) -> Picture:
    """Weight of the strokes and sharpness."""
    if rng.random() < ranges.stroke_share:
        picture = _weigh(picture, rng.uniform(-ranges.stroke, ranges.stroke))
    if rng.random() < ranges.blur_share:
        blur = ImageFilter.GaussianBlur(rng.uniform(0.3, ranges.blur))
        picture = np.asarray(Image.fromarray(picture).filter(blur))
    return picture


def _weigh(picture: Picture, amount: float) -> Picture:
    """Bolder (amount > 0) or thinner strokes: a blend with the dilated or eroded ink."""
    extreme = np.minimum if amount > 0 else np.maximum
    wide = picture.copy()
    for there, here in (
        (np.s_[1:, :], np.s_[:-1, :]),
        (np.s_[:-1, :], np.s_[1:, :]),
        (np.s_[:, 1:], np.s_[:, :-1]),
        (np.s_[:, :-1], np.s_[:, 1:]),
    ):
        extreme(wide[there], picture[here], out=wide[there])
    share = round(abs(amount) * 256)
    mixed = picture.astype(np.uint16) * (256 - share) + wide.astype(np.uint16) * share
    return (mixed >> 8).astype(np.uint8)


def _capture(picture: Picture, rng: Generator, ranges: Augmentation) -> Picture:
    """Light, colours, noise and compression."""
    light = _light(picture.shape, rng, ranges)
    noisy = rng.random() < ranges.noise_share
    if rng.random() < ranges.contrast_share:
        paper, ink = rng.uniform(ranges.paper, 255), rng.uniform(0, ranges.ink)
        table = np.rint(np.linspace(ink, paper, 256)).astype(np.uint8)
        picture = table[picture]
    if light is not None or noisy:
        levels = picture.astype(np.float32)
        if light is not None:
            levels *= light
        if noisy:
            strength = np.float32(rng.uniform(2.0, ranges.noise))
            levels += strength * rng.standard_normal(picture.shape, np.float32)
        picture = np.clip(levels, 0, 255).astype(np.uint8)
    if rng.random() < ranges.inversion_share:
        picture = 255 - picture
    if rng.random() < ranges.jpeg_share:
        picture = _jpeg(picture, int(rng.integers(*ranges.jpeg_quality, endpoint=True)))
    return picture


def _light(
    shape: tuple[int, ...], rng: Generator, ranges: Augmentation
) -> NDArray[np.float32] | None:
    """Brightness that falls off in one direction, 1 at its brightest; None for even light."""
    if rng.random() >= ranges.uneven_share:
        return None
    angle, loss = rng.uniform(0, 2 * math.pi), rng.uniform(0.05, 0.3)
    across = np.linspace(-1, 1, shape[1], dtype=np.float32) * np.float32(math.cos(angle))
    down = np.linspace(-1, 1, shape[0], dtype=np.float32) * np.float32(math.sin(angle))
    slope = across[None, :] + down[:, None]
    light = 1 - loss / 2 * (1 + slope / 1.4143)
    return light.astype(np.float32)


def _jpeg(picture: Picture, quality: int) -> Picture:
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "JPEG", quality=quality)
    with Image.open(buffer) as image:
        return np.asarray(image)


class Augmenter:
    """Distorts a picture, prepares it again, and moves its glyph rows along.

    Args:
        preprocessing: the run's; the size of the text is estimated, as for a user's picture.
    """

    def __init__(self, preprocessing: Preprocessing) -> None:
        self._preprocessing = preprocessing

    def __call__(
        self, picture: NDArray[np.uint8], glyphs: Glyphs, random: np.random.Generator
    ) -> tuple[NDArray[np.uint8], Glyphs]:
        """One distortion; the picture itself where nothing readable is left of it."""
        distorted, where = augment(picture, random)
        if distorted is picture:
            return _misjudge_size(picture, glyphs, random)
        try:
            prepared, frame = prepare_with_frame(distorted, self._preprocessing)
        except InputError:
            return picture, glyphs
        points = glyphs.copy()
        corner = np.array([frame.left, frame.top])
        points[:, 1:3] = (where.apply(glyphs[:, 1:3]) + corner) * frame.scale
        return _misjudge_size(prepared, points, random)


def _misjudge_size(
    picture: NDArray[np.uint8], glyphs: Glyphs, random: np.random.Generator
) -> tuple[NDArray[np.uint8], Glyphs]:
    """Rescale a prepared picture as if the size of its text had been estimated wrongly.

    The spread of the estimate grows as glyphs get fewer: a lone letter may be large or small print.
    """
    if random.random() >= _MISJUDGED:
        return picture, glyphs
    few = min(1.0, _FEW_GLYPHS / picture.shape[1])
    factor = math.exp(random.normal(0.0, _SPREAD + (_SPREAD_OF_FEW - _SPREAD) * few))
    factor = min(max(factor, *(_SMALLEST_SIDE / side for side in picture.shape)), _LARGEST)
    rescaled = resize(picture, factor)
    points = glyphs.copy()
    points[:, 1:3] *= np.divide(rescaled.shape[::-1], picture.shape[::-1])
    return rescaled, points
