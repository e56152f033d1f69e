import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from im2latex_cli.errors import RendererError, UsageError
from im2latex_cli.services.reading.predict import Drawings
from im2latex_cli.settings.sections import RenderSettings, Settings

SETTINGS = Settings(render=RenderSettings(renderer="embedded"))
PICTURE = np.full((30, 90), 255, np.uint8)
PICTURE[10:20, 20:70] = 0


def drawings(**targets: str) -> Drawings:
    given = {name: Path(target) for name, target in targets.items()}
    return Drawings(SETTINGS, **{"attention": None, "render": None, **given})


def test_equal_names_are_numbered(tmp_path: Path) -> None:
    made = drawings(attention="{stem}.png", render=str(tmp_path / "see-{stem}.PNG"))
    assert made.targets("a") == (Path("a.png"), tmp_path / "see-a.PNG")
    assert made.targets("a") == (Path("a-2.png"), tmp_path / "see-a-2.PNG")
    assert drawings().targets("a") == (None, None)


def test_several_pictures_need_a_place_for_their_names() -> None:
    with pytest.raises(UsageError, match=r"`render`: several pictures.*\{stem\}\.png"):
        drawings(render="out.png").check(["a", None, "b"])
    assert list(drawings(render="out.png").check([None, "a", None])) == ["a"]
    several = ["a", "b", "c"]
    assert drawings(render="{stem}.png").check(several) is several
    assert drawings().check(several) is several


def test_only_two_pictures_are_looked_for() -> None:
    asked = iter(["a", "b", "c", "d"])
    with pytest.raises(UsageError):
        drawings(attention="out.png").check(asked)
    assert list(asked) == ["c", "d"]


def test_what_cannot_be_drawn_is_said_before_a_model_is_loaded(monkeypatch) -> None:
    with pytest.raises(UsageError, match=r"`attention` writes \.png or .* not out\.pdf"):
        drawings(attention="out.pdf")
    with pytest.raises(UsageError, match=r"`render` writes \.png files, not out\.gif"):
        drawings(render="out.gif")
    monkeypatch.setenv("PATH", "")
    settings = Settings(render=RenderSettings(renderer="tex"))
    with pytest.raises(RendererError):
        Drawings(settings, attention=None, render=Path("out.png"))


def test_the_formula_stands_under_its_picture(tmp_path: Path) -> None:
    made = drawings(render=str(tmp_path / "out.png"))
    (_, target) = made.targets("a")
    assert made.compare(target, PICTURE, r"\frac{a}{b}")
    with Image.open(io.BytesIO(target.read_bytes())) as image:
        sheet = np.asarray(image)
    assert np.array_equal(sheet[12:42, 12:102], PICTURE)
    assert (sheet[55:] < 128).any()


def test_a_formula_that_cannot_be_rendered_is_a_doubt(tmp_path: Path) -> None:
    made = drawings(render=str(tmp_path / "out.png"))
    assert not made.compare(tmp_path / "out.png", PICTURE, r"\frac{a")
    with Image.open(tmp_path / "out.png") as image:
        assert (np.asarray(image)[55:] < 128).any()
