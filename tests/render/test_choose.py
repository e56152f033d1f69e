import pytest

from im2latex_cli.errors import RendererError
from im2latex_cli.render import choose as room
from im2latex_cli.render.choose import INSTALL_LINES, choose
from im2latex_cli.settings.sections import RenderSettings


@pytest.fixture
def without_tex(monkeypatch):
    monkeypatch.setattr(room.shutil, "which", lambda _: None)


@pytest.fixture
def with_tex(monkeypatch):
    monkeypatch.setattr(room.shutil, "which", lambda name: f"/bin/{name}")
    monkeypatch.setattr(room.sys, "platform", "linux")


@pytest.fixture
def on_windows(with_tex, monkeypatch):
    monkeypatch.setattr(room.sys, "platform", "win32")


def test_auto_without_tex_is_embedded(without_tex):
    assert choose(RenderSettings()).name == "embedded"


def test_auto_with_tex_is_tex(with_tex):
    assert choose(RenderSettings()).name == "tex"


def test_embedded_by_name(with_tex):
    assert choose(RenderSettings(renderer="embedded")).name == "embedded"


def test_tex_by_name_without_tex(without_tex):
    with pytest.raises(RendererError) as caught:
        choose(RenderSettings(renderer="tex"))
    line = str(caught.value)
    assert "\n" not in line
    assert caught.value.exit_code == 5
    for install in INSTALL_LINES.values():
        assert install in line
    assert "`render.renderer` embedded" in line


def test_auto_on_windows_is_embedded_though_latex_is_there(on_windows):
    assert choose(RenderSettings()).name == "embedded"


def test_tex_by_name_on_windows_says_what_to_do(on_windows):
    with pytest.raises(RendererError, match=r"needs Linux or macOS: .* Set `render.renderer`"):
        choose(RenderSettings(renderer="tex"))
