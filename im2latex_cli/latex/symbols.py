"""The names in the command table, grouped, and other spellings of the same picture.

Names have no backslashes if all of a group have one.
"""

from __future__ import annotations

LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
DIGITS = "0123456789"

CHARACTERS = {
    "ORD": './|@`"',
    "BIN": "+-*",
    "REL": "=<>:",
    "OPEN": "([",
    "CLOSE": ")]!?",
    "PUNCT": ",;",
}
"""Single characters by class."""

ESCAPED = {
    "{": "OPEN",
    "}": "CLOSE",
    "|": "ORD",
    "%": "ORD",
    "#": "ORD",
    "$": "ORD",
    "&": "ORD",
    "_": "ORD",
}
"""Characters after a backslash, with their class."""

CAPITAL_GREEK = "Gamma Delta Theta Lambda Xi Pi Sigma Upsilon Phi Psi Omega"

SYMBOLS = {
    "ORD": """
alpha beta gamma delta epsilon varepsilon zeta eta theta vartheta iota kappa varkappa lambda mu nu
xi pi varpi rho varrho sigma varsigma tau upsilon phi varphi chi psi omega digamma
varGamma varDelta varTheta varLambda varXi varPi varSigma varUpsilon varPhi varPsi varOmega
aleph beth gimel daleth hbar hslash imath jmath ell wp Re Im partial infty prime backprime emptyset
varnothing nabla surd top bot angle measuredangle sphericalangle triangle triangledown
blacktriangle blacktriangledown forall exists nexists neg flat natural sharp clubsuit diamondsuit
heartsuit spadesuit Box square blacksquare Diamond lozenge blacklozenge bigstar mho Finv Game Bbbk
complement eth diagup diagdown circledS circledR backslash cdotp ldotp mathstrut strut checkmark
maltese yen pounds S P vdots slash
""",
    "BIN": """
pm mp times div star circ bullet cdot cap cup uplus sqcap sqcup vee wedge setminus
smallsetminus wr diamond bigtriangleup bigtriangledown triangleleft triangleright lhd rhd unlhd
unrhd oplus ominus otimes oslash odot bigcirc dagger ddagger amalg dotplus ltimes rtimes
leftthreetimes rightthreetimes Cap Cup curlyvee curlywedge veebar barwedge doublebarwedge boxplus
boxminus boxtimes boxdot circleddash circledast circledcirc intercal centerdot divideontimes
bmod And
""",
    "REL": """
leq geq equiv prec succ sim perp preceq succeq simeq mid ll gg asymp parallel subset supset approx
bowtie subseteq supseteq cong sqsubset sqsupset neq smile sqsubseteq sqsupseteq doteq frown in ni
propto models vdash dashv notin not to leftarrow Leftarrow Rightarrow leftrightarrow Leftrightarrow
uparrow downarrow updownarrow Uparrow Downarrow Updownarrow mapsto longmapsto longleftarrow
longrightarrow longleftrightarrow Longleftarrow Longrightarrow Longleftrightarrow hookleftarrow
hookrightarrow leftharpoonup leftharpoondown rightharpoonup rightharpoondown rightleftharpoons
leftrightharpoons nearrow searrow swarrow nwarrow leadsto Join iff implies impliedby
leqslant geqslant leqq geqq eqslantless eqslantgtr lesssim gtrsim lessapprox gtrapprox approxeq
thickapprox thicksim lessdot gtrdot lll ggg lessgtr gtrless lesseqgtr gtreqless lesseqqgtr
gtreqqless doteqdot eqcirc circeq risingdotseq fallingdotseq triangleq bumpeq Bumpeq backsim
backsimeq subseteqq supseteqq Subset Supset preccurlyeq succcurlyeq curlyeqprec curlyeqsucc precsim
succsim precapprox succapprox vartriangleleft vartriangleright trianglelefteq trianglerighteq vDash
Vdash Vvdash smallsmile smallfrown shortmid shortparallel between pitchfork varpropto
blacktriangleleft blacktriangleright therefore because backepsilon eqsim
nless ngtr nleq ngeq nleqslant ngeqslant nleqq ngeqq lneq gneq lneqq gneqq lvertneqq gvertneqq lnsim
gnsim lnapprox gnapprox nprec nsucc npreceq nsucceq precneqq succneqq precnsim succnsim precnapprox
succnapprox nsim ncong nshortmid nmid nshortparallel nparallel nvdash nVdash nvDash nVDash
ntriangleleft ntriangleright ntrianglelefteq ntrianglerighteq nsubseteq nsupseteq nsubseteqq
nsupseteqq subsetneq supsetneq subsetneqq supsetneqq varsubsetneq varsupsetneq varsubsetneqq
varsupsetneqq
dashrightarrow dashleftarrow leftleftarrows rightrightarrows leftrightarrows rightleftarrows
Lleftarrow Rrightarrow twoheadleftarrow twoheadrightarrow leftarrowtail rightarrowtail
looparrowleft looparrowright curvearrowleft curvearrowright circlearrowleft circlearrowright Lsh Rsh
upuparrows downdownarrows upharpoonleft upharpoonright downharpoonleft downharpoonright multimap
leftrightsquigarrow rightsquigarrow nleftarrow nrightarrow nLeftarrow nRightarrow nleftrightarrow
nLeftrightarrow
""",
    "OPEN": "langle lfloor lceil lvert lVert lgroup lmoustache ulcorner llcorner",
    "CLOSE": "rangle rfloor rceil rvert rVert rgroup rmoustache urcorner lrcorner",
    "PUNCT": "colon",
    "INNER": "dots ldots cdots ddots",
}
"""Symbols by class."""

