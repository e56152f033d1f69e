"""The control words and environments that keep to themselves, and those no formula may use.

Harmless: whatever a formula does with them ends with its group, so it may share a document. A
control word in neither list goes alone where LaTeX knows it; where LaTeX does not, it is an error
that harms nobody.
"""

from __future__ import annotations

HARMLESS_WORDS = frozenset(
    """
AA aa above acute AE ae aleph allowbreak alpha amalg angle approx approxeq arccos arcsin arctan
arg arraystretch Arrowvert arrowvert ast asymp atop atopwithdelims b backepsilon backprime
backsim backsimeq backslash bar barwedge Bbb Bbbk because begin beta beth between bf bfseries
Big big bigcap bigcirc bigcup Bigg bigg Biggl biggl Biggm biggm Biggr biggr Bigl bigl Bigm bigm
bigodot bigoplus bigotimes Bigr bigr bigskip bigsqcup bigstar bigtriangledown bigtriangleup
biguplus bigvee bigwedge binom blacklozenge blacksquare blacktriangle blacktriangledown
blacktriangleleft blacktriangleright bm bmod bold boldmath boldsymbol bot bowtie Box boxdot
boxed boxminus boxplus boxtimes brace braceld bracelu bracerd braceru bracevert brack breve
buildrel bullet Bumpeq bumpeq c cal Cap cap cdot cdotp cdots centerdot cfrac check checkmark chi
choose circ circeq circle circlearrowleft circlearrowright circledast circledcirc circleddash
circledR circledS clap cline clubsuit colon complement cong coprod copyright cos cosh cot coth
cr crcr csc Cup cup curlyeqprec curlyeqsucc curlyvee curlywedge curvearrowleft curvearrowright d
dabar dag dagger daleth dasharrow dashv dbinom ddag ddagger ddddot dddot ddot ddots deg Delta
delta det dfrac diagdown diagup Diamond diamond diamondsuit digamma dim displaylimits
displaystyle div divideontimes dot Doteq doteq doteqdot dotplus dots dotsb dotsc dotsi dotsm
dotso doublebarwedge doublecap doublecup Downarrow downarrow downbracefill downdownarrows
downharpoonleft downharpoonright ell em emph emptyset end enspace ensuremath epsilon eqcirc
eqsim eqslantgtr eqslantless equiv eta eth exists exp fallingdotseq fbox Finv flat footnotesize
forall frac frak framebox frown Game Gamma gamma gcd ge genfrac geq geqq geqslant gets gg ggg
gggtr gimel gnapprox gneq gneqq gnsim grave gtrapprox gtrdot gtreqless gtreqqless gtrless gtrsim
gvertneqq H hat hbar hbox hdotsfor heartsuit hfil hfill hline hom hookleftarrow hookrightarrow
hphantom hskip hslash hspace hss Huge huge i idotsint iff iiiint iiint iint Im imath impliedby
implies in inf infty injlim int intercal intertext intop iota it itshape j jmath Join joinrel k
kappa ker kern L l label Lambda lambda land langle LARGE Large large lbrace lbrack lceil ldotp
ldots le leadsto left Leftarrow leftarrow leftarrowfill leftarrowtail lefteqn leftharpoondown
leftharpoonup leftleftarrows Leftrightarrow leftrightarrow leftrightarrows leftrightharpoons
leftrightsquigarrow leftthreetimes leq leqq leqslant lessapprox lessdot lesseqgtr lesseqqgtr
lessgtr lesssim lfloor lg lgroup lhd lhook lim liminf limits limsup line ll llap llcorner
Lleftarrow lll llless lmoustache ln lnapprox lneq lneqq lnot lnsim log Longleftarrow
longleftarrow Longleftrightarrow longleftrightarrow longmapsto Longrightarrow longrightarrow
looparrowleft looparrowright lor lower lozenge lrcorner Lsh ltimes lVert lvert lvertneqq makebox
maltese mapsto mapstochar mathbb mathbf mathbin mathcal mathchoice mathclose mathdollar
mathellipsis mathfrak mathinner mathit mathllap mathnormal mathop mathopen mathord mathpalette
mathparagraph mathpunct mathrel mathring mathrlap mathrm mathscr mathsection mathsf mathsterling
mathstrut mathtt mathunderscore max mbox mdseries measuredangle medskip medspace mho mid middle
min mit mkern mod models mp mskip mspace mu multicolumn multimap nabla natural ncong ne nearrow
neg negmedspace negthickspace negthinspace neq nexists ngeq ngeqq ngeqslant ngtr ni nLeftarrow
nleftarrow nLeftrightarrow nleftrightarrow nleq nleqq nleqslant nless nmid noalign nobreak
nobreakspace nolimits nonumber normalfont normalsize not notag notin nparallel nprec npreceq
nRightarrow nrightarrow nshortmid nshortparallel nsim nsubseteq nsubseteqq nsucc nsucceq
nsupseteq nsupseteqq ntriangleleft ntrianglelefteq ntriangleright ntrianglerighteq nu null
nVDash nVdash nvDash nvdash nwarrow O o odot OE oe oint ointop Omega omega ominus operatorname
operatornamewithlimits oplus oslash otimes oval over overbrace overleftarrow overleftrightarrow
overline overrightarrow overset overwithdelims owns P parallel parbox partial perp phantom Phi
phi Pi pi pitchfork pm pmb pmod pod pounds Pr prec precapprox preccurlyeq preceq precnapprox
precneqq precnsim precsim prime prod projlim propto protect Psi psi put qquad quad r raise
raisebox rangle rbrace rbrack rceil Re relax Relbar relbar restriction rfloor rgroup rhd rho
rhook right Rightarrow rightarrow rightarrowfill rightarrowtail rightharpoondown rightharpoonup
rightleftarrows rightleftharpoons rightrightarrows rightsquigarrow rightthreetimes risingdotseq
rlap rlh rm rmfamily rmoustache root Rrightarrow Rsh rtimes rule rVert rvert S sb sc
scriptscriptstyle scriptsize scriptstyle scshape searrow sec setminus sf sffamily sharp shortmid
shortparallel shortstack sideset Sigma sigma sim simeq sin sinh skew sl slash slshape small
smallfrown smallint smallsetminus smallskip smallsmile smash smile sp space spadesuit
sphericalangle sqcap sqcup sqrt sqrtsign sqsubset sqsubseteq sqsupset sqsupseteq square ss
stackrel star strut Subset subset subseteq subseteqq subsetneq subsetneqq substack succ
succapprox succcurlyeq succeq succnapprox succneqq succnsim succsim sum sup Supset supset
supseteq supseteqq supsetneq supsetneqq surd swarrow t tag tan tanh tau tbinom text
textasciicircum textasciitilde textbackslash textbar textbf textbullet textdegree textemdash
textendash textgreater textit textless textmd textnormal textperiodcentered textquoteleft
textquoteright textrm textsc textsf textsl textstyle textsubscript textsuperscript texttt
textunderscore textup tfrac therefore Theta theta thickapprox thicksim thickspace thinspace
tilde times tiny to top triangle triangledown triangleleft trianglelefteq triangleq
triangleright trianglerighteq tt ttfamily twoheadleftarrow twoheadrightarrow u ulcorner
unboldmath underbrace underleftarrow underleftrightarrow underline underrightarrow underset
unlhd unrhd unskip Uparrow uparrow upbracefill Updownarrow updownarrow upharpoonleft
upharpoonright uplus upshape Upsilon upsilon upuparrows urcorner v varbigtriangledown
varbigtriangleup varDelta varepsilon varGamma varinjlim varkappa varLambda varliminf varlimsup
varnothing varOmega varPhi varphi varPi varpi varprojlim varpropto varPsi varrho varSigma
varsigma varsubsetneq varsubsetneqq varsupsetneq varsupsetneqq varTheta vartheta vartriangle
vartriangleleft vartriangleright varUpsilon varXi vbox vcenter Vdash vDash vdash vdots vec
vector vee veebar Vert vert vfill vline vphantom vskip vspace vtop Vvdash wedge widehat
widetilde wp wr Xi xi xleftarrow xrightarrow yen zeta
""".split()  # noqa: SIM905 - a list of 500 quoted words reads worse
)

HARMLESS_ENVIRONMENTS = frozenset(
    """
aligned alignedat array Bmatrix bmatrix cases center gathered matrix minipage picture pmatrix
smallmatrix split subarray tabular Vmatrix vmatrix
""".split()  # noqa: SIM905 - a list of 500 quoted words reads worse
)

REFUSED_WORDS = frozenset(
    """
batchmode closein closeout directlua documentclass dump enddocument endinput errorstopmode
IfFileExists include includeonly input InputIfFileExists latelua LoadClass makeatletter newread
newwrite openin openout pdffiledump pdfliteral pdfobj pdfshellescape primitive read readline
RequirePackage scrollmode ShellEscape shipout special stop typein usepackage write
""".split()  # noqa: SIM905 - a list of 500 quoted words reads worse
)
