r"""The Unicode characters of LaTeX symbols: plain, of mathematical alphabets, struck by `\not`."""

from __future__ import annotations

import unicodedata

from im2latex_cli.latex import symbols
from im2latex_cli.latex.commands import COMMANDS, CommandKind
from im2latex_cli.latex.tree import Node, Row, Scripts, Word

_TABLE = r"""
alpha α beta β gamma γ delta δ epsilon ϵ varepsilon ε zeta ζ eta η theta θ vartheta ϑ iota ι kappa
κ varkappa ϰ lambda λ mu μ nu ν xi ξ pi π varpi ϖ rho ρ varrho ϱ sigma σ varsigma ς tau τ upsilon υ
phi ϕ varphi φ chi χ psi ψ omega ω digamma ϝ varGamma Γ varDelta Δ varTheta Θ varLambda Λ varXi Ξ
varPi Π varSigma Σ varUpsilon Υ varPhi Φ varPsi Ψ varOmega Ω aleph ℵ beth ℶ gimel ℷ daleth ℸ hbar ℏ
hslash ℏ imath ı jmath ȷ ell ℓ wp ℘ Re ℜ Im ℑ partial ∂ infty ∞ prime ′ backprime ‵ emptyset ∅
varnothing ∅ nabla ∇ surd √ top ⊤ bot ⊥ angle ∠ measuredangle ∡ sphericalangle ∢ triangle △
triangledown ▽ blacktriangle ▲ blacktriangledown ▼ forall ∀ exists ∃ nexists ∄ neg ¬ flat ♭ natural
♮ sharp ♯ clubsuit ♣ diamondsuit ♢ heartsuit ♡ spadesuit ♠ Box □ square □ blacksquare ■ Diamond ◇
lozenge ◊ blacklozenge ⧫ bigstar ★ mho ℧ Finv Ⅎ Game ⅁ Bbbk 𝕜 complement ∁ eth ð diagup ╱ diagdown
╲ circledS Ⓢ circledR ® backslash \ cdotp · ldotp . checkmark ✓ maltese ✠ yen ¥ pounds £ S § P ¶
vdots ⋮ slash / Gamma Γ Delta Δ Theta Θ Lambda Λ Xi Ξ Pi Π Sigma Σ Upsilon Υ Phi Φ Psi Ψ Omega Ω
pm ± mp ∓ times × div ÷ star ⋆ circ ∘ bullet • cdot ⋅ cap ∩ cup ∪ uplus ⊎ sqcap ⊓ sqcup ⊔ vee ∨
wedge ∧ setminus ∖ smallsetminus ∖ wr ≀ diamond ⋄ bigtriangleup △ bigtriangledown ▽ triangleleft ◁
triangleright ▷ lhd ◁ rhd ▷ unlhd ⊴ unrhd ⊵ oplus ⊕ ominus ⊖ otimes ⊗ oslash ⊘ odot ⊙ bigcirc ◯
dagger † ddagger ‡ amalg ⨿ dotplus ∔ ltimes ⋉ rtimes ⋊ leftthreetimes ⋋ rightthreetimes ⋌ Cap ⋒ Cup
⋓ curlyvee ⋎ curlywedge ⋏ veebar ⊻ barwedge ⊼ doublebarwedge ⩞ boxplus ⊞ boxminus ⊟ boxtimes ⊠
boxdot ⊡ circleddash ⊝ circledast ⊛ circledcirc ⊚ intercal ⊺ centerdot ⋅ divideontimes ⋇ And &
leq ≤ geq ≥ equiv ≡ prec ≺ succ ≻ sim ∼ perp ⊥ preceq ⪯ succeq ⪰ simeq ≃ mid ∣ ll ≪ gg ≫ asymp ≍
parallel ∥ subset ⊂ supset ⊃ approx ≈ bowtie ⋈ subseteq ⊆ supseteq ⊇ cong ≅ sqsubset ⊏ sqsupset ⊐
neq ≠ smile ⌣ sqsubseteq ⊑ sqsupseteq ⊒ doteq ≐ frown ⌢ in ∈ ni ∋ propto ∝ models ⊨ vdash ⊢ dashv ⊣
notin ∉ not ̸ to → leftarrow ← Leftarrow ⇐ Rightarrow ⇒ leftrightarrow ↔ Leftrightarrow ⇔ uparrow ↑
downarrow ↓ updownarrow ↕ Uparrow ⇑ Downarrow ⇓ Updownarrow ⇕ mapsto ↦ longmapsto ⟼ longleftarrow ⟵
longrightarrow ⟶ longleftrightarrow ⟷ Longleftarrow ⟸ Longrightarrow ⟹ Longleftrightarrow ⟺
hookleftarrow ↩ hookrightarrow ↪ leftharpoonup ↼ leftharpoondown ↽ rightharpoonup ⇀
rightharpoondown ⇁ rightleftharpoons ⇌ leftrightharpoons ⇋ nearrow ↗ searrow ↘ swarrow ↙ nwarrow ↖
leadsto ⇝ Join ⋈ iff ⟺ implies ⟹ impliedby ⟸ leqslant ⩽ geqslant ⩾ leqq ≦ geqq ≧ eqslantless ⪕
eqslantgtr ⪖ lesssim ≲ gtrsim ≳ lessapprox ⪅ gtrapprox ⪆ approxeq ≊ thickapprox ≈ thicksim ∼
lessdot ⋖ gtrdot ⋗ lll ⋘ ggg ⋙ lessgtr ≶ gtrless ≷ lesseqgtr ⋚ gtreqless ⋛ lesseqqgtr ⪋ gtreqqless
⪌ doteqdot ≑ eqcirc ≖ circeq ≗ risingdotseq ≓ fallingdotseq ≒ triangleq ≜ bumpeq ≏ Bumpeq ≎ backsim
∽ backsimeq ⋍ subseteqq ⫅ supseteqq ⫆ Subset ⋐ Supset ⋑ preccurlyeq ≼ succcurlyeq ≽ curlyeqprec ⋞
curlyeqsucc ⋟ precsim ≾ succsim ≿ precapprox ⪷ succapprox ⪸ vartriangleleft ⊲ vartriangleright ⊳
trianglelefteq ⊴ trianglerighteq ⊵ vDash ⊨ Vdash ⊩ Vvdash ⊪ smallsmile ⌣ smallfrown ⌢ shortmid ∣
shortparallel ∥ between ≬ pitchfork ⋔ varpropto ∝ blacktriangleleft ◀ blacktriangleright ▶
therefore ∴ because ∵ backepsilon ϶ eqsim ≂ nless ≮ ngtr ≯ nleq ≰ ngeq ≱ nleqslant ⩽̸ ngeqslant ⩾̸
nleqq ≦̸ ngeqq ≧̸ lneq ⪇ gneq ⪈ lneqq ≨ gneqq ≩ lvertneqq ≨︀ gvertneqq ≩︀ lnsim ⋦ gnsim ⋧ lnapprox
⪉ gnapprox ⪊ nprec ⊀ nsucc ⊁ npreceq ⪯̸ nsucceq ⪰̸ precneqq ⪵ succneqq ⪶ precnsim ⋨ succnsim ⋩
precnapprox ⪹ succnapprox ⪺ nsim ≁ ncong ≇ nshortmid ∤ nmid ∤ nshortparallel ∦ nparallel ∦ nvdash ⊬
nVdash ⊮ nvDash ⊭ nVDash ⊯ ntriangleleft ⋪ ntriangleright ⋫ ntrianglelefteq ⋬ ntrianglerighteq ⋭
nsubseteq ⊈ nsupseteq ⊉ nsubseteqq ⫅̸ nsupseteqq ⫆̸ subsetneq ⊊ supsetneq ⊋ subsetneqq ⫋ supsetneqq
⫌ varsubsetneq ⊊︀ varsupsetneq ⊋︀ varsubsetneqq ⫋︀ varsupsetneqq ⫌︀ dashrightarrow ⇢ dashleftarrow
⇠ leftleftarrows ⇇ rightrightarrows ⇉ leftrightarrows ⇆ rightleftarrows ⇄ Lleftarrow ⇚ Rrightarrow
⇛ twoheadleftarrow ↞ twoheadrightarrow ↠ leftarrowtail ↢ rightarrowtail ↣ looparrowleft ↫
looparrowright ↬ curvearrowleft ↶ curvearrowright ↷ circlearrowleft ↺ circlearrowright ↻ Lsh ↰ Rsh
↱ upuparrows ⇈ downdownarrows ⇊ upharpoonleft ↿ upharpoonright ↾ downharpoonleft ⇃ downharpoonright
⇂ multimap ⊸ leftrightsquigarrow ↭ rightsquigarrow ⇝ nleftarrow ↚ nrightarrow ↛ nLeftarrow ⇍
nRightarrow ⇏ nleftrightarrow ↮ nLeftrightarrow ⇎
langle ⟨ lfloor ⌊ lceil ⌈ lvert | lVert ‖ lgroup ⟮ lmoustache ⎰ ulcorner ⌜ llcorner ⌞
rangle ⟩ rfloor ⌋ rceil ⌉ rvert | rVert ‖ rgroup ⟯ rmoustache ⎱ urcorner ⌝ lrcorner ⌟
colon :
dots … ldots … cdots ⋯ ddots ⋱
int ∫ oint ∮ iint ∬ iiint ∭ iiiint ⨌ idotsint ∫⋯∫ smallint ∫ sum ∑ prod ∏ coprod ∐ bigcap ⋂ bigcup
⋃ bigvee ⋁ bigwedge ⋀ bigoplus ⨁ bigotimes ⨂ bigodot ⨀ biguplus ⨄ bigsqcup ⨆
rbrack ] rbrace } lbrace { vert | lbrack [ Arrowvert ‖ bracevert ⎪ Vert ‖ arrowvert |
"""
_CELLS = _TABLE.split()
SYMBOLS = {f"\\{name}": text for name, text in zip(_CELLS[::2], _CELLS[1::2], strict=True)}
r"""Characters by command; `\idotsint` has three, some negated relations two."""
SYMBOLS |= {f"\\{mark}": mark for mark in "{}%#$&_"} | {"\\|": "‖", "-": "−", "*": "∗", "`": "‘"}

