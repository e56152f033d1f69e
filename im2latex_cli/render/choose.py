"""Choose the renderer from the settings and what is installed."""

from __future__ import annotations

import shutil
import sys

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

    `auto` takes TeX if `latex` is on PATH, else the embedded renderer.

    Raises:
        RendererError: TeX, or a program or font of the settings that only TeX can use, is missing.
    """
    present = tex_is_usable()
    flag = "`render.exact`" if settings.exact else "`render.fonts`" if settings.fonts else None
    if flag and settings.renderer == "embedded":
        raise RendererError(
            f"{flag} is for the TeX renderer; not for the embedded one.",
            hint=f"Leave out {flag}, or take `render.renderer` tex.",
        )
    if settings.renderer == "embedded" or (
        settings.renderer == "auto" and not present and not flag
    ):
        from im2latex_cli.render.embedded.renderer import EmbeddedRenderer

        return EmbeddedRenderer(settings)
    if sys.platform == "win32":
        raise RendererError(
            "The TeX renderer needs Linux or macOS: a POSIX shell limits each LaTeX run.",
            hint="Set `render.renderer` to embedded, or run im2latex inside WSL.",
        )
    if not present:
        raise RendererError(
            "The TeX renderer needs `latex` on PATH, and there is none.",
            hint=f"Install it ({install_advice()}), or take `render.renderer` embedded.",
        )
    from im2latex_cli.render.tex.renderer import TexRenderer

    return TexRenderer(settings)


def tex_is_usable() -> bool:
    """Return whether `latex` is on PATH and this operating system can confine it."""
    return sys.platform != "win32" and shutil.which("latex") is not None


def install_advice() -> str:
    """The install lines of all package managers, in one line."""
    return "; ".join(f"{manager}: {line}" for manager, line in INSTALL_LINES.items())
