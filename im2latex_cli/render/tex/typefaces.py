"""Further typefaces for formulas, what each needs, and which formula gets which."""

from __future__ import annotations

import hashlib
import itertools
import re
import string
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from im2latex_cli.errors import RendererError
from im2latex_cli.render.tex.fonts import FontFinder
from im2latex_cli.settings.sections import Look, RenderSettings

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


_EXTRA = "texlive-fonts-extra"
_NO_SCRIPT = "\\let\\mathscr\\@undefined"
"""For packages that define the script alphabet themselves and fail if there is one."""


@dataclass(frozen=True)
class Typeface:
    r"""One further typeface.

    Attributes:
        latex: what the preamble needs.
        files: all must be there.
        package: the Debian package that brings them.
        conflated: commands that it draws like others, such as \mathsf in a sans-serif typeface;
            a formula with one of them is drawn in Computer Modern, which tells them apart.
    """

    latex: str
    files: tuple[str, ...]
    package: str
    conflated: tuple[str, ...] = ("\\mathit",)

    @cached_property
    def conflates(self) -> re.Pattern[str]:
        """Finds such a command in a formula."""
        return re.compile(f"(?:{'|'.join(map(re.escape, self.conflated))})(?![A-Za-z])")


_ITALIC = ("\\mathit",)
_SANS_SERIF = ("\\mathit", "\\mathsf")
_NO_FONTS = ("\\mathit", "\\mathsf", "\\mathtt", "\\imath")


def _package(
    name: str, *files: str, options: str = "", conflated: tuple[str, ...] = _ITALIC
) -> Typeface:
    """A typeface that one LaTeX package sets up."""
    load = f"\\usepackage[{options}]{{{name}}}\n" if options else f"\\usepackage{{{name}}}\n"
    return Typeface(load, (f"{name}.sty", *files), _EXTRA, conflated)


def _newtx(option: str, text: str, *files: str) -> Typeface:
    """A text family with the mathematics that newtxmath fits to it."""
    latex = (
        f"\\usepackage[T1]{{fontenc}}\\usepackage{{{text}}}\\usepackage[{option}]{{newtxmath}}\n"
    )
    return Typeface(latex, ("newtxmath.sty", f"{text}.sty", *files), _EXTRA)


def _as_text(load: str, *files: str, sans: bool = True) -> Typeface:
    """A text family whose letters and digits are those of formulas too; symbols stay.

    Upright families and sans-serif ones have no mathematics of their own; word processors,
    slides and plots write formulas with them all the same.
    """
    family = "\\renewcommand\\familydefault\\sfdefault" if sans else ""
    latex = (
        f"\\usepackage[T1]{{fontenc}}{load}{family}\\usepackage[italic,noasterisk]{{mathastext}}\n"
    )
    return Typeface(latex, ("mathastext.sty", *files), _EXTRA, _SANS_SERIF if sans else _ITALIC)