FUNCTIONS = {
    f"\\{name}": name for name in (symbols.FUNCTIONS + symbols.LIMIT_FUNCTIONS).split()
} | {
    "\\liminf": "lim inf",
    "\\limsup": "lim sup",
    "\\injlim": "inj lim",
    "\\projlim": "proj lim",
}
"""Functions whose name is printed in roman letters."""

DECORATED_LIMITS = {
    "\\varinjlim": "\\underrightarrow",
    "\\varprojlim": "\\underleftarrow",
    "\\varliminf": "\\underline",
    "\\varlimsup": "\\overline",
}
"""Functions that print `lim` with an accent of the normal form."""

SPACES_EM = {
    "\\,": 1 / 6,
    "\\:": 2 / 9,
    "\\;": 5 / 18,
    "\\!": -1 / 6,
    "\\negmedspace": -2 / 9,
    "\\negthickspace": -5 / 18,
    "\\nobreakspace": 1 / 3,
    "\\enspace": 1 / 2,
    "\\quad": 1.0,
    "\\qquad": 2.0,
}
"""Widths of the spaces, in em."""

SIZES_EM = {"big": 1.2, "Big": 1.8, "bigg": 2.4, "Bigg": 3.0}
r"""Heights of the delimiters behind `\big` and its kin, in em (plain TeX, The TeXbook, app. B)."""

