r"""The names in the command table, grouped, without backslashes if all have one."""

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
