"""The symbols that generated formulas use, most common first in each pair of tables."""

from __future__ import annotations


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


VARIABLES = _words("x y z a b c n k i j t u v f g r s p q m h A B C X Y R S N T V")
"""Letters that formulas prefer."""

LETTERS = tuple("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")

DIGITS = tuple("0123456789")

COMMON_GREEK = _words(r"\alpha \beta \gamma \delta \lambda \mu \pi \theta \phi \sigma \omega \rho")

GREEK = _words(
    r"""\alpha \beta \gamma \delta \epsilon \varepsilon \zeta \eta \theta \vartheta \iota \kappa
    \lambda \mu \nu \xi \pi \varpi \rho \varrho \sigma \varsigma \tau \upsilon \phi \varphi \chi
    \psi \omega \Gamma \Delta \Theta \Lambda \Xi \Pi \Sigma \Upsilon \Phi \Psi \Omega"""
)

CONSTANTS = _words(
    r"""\infty \hbar \ell \partial \nabla \emptyset \aleph \Re \Im \wp \imath \jmath \top \bot
    \forall \exists \varnothing \angle \triangle \flat \sharp \natural \clubsuit \diamondsuit
    \heartsuit \spadesuit \square \prime \beth \complement \dagger"""
)

DOTS = _words(r"\ldots \cdots \vdots \ddots")

COMMON_OPERATORS = _words(r"+ - + - \cdot \times")

OPERATORS = _words(
    r"""+ - \cdot \times \pm \mp \ast \star \circ \bullet \div \cap \cup \uplus \sqcap \sqcup \vee
    \wedge \setminus \wr \diamond \oplus \ominus \otimes \oslash \odot \bigtriangleup
    \bigtriangledown \triangleleft \triangleright \amalg \boxplus \boxtimes \ltimes \rtimes"""
)

COMMON_RELATIONS = _words(r"= = = = = \leq \geq < > \in \neq \equiv \approx")

RELATIONS = _words(
    r"""= < > \leq \geq \neq \equiv \approx \sim \simeq \cong \propto \in \notin \ni \subset
    \supset \subseteq \supseteq \ll \gg \prec \succ \preceq \succeq \parallel \perp \mid \asymp
    \doteq \models \vdash \dashv \sqsubseteq \sqsupseteq \bowtie \smile \frown \leqslant
    \geqslant \lesssim \gtrsim \triangleq \subsetneq \supsetneq \nmid \vDash"""
)

ARROWS = _words(
    r"""\rightarrow \leftarrow \Rightarrow \Leftarrow \leftrightarrow \Leftrightarrow \mapsto
    \longrightarrow \Longrightarrow \longleftrightarrow \longmapsto \uparrow \downarrow \nearrow
    \searrow \swarrow \nwarrow \hookrightarrow \hookleftarrow \rightharpoonup \leftharpoonup
    \rightleftharpoons \rightsquigarrow \twoheadrightarrow"""
)

FUNCTIONS = _words(
    r"""\sin \cos \tan \log \ln \exp \cot \sec \csc \arcsin \arccos \arctan \sinh \cosh \tanh
    \coth \det \dim \ker \deg \arg \gcd \hom \lg"""
)

LIMITS = _words(r"\lim \max \min \sup \inf \limsup \liminf \Pr")

BIG_OPERATORS = _words(
    r"""\sum \prod \sum \prod \coprod \bigcup \bigcap \bigoplus \bigotimes \bigodot \bigvee
    \bigwedge \bigsqcup \biguplus"""
)

INTEGRALS = _words(r"\int \int \int \int \oint \iint \iiint")

ACCENTS = _words(
    r"""\hat \bar \tilde \vec \dot \ddot \overline \widehat \widetilde \check \breve \acute
    \grave \mathring \underline \overrightarrow \overleftarrow"""
)

ALPHABETS = _words(r"\mathbf \mathbb \mathcal \mathrm \mathfrak \mathsf \mathtt \boldsymbol")

CAPITALS_ONLY = _words(r"\mathbb \mathcal")

SPACES = _words(r"\, \quad \; \! \qquad \:")

PUNCTUATION = _words(", , . ; :")

PAIRS = (
    ("(", ")"),
    ("(", ")"),
    ("(", ")"),
    ("[", "]"),
    (r"\{", r"\}"),
    ("|", "|"),
    (r"\|", r"\|"),
    (r"\langle", r"\rangle"),
    (r"\lfloor", r"\rfloor"),
    (r"\lceil", r"\rceil"),
)
"""Delimiters that open and close."""

STRETCHED = (*PAIRS[:8], (".", "|"), (r"\{", "."), ("[", ")"))
"""Delimiters after \\left and \\right."""

MATRICES = _words("pmatrix bmatrix vmatrix matrix Bmatrix Vmatrix")

NAMES = _words("tr rank Var Cov sgn diag div curl Hom Aut Spec Res Tr ad")
"""Operators without a command of their own."""