TYPEFACES = {
    "latin-modern": Typeface("\\usepackage{lmodern}\n", ("lmodern.sty", "lmmi10.pfb"), "lmodern"),
    "times": Typeface(
        "\\usepackage{mathptmx}\\DeclareMathAlphabet{\\mathcal}{OMS}{cmsy}{m}{n}\n",
        ("mathptmx.sty", "zptmcmrm.vf", "utmr8a.pfb", "usyr.pfb"),
        "texlive-fonts-recommended",
        ("\\mathit", "\\boldsymbol", "\\varepsilon", "\\varrho"),
    ),
    "palatino": Typeface(
        "\\usepackage{mathpazo}\n",
        ("mathpazo.sty", "zplmr7m.vf", "uplr8a.pfb", "fplmri.pfb"),
        "texlive-fonts-recommended",
    ),
    "euler": Typeface(_EULER, ("ueur.fd", "eurm10.pfb"), "texlive-latex-base"),
    "sans": Typeface(_SANS, ("ot1cmss.fd", "cmss10.pfb"), "texlive-latex-base", ("\\mathsf",)),
    "newtx": Typeface(
        "\\usepackage{newtxtext,newtxmath}\n",
        ("newtxmath.sty", "newtxtext.sty", "binhex.tex"),
        _EXTRA,
    ),
    "newpx": Typeface(
        "\\usepackage{newpxtext,newpxmath}\n", ("newpxmath.sty", "newpxtext.sty"), _EXTRA
    ),
    "stix2": _package("stix2", conflated=("\\mathit", "\\vartriangleleft")),
    "libertinus": Typeface(
        "\\usepackage{libertinus-type1}\\usepackage{libertinust1math}\n",
        ("libertinust1math.sty", "libertinus-type1.sty"),
        _EXTRA,
        ("\\mathit", "\\varnothing", "\\vartriangleleft"),
    ),
    "utopia": _package("fourier"),
    "schoolbook": _package("fouriernc"),
    "kpfonts": Typeface(_NO_SCRIPT + "\\usepackage{kpfonts}\n", ("kpfonts.sty",), _EXTRA),
    "charter": _package(
        "mathdesign", "mdbch.sty", options="charter", conflated=("\\mathit", "\\mathscr")
    ),
    "antykwa": _package("anttor", options="math", conflated=_NO_FONTS),
    "bright": _package("cmbright"),
    "arev": Typeface(
        _NO_SCRIPT + "\\usepackage{arev}\n",
        ("arev.sty",),
        _EXTRA,
        (
            "\\mathit",
            "\\mathsf",
            "\\varPhi",
            "\\varSigma",
            "\\varPi",
            "\\varXi",
            "\\varnothing",
            "\\imath",
        ),
    ),
    "iwona": _package("iwona", options="math", conflated=_NO_FONTS),
    "kurier": _package("kurier", options="math", conflated=_NO_FONTS),
    "libertine": _newtx("libertine", "libertine"),
    "cochineal": _newtx("cochineal", "cochineal"),
    "baskerville": _newtx("baskerville", "Baskervaldx"),
    "garamond": _newtx("ebgaramond", "ebgaramond"),
    "noto-serif": _package("notomath"),
    "noto-sans": _package("notomath", options="sfdefault", conflated=_SANS_SERIF),
    "helvetica": _as_text("\\usepackage{helvet}", "helvet.sty"),
    "dejavu-sans": _as_text("\\usepackage{DejaVuSans}", "DejaVuSans.sty"),
    "fira-sans": _as_text("\\usepackage[sfdefault,lf]{FiraSans}", "FiraSans.sty"),
    "open-sans": _as_text("\\usepackage[defaultsans,scale=0.95]{opensans}", "opensans.sty"),
    "roboto": _as_text("\\usepackage[sfdefault]{roboto}", "roboto.sty"),
    "carlito": _as_text("\\usepackage[sfdefault]{carlito}", "carlito.sty"),
    "caladea": _as_text("\\usepackage{caladea}", "caladea.sty", sans=False),
}


class Style(NamedTuple):
    """How a formula is drawn.

    Attributes:
        typeface: a name of `TYPEFACES`, or `PLAIN`.
        size: of the type, in points.
        look: what the page becomes; see `vision.finish`.
    """

    typeface: str
    size: int
    look: Look

    @property
    def latex(self) -> str:
        """What the preamble needs."""
        return TYPEFACES[self.typeface].latex if self.typeface != PLAIN else ""

    def __str__(self) -> str:
        return f"{self.typeface} {self.size}"


def installed(finder: FontFinder, names: Sequence[str]) -> tuple[str, ...]:
    """The typefaces to use, sorted.

    Args:
        finder: knows which files there are.
        names: the typefaces to choose from; empty for all that are installed.

    Raises:
        RendererError: one of the names is unknown or not installed.
    """
    unknown = [name for name in names if name not in TYPEFACES]
    if unknown:
        raise RendererError(
            f"There is no typeface {unknown[0]}.", hint=f"Choose from {', '.join(TYPEFACES)}."
        )
    present = {name for name, face in TYPEFACES.items() if all(finder.find(*face.files))}
    for name in names:
        if name not in present:
            raise RendererError(
                f"The typeface {name} is not installed.",
                hint=f"Install it: `apt-get install {TYPEFACES[name].package}` (Debian, Ubuntu).",
            )
    return tuple(sorted(present.intersection(names) if names else present))


class Stylist:
    """Gives each formula its typeface, size and look, by a hash: the same ones in every build."""

    def __init__(self, settings: RenderSettings, typefaces: Sequence[str]) -> None:
        """Remember the choices.

        Args:
            settings: the share of formulas that are drawn otherwise, and the usual size and look.
            typefaces: what is installed.
        """
        self.plain = Style(PLAIN, settings.font_size, settings.look)
        self._share = settings.fonts
        every = itertools.product((PLAIN, *typefaces), SIZES, settings.looks or (settings.look,))
        self._others = [style for style in itertools.starmap(Style, every) if style != self.plain]

    def style(self, formula: str) -> Style:
        """The style of a formula."""
        if not self._share:
            return self.plain
        digest = hashlib.sha256(formula.encode("utf-8", "surrogatepass")).digest()
        if int.from_bytes(digest[:8], "big") >= self._share * 2.0**64:
            return self.plain
        style = self._others[int.from_bytes(digest[8:16], "big") % len(self._others)]
        face = TYPEFACES.get(style.typeface)
        return style._replace(typeface=PLAIN) if face and face.conflates.search(formula) else style