OPERATORS = {
    "SIDE": """
arccos arcsin arctan arg cos cosh cot coth csc deg dim exp hom ker lg ln log sec sin sinh tan tanh
int oint iint iiint iiiint idotsint smallint
""",
    "DISPLAY": """
det gcd inf lim liminf limsup max min Pr sup injlim projlim varinjlim varprojlim varliminf
varlimsup
sum prod coprod bigcap bigcup bigvee bigwedge bigoplus bigotimes bigodot biguplus bigsqcup
""",
}
"""Large operators and named functions by the place of their scripts."""

FUNCTIONS = """
arccos arcsin arctan arg cos cosh cot coth csc deg dim exp hom ker lg ln log sec sin sinh tan tanh
"""
"""Functions with scripts beside them."""

LIMIT_FUNCTIONS = "det gcd inf lim max min Pr sup"
"""Functions with scripts below them in display style, painted as their names."""

SPACES = "\\nobreakspace \\, \\: \\; \\! \\quad \\qquad \\enspace \\negmedspace \\negthickspace"
"""Spaces without argument; those with one are single tokens such as `\\hspace{1cm}`."""

STYLES = "displaystyle textstyle scriptstyle scriptscriptstyle"

FONTS = """
mathrm mathbf mathit mathsf mathtt mathcal mathbb mathfrak mathscr mathnormal boldsymbol pmb
"""

_SMALL = f"{' '.join(LETTERS[:26] + DIGITS)} {CAPITAL_GREEK}"
LACKING = {"mathscr": _SMALL, "mathbb": _SMALL, "mathcal": _SMALL, "mathfrak": CAPITAL_GREEK}
"""Letters, digits and capital Greek that the font of an alphabet does not hold: TeX draws nothing
there, or a sign that happens to have their place."""

ACCENTS = """
acute bar breve check ddot dddot ddddot dot grave hat mathring tilde vec widehat widetilde
overline underline overleftarrow overrightarrow overleftrightarrow underleftarrow underrightarrow
underleftrightarrow
"""

SHORT_ACCENTS = "acute bar breve check ddot dot grave hat mathring tilde vec"
"""Accents that amsmath shifts by the slant of the letter below them."""

BOXING = """
boldsymbol pmb widehat widetilde overleftarrow overrightarrow overleftrightarrow underleftarrow
underrightarrow underleftrightarrow phantom hphantom vphantom smash overset underset xrightarrow
xleftarrow
"""
"""Commands that set their argument in a box first. Between two short accents, amsmath then asks for
a kern that nobody has defined."""

UNSEEN = "phantom hphantom vphantom"
"""Commands whose argument leaves no ink."""

WITH_INK = """
sqrt binom dbinom tbinom boxed cancel bcancel xcancel overbrace underbrace xrightarrow xleftarrow
pmod pod mod
"""
"""Commands that paint something of their own around any argument, accents aside."""

WITH_ARGUMENTS = """
mm ORD NEVER frac dfrac tfrac binom dbinom tbinom
omm ORD NEVER cfrac
om ORD NEVER sqrt
m ORD NEVER boxed phantom hphantom vphantom mathord cancel bcancel xcancel
om ORD NEVER smash
m OP DISPLAY operatorname*
m OP SIDE operatorname
m OP DISPLAY mathop
m OP ALWAYS overbrace underbrace
m BIN NEVER mathbin
m REL NEVER mathrel
m OPEN NEVER mathopen
m CLOSE NEVER mathclose
m PUNCT NEVER mathpunct
m INNER NEVER mathinner
mm REL NEVER stackrel
mm ORD NEVER overset underset
om REL NEVER xrightarrow xleftarrow
m ORD NEVER pmod pod mod substack
"""
"""Arguments (`o` optional, `m` math), class, place of scripts, names."""

TEXT_WORDS = "text mbox textbf textit textsf texttt textsl textsc emph fbox"

OLD_TEXT_WORDS = "hbox textrm textup textnormal textmd"
"""Further spellings of commands whose argument is text."""

TEXT_SYMBOLS = r"""
\& \$ \% \# \_ \{ \} ~ \nobreakspace \space \, \; \: \! \quad \qquad \enspace \ldots \dots \ss \ae
\AE \oe \OE \o \O \l \L \aa \AA \i \j \textbackslash \textasciitilde \/ \textquoteright
\textquoteleft \textendash \textemdash \slash \textbar \textless \textgreater
"""

DELIMITERS = r"""
{ } | langle rangle lfloor rfloor lceil rceil lvert rvert lVert rVert lgroup rgroup lmoustache
rmoustache uparrow downarrow updownarrow Uparrow Downarrow Updownarrow backslash vert Vert lbrace
rbrace lbrack rbrack ulcorner urcorner llcorner lrcorner arrowvert Arrowvert bracevert
"""


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
    "\\multicolumn": "\\multicolumn has a normal form where it begins a cell of an array or a "
    "matrix: write the cell alone",
    "\\cline": "\\cline has a normal form between the rows of an array or a matrix: write \\hline",
    "\\hdotsfor": "\\hdotsfor fills columns with dots, which no normal form does: write \\cdots in "
    "each cell",
    **{
        f"\\{name}": f"\\{name} lets ink overlap what stands beside it, which no normal form does: "
        "write its argument alone where nothing overlaps"
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
