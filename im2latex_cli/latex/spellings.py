"""Other spellings of the same picture, and words that paint and move nothing."""

from __future__ import annotations

_PAIRS = r"""
\le \leq
\ge \geq
\ne \neq
\rightarrow \to
\gets \leftarrow
\lt <
\gt >
\land \wedge
\lor \vee
\lnot \neg
\owns \ni
\dag \dagger
\ddag \ddagger
\doublecap \Cap
\doublecup \Cup
\restriction \upharpoonright
\Doteq \doteqdot
\llless \lll
\gggtr \ggg
\dasharrow \dashrightarrow
\hdots \ldots
\dotsb \cdots
\dotsm \cdots
\ast *
\lbrack [
\rbrack ]
\lbrace \{
\rbrace \}
\vert |
\Vert \|
\lq `
\thinspace \,
\> \:
\medspace \:
\thickspace \;
\negthinspace \!
\Bbb \mathbb
\bold \mathbf
\frak \mathfrak
\bm \boldsymbol
\hbox \mbox
\textnormal \text
\textrm \text
\textup \text
\textmd \text
\operatornamewithlimits \operatorname*
\cr \\
\tabularnewline \\
\begin{split} \begin{aligned}
\end{split} \end{aligned}
\begin{align} \begin{aligned}
\end{align} \end{aligned}
\begin{align*} \begin{aligned}
\end{align*} \end{aligned}
\begin{flalign} \begin{aligned}
\end{flalign} \end{aligned}
\begin{flalign*} \begin{aligned}
\end{flalign*} \end{aligned}
\begin{alignat} \begin{alignedat}
\end{alignat} \end{alignedat}
\begin{alignat*} \begin{alignedat}
\end{alignat*} \end{alignedat}
\begin{gather} \begin{gathered}
\end{gather} \end{gathered}
\begin{gather*} \begin{gathered}
\end{gather*} \end{gathered}
\begin{multline} \begin{gathered}
\end{multline} \end{gathered}
\begin{multline*} \begin{gathered}
\end{multline*} \end{gathered}
"""

SYNONYMS: dict[str, str] = dict(line.split(" ", 1) for line in _PAIRS.strip().splitlines())
"""Token to the one spelling of its picture."""

FENCE_SYNONYMS = {
    "\\lbrack": "[",
    "\\rbrack": "]",
    "\\lbrace": "\\{",
    "\\rbrace": "\\}",
    "\\vert": "|",
    "\\lvert": "|",
    "\\rvert": "|",
    "\\Vert": "\\|",
    "\\lVert": "\\|",
    "\\rVert": "\\|",
    "<": "\\langle",
    ">": "\\rangle",
}
r"""Delimiters to the one spelling behind `\left`, `\right`, `\middle` and `\big`."""

OLD_FONTS = {
    "\\rm": "\\mathrm",
    "\\bf": "\\mathbf",
    "\\it": "\\mathit",
    "\\sf": "\\mathsf",
    "\\tt": "\\mathtt",
    "\\cal": "\\mathcal",
    "\\mit": "\\mathnormal",
    "\\em": "\\mathit",
}
"""Switches that reach to the end of their group."""

IGNORED = frozenset(
    r"""
\nonumber \notag \relax \allowbreak \nobreak \break \linebreak \nolinebreak \pagebreak \nopagebreak
\displaybreak \protect \null \noindent \hfill \hfil \hss \vfill \vfil \- \/ \* \unboldmath \boldmath
\tiny \scriptsize \footnotesize \small \normalsize \large \Large \LARGE \huge \Huge \sl \sc
\rmfamily \bfseries \itshape \mdseries \sffamily \ttfamily \upshape \slshape \scshape \normalfont
\centering \displaylimits \space \bigskip \medskip \smallskip \newline \par \qedhere
\IEEEyesnumber \IEEEnonumber \IEEEyessubnumber \IEEEnosubnumber \IEEEeqnarraynumspace
""".split()
)
"""Words without argument that leave no trace in a displayed formula."""

IGNORED_WITH_ARGUMENT = {
    "\\label": 1,
    "\\tag": 1,
    "\\color": 1,
    "\\vspace": 1,
    "\\vskip": 1,
    "\\definecolor": 3,
    "\\colorlet": 2,
}
"""Words that leave no trace, with the number of their arguments."""

REFUSED = {
    "\\multicolumn": "\\multicolumn spans columns, which no normal form does",
    "\\cline": "\\cline rules some of the columns, which no normal form does",
    "\\hdotsfor": "\\hdotsfor spans columns, which no normal form does",
    **{
        f"\\{name}": f"\\{name} lets ink overlap what stands beside it, which no normal form does"
        for name in ("rlap", "llap", "clap", "mathrlap", "mathllap", "mathclap")
    },
    **{
        f"\\{name}": f"\\{name} moves, turns or scales ink, which no normal form does"
        for name in (
            "raisebox",
            "raise",
            "lower",
            "scalebox",
            "resizebox",
            "rotatebox",
            "reflectbox",
        )
    },
    **{
        f"\\{name}": f"\\{name} paints a ground of its own, which no normal form has"
        for name in ("colorbox", "fcolorbox")
    },
    "\\intertext": "\\intertext is prose between two lines; the lines are formulas of their own",
    "\\shortintertext": "\\shortintertext is prose between two lines; the lines are formulas",
    "\\mathds": "\\mathds is a font that neither renderer has; \\mathbb looks otherwise",
    "\\mathbbm": "\\mathbbm is a font that neither renderer has; \\mathbb looks otherwise",
}
"""Commands whose ink would be lost or changed, and why there is no normal form."""

SPACED_LENGTHS = {
    "\\hspace{1em}": "\\quad",
    "\\hspace{2em}": "\\qquad",
    "\\hspace{0.5em}": "\\enspace",
    "\\mspace{3mu}": "\\,",
    "\\mspace{4mu}": "\\:",
    "\\mspace{5mu}": "\\;",
    "\\mspace{-3mu}": "\\!",
    "\\mspace{-4mu}": "\\negmedspace",
    "\\mspace{-5mu}": "\\negthickspace",
}
"""Spaces given as a length that have a name."""

MATRIX_OF_FENCES = {
    ("\\left(", "\\right)"): "pmatrix",
    ("\\left[", "\\right]"): "bmatrix",
    ("\\left\\{", "\\right\\}"): "Bmatrix",
    ("\\left|", "\\right|"): "vmatrix",
    ("\\left\\|", "\\right\\|"): "Vmatrix",
}
"""A matrix between these delimiters has a name of its own."""
