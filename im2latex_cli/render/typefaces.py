"""Further typefaces for formulas, what each needs, and which formula gets which."""

from __future__ import annotations

import hashlib
import string
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from im2latex_cli.errors import RendererError
from im2latex_cli.render.fonts import FontFinder
from im2latex_cli.settings.sections import RenderSettings

SIZES = (10, 11, 12)
PLAIN = "computer-modern"

_EULER = r"""
\DeclareSymbolFont{i@cm}{OML}{cmm}{m}{it}\SetSymbolFont{i@cm}{bold}{OML}{cmm}{b}{it}
\DeclareSymbolFont{letters}{U}{eur}{m}{n}\SetSymbolFont{letters}{bold}{U}{eur}{b}{n}
\DeclareMathAccent{\vec}{\mathord}{i@cm}{"7E}
\DeclareMathSymbol{\leftharpoonup}{\mathrel}{i@cm}{"28}
\DeclareMathSymbol{\leftharpoondown}{\mathrel}{i@cm}{"29}
\DeclareMathSymbol{\rightharpoonup}{\mathrel}{i@cm}{"2A}
\DeclareMathSymbol{\rightharpoondown}{\mathrel}{i@cm}{"2B}
\DeclareMathSymbol{\lhook}{\mathrel}{i@cm}{"2C}
\DeclareMathSymbol{\rhook}{\mathrel}{i@cm}{"2D}
\DeclareMathSymbol{\triangleright}{\mathbin}{i@cm}{"2E}
\DeclareMathSymbol{\triangleleft}{\mathbin}{i@cm}{"2F}
\DeclareMathSymbol{\star}{\mathbin}{i@cm}{"3F}
\DeclareMathSymbol{\flat}{\mathord}{i@cm}{"5B}
\DeclareMathSymbol{\natural}{\mathord}{i@cm}{"5C}
\DeclareMathSymbol{\sharp}{\mathord}{i@cm}{"5D}
\DeclareMathSymbol{\smile}{\mathrel}{i@cm}{"5E}
\DeclareMathSymbol{\frown}{\mathrel}{i@cm}{"5F}
""" + "".join(
    f'\\DeclareMathSymbol{{{digit}}}{{\\mathalpha}}{{letters}}{{"3{digit}}}\n'
    for digit in string.digits
)

_SANS = r"""
\renewcommand{\familydefault}{\sfdefault}
\DeclareSymbolFont{operators}{OT1}{cmss}{m}{n}\SetSymbolFont{operators}{bold}{OT1}{cmss}{bx}{n}
\DeclareSymbolFont{i@sans}{OT1}{cmss}{m}{sl}\SetSymbolFont{i@sans}{bold}{OT1}{cmss}{bx}{n}
\DeclareMathAlphabet{\mathrm}{OT1}{cmr}{m}{n}
""" + "".join(
    f"\\DeclareMathSymbol{{{letter}}}{{\\mathalpha}}{{i@sans}}{{`{letter}}}\n"
    for letter in string.ascii_letters
)


@dataclass(frozen=True, slots=True)
class Typeface:
    """One further typeface.

    Attributes:
        latex: what the preamble needs.
        files: all must be there.
        package: the Debian package that brings them.
    """

    latex: str
    files: tuple[str, ...]
    package: str


TYPEFACES = {
    "latin-modern": Typeface("\\usepackage{lmodern}\n", ("lmodern.sty", "lmmi10.pfb"), "lmodern"),
    "times": Typeface(
        "\\usepackage{mathptmx}\\DeclareMathAlphabet{\\mathcal}{OMS}{cmsy}{m}{n}\n",
        ("mathptmx.sty", "zptmcmrm.vf", "utmr8a.pfb", "usyr.pfb"),
        "texlive-fonts-recommended",
    ),
    "palatino": Typeface(
        "\\usepackage{mathpazo}\n",
        ("mathpazo.sty", "zplmr7m.vf", "uplr8a.pfb", "fplmri.pfb"),
        "texlive-fonts-recommended",
    ),
    "euler": Typeface(_EULER, ("ueur.fd", "eurm10.pfb"), "texlive-latex-base"),
    "sans": Typeface(_SANS, ("ot1cmss.fd", "cmss10.pfb"), "texlive-latex-base"),
}


class Style(NamedTuple):
    """Typeface and size of a formula."""

    typeface: str
    size: int

    @property
    def latex(self) -> str:
        """What the preamble needs."""
        return TYPEFACES[self.typeface].latex if self.typeface != PLAIN else ""

    def __str__(self) -> str:
        return f"{self.typeface} {self.size}"


def installed(finder: FontFinder, wanted: Sequence[str]) -> tuple[str, ...]:
    """The typefaces to use, sorted.

    Args:
        finder: knows which files there are.
        wanted: by name; empty for all that are installed.

    Raises:
        RendererError: a wanted one is not known or not installed.
    """
    unknown = [name for name in wanted if name not in TYPEFACES]
    if unknown:
        raise RendererError(
            f"There is no typeface {unknown[0]}.", hint=f"Choose from {', '.join(TYPEFACES)}."
        )
    present = {name for name, face in TYPEFACES.items() if all(finder.find(*face.files))}
    for name in wanted:
        if name not in present:
            raise RendererError(
                f"The typeface {name} is not installed.",
                hint=f"Install it: `apt-get install {TYPEFACES[name].package}` (Debian, Ubuntu).",
            )
    return tuple(sorted(present.intersection(wanted) if wanted else present))


class Stylist:
    """Gives each formula its typeface and size, by a hash: the same ones in every build."""

    def __init__(self, settings: RenderSettings, typefaces: Sequence[str]) -> None:
        """Remember the choices.

        Args:
            settings: the share of formulas that are drawn otherwise, and the usual size.
            typefaces: what is installed.
        """
        self.plain = Style(PLAIN, settings.font_size)
        self._share = settings.fonts
        every = [Style(face, size) for face in (PLAIN, *typefaces) for size in SIZES]
        self._others = [style for style in every if style != self.plain]

    def style(self, formula: str) -> Style:
        """The style of a formula."""
        if not self._share:
            return self.plain
        digest = hashlib.sha256(formula.encode("utf-8", "surrogatepass")).digest()
        if int.from_bytes(digest[:8], "big") >= self._share * 2.0**64:
            return self.plain
        return self._others[int.from_bytes(digest[8:16], "big") % len(self._others)]
