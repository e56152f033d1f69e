r"""Unicode mathematics as LaTeX: α is `\alpha`, ℝ is `\mathbb{R}`, x² is `x^{2}`.

Follows what unicode-math, KaTeX and MathJax paint for a character. Inside text, accented letters
become accents (`\"u`), quotes and dashes the ligatures of TeX; CJK stays.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from functools import cache

from im2latex_cli.latex.commands import TEXT_WORDS
from im2latex_cli.latex.tokenizer import SPACE, tokenize

_SYMBOLS = r"""
− - ‐ - ‑ - ‒ - – - ∗ * ∣ \mid ∥ \parallel ∕ / ⁄ / ∶ : ： : ′ ' ″ '' ‴ ''' ⁗ '''' ‵ \backprime
± \pm ∓ \mp × \times ÷ \div · \cdot ⋅ \cdot • \bullet ∘ \circ ⋆ \star ⊕ \oplus ⊖ \ominus ⊗ \otimes
⊘ \oslash ⊙ \odot ∧ \wedge ∨ \vee ∩ \cap ∪ \cup ⊎ \uplus ⊓ \sqcap ⊔ \sqcup ∖ \setminus ≀ \wr
⋄ \diamond † \dagger ‡ \ddagger ⨿ \amalg ⋉ \ltimes ⋊ \rtimes ⊞ \boxplus ⊠ \boxtimes ⊟ \boxminus
≤ \leq ≥ \geq ≠ \neq ≡ \equiv ≈ \approx ≅ \cong ∼ \sim ≃ \simeq ≪ \ll ≫ \gg ≺ \prec ≻ \succ
⪯ \preceq ⪰ \succeq ∈ \in ∉ \notin ∋ \ni ⊂ \subset ⊃ \supset ⊆ \subseteq ⊇ \supseteq ⊊ \subsetneq
⊋ \supsetneq ⊄ \not\subset ⊏ \sqsubset ⊐ \sqsupset ⊑ \sqsubseteq ⊒ \sqsupseteq ⊢ \vdash ⊣ \dashv
⊨ \vDash ⊥ \perp ∝ \propto ≍ \asymp ≐ \doteq ⋈ \bowtie ⌣ \smile ⌢ \frown ⩽ \leqslant ⩾ \geqslant
≦ \leqq ≧ \geqq ≲ \lesssim ≳ \gtrsim ≶ \lessgtr ≷ \gtrless ≜ \triangleq ∤ \nmid ∦ \nparallel
≮ \nless ≯ \ngtr ≰ \nleq ≱ \ngeq ≔ \mathrel{\mathop{:}}= ≕ =\mathrel{\mathop{:}} ∴ \therefore
∵ \because ≉ \not\approx ≢ \not\equiv ≁ \nsim ⊈ \nsubseteq ⊉ \nsupseteq ⋘ \lll ⋙ \ggg
← \leftarrow → \to ↑ \uparrow ↓ \downarrow ↔ \leftrightarrow ↕ \updownarrow ⇐ \Leftarrow
⇒ \Rightarrow ⇑ \Uparrow ⇓ \Downarrow ⇔ \Leftrightarrow ⇕ \Updownarrow ↦ \mapsto ⟼ \longmapsto
⟵ \longleftarrow ⟶ \longrightarrow ⟷ \longleftrightarrow ⟸ \Longleftarrow ⟹ \Longrightarrow
⟺ \Longleftrightarrow ↪ \hookrightarrow ↩ \hookleftarrow ↗ \nearrow ↘ \searrow ↙ \swarrow ↖ \nwarrow
⇌ \rightleftharpoons ⇀ \rightharpoonup ⇁ \rightharpoondown ↼ \leftharpoonup ↽ \leftharpoondown
↝ \rightsquigarrow ⇝ \rightsquigarrow ↠ \twoheadrightarrow ↣ \rightarrowtail
∑ \sum ∏ \prod ∐ \coprod ∫ \int ∬ \iint ∭ \iiint ∮ \oint ⋂ \bigcap ⋃ \bigcup ⋁ \bigvee ⋀ \bigwedge
⨁ \bigoplus ⨂ \bigotimes ⨀ \bigodot ⨄ \biguplus ⨆ \bigsqcup √ \surd
∀ \forall ∃ \exists ∄ \nexists ¬ \neg ∅ \emptyset ∞ \infty ∂ \partial ∇ \nabla ∆ \Delta ℏ \hbar
ℓ \ell ℘ \wp ℜ \Re ℑ \Im ℵ \aleph ℶ \beth ℷ \gimel ℸ \daleth ı \imath ȷ \jmath ⊤ \top ∠ \angle
∡ \measuredangle ∢ \sphericalangle △ \triangle ▽ \bigtriangledown □ \square ■ \blacksquare
◇ \Diamond ★ \bigstar ♣ \clubsuit ♢ \diamondsuit ♡ \heartsuit ♠ \spadesuit ♭ \flat ♮ \natural
♯ \sharp ✓ \checkmark ∎ \blacksquare ð \eth ℧ \mho ∁ \complement ° ^{\circ}
… \ldots ⋯ \cdots ⋮ \vdots ⋱ \ddots
⟨ \langle ⟩ \rangle 〈 \langle 〉 \rangle ⌊ \lfloor ⌋ \rfloor ⌈ \lceil ⌉ \rceil ‖ \| ⟦ [\![ ⟧ ]\!]
α \alpha β \beta γ \gamma δ \delta ε \varepsilon ζ \zeta η \eta θ \theta ι \iota κ \kappa
λ \lambda μ \mu µ \mu ν \nu ξ \xi ο o π \pi ρ \rho σ \sigma ς \varsigma τ \tau υ \upsilon φ \varphi
χ \chi ψ \psi ω \omega ϵ \epsilon ϑ \vartheta ϕ \phi ϖ \varpi ϱ \varrho ϰ \varkappa ϝ \digamma
Α A Β B Γ \Gamma Δ \Delta Ε E Ζ Z Η H Θ \Theta Ι I Κ K Λ \Lambda Μ M Ν N Ξ \Xi Ο O Π \Pi Ρ P
Σ \Sigma Τ T Υ \Upsilon Φ \Phi Χ X Ψ \Psi Ω \Omega Ω \Omega Å \mathring{A} K K
½ \tfrac{1}{2} ⅓ \tfrac{1}{3} ⅔ \tfrac{2}{3} ¼ \tfrac{1}{4} ¾ \tfrac{3}{4} ⅕ \tfrac{1}{5}
⅛ \tfrac{1}{8} ‰ \text{\textperthousand} £ \pounds § \S ¶ \P
"""
_SPACES = {
    "\u00a0": "~",
    "\u2002": "\\enspace",
    "\u2003": "\\quad",
    "\u2004": "\\;",
    "\u2005": "\\:",
    "\u2009": "\\,",
    "\u200a": "\\,",
    "\u202f": "\\,",
    "\u205f": "\\:",
    "\u3000": "\\quad",
}
_UNSEEN = frozenset(
    "\u00ad\u200b\u200c\u200d\u200e\u200f\u2060\u2061\u2062\u2063\u2064\ufeff\ufe0e\ufe0f"
)
"""Characters that nobody sees: joiners, marks of direction, invisible operators."""

_RAISED = dict(zip("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁼⁽⁾ⁿⁱᵀ", "0123456789+-=()niT", strict=True))
_LOWERED = dict(
    zip("₀₁₂₃₄₅₆₇₈₉₊₋₌₍₎ₐₑₕᵢⱼₖₗₘₙₒₚᵣₛₜᵤᵥₓ", "0123456789+-=()aehijklmnoprstuvx", strict=True)
)
_STRUCK = dict(zip("ℂℍℕℙℚℝℤ", "CHNPQRZ", strict=True))
_FRAKTUR = dict(zip("ℭℌℨ", "CHZ", strict=True))
_SCRIPT = dict(zip("ℬℰℱℋℐℒℳℛ", "BEFHILMR", strict=True))
_STYLES = {
    "BOLD": "\\mathbf{X}",
    "ITALIC": "X",
    "BOLD ITALIC": "\\boldsymbol{X}",
    "SCRIPT": "\\mathcal{X}",
    "BOLD SCRIPT": "\\boldsymbol{\\mathcal{X}}",
    "FRAKTUR": "\\mathfrak{X}",
    "BOLD FRAKTUR": "\\boldsymbol{\\mathfrak{X}}",
    "DOUBLE-STRUCK": "\\mathbb{X}",
    "SANS-SERIF": "\\mathsf{X}",
    "MONOSPACE": "\\mathtt{X}",
}
"""The alphabets of U+1D400 to U+1D7FF by their names there."""

_ACCENTS = {
    "\u0301": "\\'",
    "\u0300": "\\`",
    "\u0302": "\\^",
    "\u0308": '\\"',
    "\u0303": "\\~",
    "\u0304": "\\=",
    "\u0307": "\\.",
    "\u0327": "\\c",
    "\u030c": "\\v",
    "\u0306": "\\u",
    "\u030b": "\\H",
}
_IN_TEXT = r"""
ß \ss æ \ae Æ \AE œ \oe Œ \OE ø \o Ø \O ł \l Ł \L å \aa Å \AA ı \i ȷ \j ‘ ` ’ ' “ `` ” '' – -- — ---
… \ldots − - ‐ - ‑ -
"""


def _table(text: str) -> dict[str, list[str]]:
    words = text.split()
    return {
        character: tokenize(latex) for character, latex in zip(words[::2], words[1::2], strict=True)
    }


@cache
def _math() -> dict[str, list[str]]:
    """Tokens of each character in math; made when first needed, as reading pictures needs none."""
    return {
        **_table(_SYMBOLS),
        **{space: [latex] for space, latex in _SPACES.items()},
        **{one: ["\\mathbb", "{", letter, "}"] for one, letter in _STRUCK.items()},
        **{one: ["\\mathfrak", "{", letter, "}"] for one, letter in _FRAKTUR.items()},
        **{one: ["\\mathcal", "{", letter, "}"] for one, letter in _SCRIPT.items()},
        "’": ["'"],
        "ℎ": ["h"],
    }


@cache
def _text() -> dict[str, list[str]]:
    """The same inside text."""
    return {
        **_table(_IN_TEXT),
        "\u00a0": ["~"],
        "\u2009": ["\\,"],
        "\u202f": ["\\,"],
        "\u2003": ["\\quad"],
    }


_CJK = (
    (0x2E80, 0x303F),
    (0x3041, 0x33FF),
    (0x3400, 0x4DBF),
    (0x4E00, 0x9FFF),
    (0xAC00, 0xD7AF),
    (0xF900, 0xFAFF),
    (0xFF00, 0xFFEF),
    (0x20000, 0x3FFFF),
)


def is_cjk(token: str) -> bool:
    """Whether a token is one Chinese, Japanese or Korean character, or their punctuation."""
    return len(token) == 1 and any(first <= ord(token) <= last for first, last in _CJK)


def to_latex(tokens: Sequence[str]) -> list[str]:
    """Rewrite the characters beyond ASCII; those without a LaTeX spelling stay.

    Args:
        tokens: of any formula.
    """
    out: list[str] = []
    texts: list[bool] = []  # for each open brace: whether it holds text
    run = ""  # the script whose raised or lowered characters are being read
    for at, token in enumerate(tokens):
        text = bool(texts) and texts[-1]
        mark = "^" if token in _RAISED else "_" if token in _LOWERED else ""
        if run and (text or mark != run):
            out.append("}")
            run = ""
        if token.isascii():
            out.append(token)
            if token == "{":
                opens = at > 0 and tokens[at - 1] in TEXT_WORDS
                texts.append(opens or text)
            elif token == "}" and texts:
                texts.pop()
        elif token in _UNSEEN:
            continue
        elif text:
            out += _in_text(token)
        elif mark:
            out += [] if run else [mark, "{"]
            out.append(_RAISED[token] if mark == "^" else _LOWERED[token])
            run = mark
        else:
            out += _in_math(token)
    return [*out, "}"] if run else out


def _in_text(token: str) -> list[str]:
    if token in _text():
        return _text()[token]
    if len(token) != 1 or token.isspace():
        return [SPACE] if token.isspace() else [token]
    if 0xFF01 <= ord(token) <= 0xFF5E:
        return [token]
    letter, *accents = list(unicodedata.normalize("NFD", token))
    if len(accents) == 1 and accents[0] in _ACCENTS and letter.isascii():
        return [_ACCENTS[accents[0]], letter]
    return [token]


def _in_math(token: str) -> list[str]:
    if token in _math():
        return _math()[token]
    if len(token) != 1:
        return [token]
    if 0xFF01 <= ord(token) <= 0xFF5E:  # full width
        plain = chr(ord(token) - 0xFEE0)
        return [f"\\{plain}"] if plain in "#$%&_" else [plain] if plain not in "\\^~{}" else [token]
    return _of_alphabet(token) if 0x1D400 <= ord(token) <= 0x1D7FF else [token]


@cache
def _of_alphabet(token: str) -> list[str]:
    """A mathematical letter or digit by its name: MATHEMATICAL BOLD CAPITAL A."""
    words = unicodedata.name(token, "").removeprefix("MATHEMATICAL ").split()
    plain = unicodedata.normalize("NFKC", token)
    kind = next((word for word in ("CAPITAL", "SMALL", "DIGIT", "DOTLESS") if word in words), "")
    style = " ".join(words[: words.index(kind)]) if kind else ""
    if style not in _STYLES:
        return [token]
    letter = [plain] if plain.isascii() else _math().get(plain, [])
    if not letter:
        return [token]
    if letter[0].islower() and len(letter[0]) > 1 and style == "BOLD":
        style = "BOLD ITALIC"
    template = _STYLES["BOLD ITALIC" if style == "BOLD" and not plain.isascii() else style]
    return [one for part in tokenize(template) for one in (letter if part == "X" else [part])]