_POINTS = {
    "pt": 1.0,
    "pc": 12.0,
    "in": 72.27,
    "bp": 72.27 / 72,
    "cm": 72.27 / 2.54,
    "mm": 72.27 / 25.4,
    "dd": 1238 / 1157,
    "cc": 12 * 1238 / 1157,
    "sp": 1 / 65536,
    "em": 10.0,
    "ex": 4.30554,
    "mu": 10 / 18,
}


def ems(length: str) -> float:
    r"""Return a TeX length such as `2pt` or `-3mu` in em, at a font size of 10 pt."""
    unit = length[-2:]
    return float(length[:-2]) * _POINTS[unit] / 10


_CAPITALS = {
    "bold": 0x1D400,
    "italic": 0x1D434,
    "bold-italic": 0x1D468,
    "script": 0x1D49C,
    "fraktur": 0x1D504,
    "double-struck": 0x1D538,
    "sans": 0x1D5A0,
    "mono": 0x1D670,
}
"""Where each alphabet has its capital A; small letters follow the capitals."""

_DIGITS = {"bold": 0x1D7CE, "double-struck": 0x1D7D8, "sans": 0x1D7E2, "mono": 0x1D7F6}
_DIGITS["bold-italic"] = _DIGITS["bold"]
_GREEK = {"bold": 0x1D6A8, "italic": 0x1D6E2, "bold-italic": 0x1D71C}
_GREEK_LETTERS = "ΑΒΓΔΕΖΗΘΙΚΛΜΝΞΟΠΡϴΣΤΥΦΧΨΩ∇αβγδεζηθικλμνξοπρςστυφχψω∂ϵϑϰϕϱϖ"
_ELSEWHERE = {
    "italic": {"h": "ℎ"},
    "script": dict(zip("BEFHILMRego", "ℬℰℱℋℐℒℳℛℯℊℴ", strict=True)),
    "fraktur": dict(zip("CHIRZ", "ℭℌℑℜℨ", strict=True)),
    "double-struck": dict(zip("CHNPQRZ", "ℂℍℕℙℚℝℤ", strict=True)),
}
"""Letters that Unicode had before it had the alphabets."""


