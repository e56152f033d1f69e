"""What Schemathesis loads (SCHEMATHESIS_HOOKS): pictures, which no JSON Schema describes."""

import io

import schemathesis
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from im2latex_cli.serve.schemas import PICTURES

MODES = {"PNG": "L RGB RGBA P I;16", "JPEG": "L RGB CMYK", "TIFF": "L RGB I;16", "BMP": "L RGB"}
ANY = "application/octet-stream"


def draw(kind: str, mode: str, width: int, height: int, strokes: int) -> bytes:
    """Draw some strokes on paper."""
    page = Image.new("L", (width, height), 255)
    pen = ImageDraw.Draw(page)
    for stroke in range(strokes):
        left = 6 + stroke * width // (strokes + 1)
        pen.line((left, height // 4, left + 5, height * 3 // 4), fill=stroke * 20, width=2)
    held = io.BytesIO()
    page.convert(mode).save(held, kind)
    return held.getvalue()


def pictures(kind: str) -> st.SearchStrategy[bytes]:
    """Pictures of one format in every mode that it has."""
    modes = st.sampled_from(MODES.get(kind, "L RGB").split(" "))
    size = st.integers(24, 160)
    return st.builds(draw, st.just(kind), modes, size, size, st.integers(1, 8))


KINDS = {name: name.partition("/")[2].upper() for name in PICTURES if name != ANY}
for name, kind in KINDS.items():
    schemathesis.openapi.media_type(name, pictures(kind))
schemathesis.openapi.media_type(ANY, st.one_of(*map(pictures, KINDS.values())))
