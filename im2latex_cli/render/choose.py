"""Which renderer the settings and this machine ask for."""

from __future__ import annotations

import shutil

from im2latex_cli.errors import RendererError
from im2latex_cli.render.renderer import Renderer
from im2latex_cli.settings.sections import RenderSettings

INSTALL_LINES = {
    "apt": "apt-get install texlive-latex-base dvipng",
    "dnf": "dnf install texlive-latex texlive-amsmath texlive-amsfonts texlive-dvipng",
    "brew": "brew install --cask mactex-no-gui",
}
"""How to install TeX with each package manager."""


def choose(settings: RenderSettings) -> Renderer:
    """Return the renderer to use.

    `auto` takes TeX where `latex` is on PATH, else the embedded renderer.

    Raises:
        RendererError: TeX, or a program or font that only it can use, is asked for and not there.
    """
    present = shutil.which("latex") is not None
    flag = "`render.exact`" if settings.exact else "`render.fonts`" if settings.fonts else None
    if flag and settings.renderer == "embedded":
        raise RendererError(
            f"{flag} is for the TeX renderer; not for the embedded one.",
            hint=f"Leave out {flag}, or take `render.renderer` tex.",
        )
    if settings.renderer == "embedded" or (
        settings.renderer == "auto" and not present and not flag
    ):
        from im2latex_cli.render.embedded import EmbeddedRenderer

        return EmbeddedRenderer(settings)
    if not present:
        raise RendererError(
            "The TeX renderer needs `latex` on PATH, and there is none.",
            hint=f"Install it ({install_advice()}), or take `render.renderer` embedded.",
        )
    from im2latex_cli.render.tex import TexRenderer

    return TexRenderer(settings)


def install_advice() -> str:
    """The install lines of all package managers, in one line."""
    return "; ".join(f"{manager}: {line}" for manager, line in INSTALL_LINES.items())