def to_alphabet(character: str, alphabet: str) -> str:
    """Return a letter or digit in an alphabet; itself if the alphabet has no such character.

    Args:
        character: one character.
        alphabet: bold, italic, bold-italic, script, fraktur, double-struck, sans or mono.
    """
    if character in _ELSEWHERE.get(alphabet, {}):
        return _ELSEWHERE[alphabet][character]
    if character.isascii() and character.isalpha() and alphabet in _CAPITALS:
        small = character.islower()
        place = ord(character) - ord("a" if small else "A")
        return chr(_CAPITALS[alphabet] + 26 * small + place)
    if character.isascii() and character.isdigit() and alphabet in _DIGITS:
        return chr(_DIGITS[alphabet] + int(character))
    if character in _GREEK_LETTERS and alphabet in _GREEK:
        return chr(_GREEK[alphabet] + _GREEK_LETTERS.index(character))
    return character


def negate(character: str) -> str:
    """Return a character with a stroke through it."""
    return unicodedata.normalize("NFC", character + "\N{COMBINING LONG SOLIDUS OVERLAY}")


def struck_index(row: Row, index: int) -> int | None:
    r"""Return the index of the node that `\not` strikes; None if it paints a slash of its own.

    In `\not\!p` the space only moves the letter below the stroke.

    Args:
        row: the nodes.
        index: of the `\not`.
    """
    for place in range(index + 1, len(row)):
        if not _is_space(row[place]):
            return (
                None
                if _kind(row[place]) is CommandKind.STYLE or row[place] == row[index]
                else place
            )
    return None


def struck_character(node: Node) -> str | None:
    """Return the character that a node is, scripts aside; None of anything longer."""
    word = node.base if isinstance(node, Scripts) else node
    if not isinstance(word, Word):
        return None
    text = SYMBOLS.get(word.token, word.token)
    return text if len(text) == 1 else None


def _is_space(node: Node) -> bool:
    moves = isinstance(node, Word) and node.token.startswith(("\\hspace{", "\\mspace{"))
    return moves or _kind(node) is CommandKind.SPACE


def _kind(node: Node) -> CommandKind | None:
    entry = COMMANDS.get(node.token) if isinstance(node, Word) else None
    return entry.kind if entry else None
