"""Formulas as Typst."""

import io
import shutil

import numpy as np
import pytest
from formulas import GRAMMAR, real, shipped
from hypothesis import HealthCheck, given, settings
from PIL import Image

from im2latex_cli.formats.characters import SYMBOLS
from im2latex_cli.formats.typst import typst
from im2latex_cli.formats.typst_symbols import NAME_OF, RIGID
from im2latex_cli.latex.commands import COMMANDS, DELIMITERS, CommandKind
from im2latex_cli.latex.normalize import normalize
from im2latex_cli.latex.tokenizer import join
from im2latex_cli.settings.sections import RenderSettings
from im2latex_cli.vision.ink import find_pieces

compiler = pytest.importorskip("typst")
PAGES = "#set page(width: auto, height: auto, margin: 4pt)\n#set text(size: 10pt)\n"


def compiled(texts: list[str], **options) -> list[bytes]:
    document = PAGES + "\n#pagebreak()\n".join(f"$ {text} $" for text in texts)
    pages = compiler.Compiler(document.encode()).compile(**options)
    return pages if isinstance(pages, list) else [pages]


def failures(texts: list[str]) -> list[str]:
    """The formulas that do not compile: all at once, by halves where something is wrong."""
    try:
        compiled(texts)
    except compiler.TypstError as error:
        if len(texts) == 1:
            return [f"{texts[0]}: {error}"]
        half = len(texts) // 2
        return failures(texts[:half]) + failures(texts[half:])
    return []


def written(latex: str) -> str:
    normal = normalize(latex)
    assert normal.problem is None
    result = typst(normal.tokens)
    assert result.warnings == ()
    return result.text


@pytest.mark.parametrize(
    ("latex", "text"),
    [
        (r"E=mc^2", "E = m c^2"),
        (r"\frac{\alpha}{10}+\sqrt[3]{x}", "frac(alpha, 10) + root(3, x)"),
        (r"f'(x_i)\leq\left(\frac12\right)", "f'(x_i) <= (frac(1, 2))"),
        (r"(\frac12)", r"\(frac(1, 2)\)"),
        (r"[0,1)", "[0, 1)"),
        (r"\sum_{i=1}^{n}\int\limits_0^1", "sum_(i = 1)^n limits(integral)_0^1"),
        (r"\mathbf{x}\mathrm{d}\mathcal{A}\mathbb{R}", "upright(bold(x)) upright(d) cal(A) RR"),
        (r"x_{\mathrm{max}}y", 'x_"max" y'),
        (r"\begin{pmatrix}a&b\\c&d\end{pmatrix}", "mat(a, b; c, d)"),
        (r"\begin{aligned}a&=b\\&=c\end{aligned}", r"a &= b \ &= c"),
        (r"\begin{cases}1&x>0\\2&y\end{cases}", "cases(&1 quad &&x > 0, &2 quad &&y)"),
        (r"10{,}000.5", '10","000.5'),
        (r"x=^{a}y", "x scripts(=)^a y"),
        (r"\left|x\right|+|y|", "abs(x) +|y|"),
        (r"\text{if }x", '"if"space x'),
        (r"\bigl(x\bigr)^2", "lr(size: #1.2em, (x))^2"),
        (r"a\not\in B\not\leadsto C", r'a in.not B accent(⇝, "\u{338}") C'),
        (r"\hat{i}", "hat(i, dotless: #false)"),
        (r"\frac{\begin{matrix}a\end{matrix}}{2}", "frac(display(mat(delim: #none, a)), 2)"),
        (r"\operatorname*{arg\,max}_x\sin x", 'op("arg max", limits: #true)_x sin x'),
        (r"\left/x\right\Uparrow", r'lr(class("opening", \/)x class("closing", ⇑))'),
        (
            r"\not\!p+\not\!\not D",
            r'accent(p, "\u{338}") +#box(width: 0pt, $\/$)#h(-0.1667em) accent(D, "\u{338}")',
        ),
        (r"x\rule{1em}{-2pt}", "x #h(1em)"),
        (r"\overbrace{a}^{n}\xrightarrow[b]{a}", "overbrace(a, n) stretch(->)^a_b"),
    ],
)
def test_a_formula_reads_as_a_person_would_write_it(latex, text):
    assert written(latex) == text
    assert failures([text]) == []


def test_what_typst_cannot_say_is_text_with_a_warning():
    unknown = typst(("x", "\\wurst", "y"))
    assert unknown.text == r'x"\\wurst"y'
    assert unknown.warnings == ("\\wurst is not known; it is written as text",)
    broken = typst(("\\frac", "{", '"', "}"))
    assert broken.text == r'"\\frac{\"}"'
    assert "text" in broken.warnings[0]
    assert failures([unknown.text, broken.text]) == []


def test_every_name_is_the_character_it_stands_for():
    names = compiled(list(NAME_OF.values()), format="svg")
    characters = compiled(list(NAME_OF), format="svg")
    for name, named, character in zip(NAME_OF.values(), names, characters, strict=True):
        assert named == character, name
    document = PAGES + "\n".join(f"$ {name} $" for name in NAME_OF.values())
    _, warnings = compiler.Compiler(document.encode()).compile_with_warnings()
    assert warnings == []  # none is deprecated


def test_every_symbol_and_delimiter_compiles():
    words = [(name,) for name, entry in COMMANDS.items() if entry.kind is CommandKind.SYMBOL]
    words += [("\\big", mark) for mark in DELIMITERS - RIGID]
    words += [(f"\\left{mark}", "x", f"\\right{mark}") for mark in DELIMITERS - RIGID]
    results = [typst(word) for word in words]
    assert [result for result in results if result.warnings] == []
    assert failures([result.text for result in results]) == []
    assert len(SYMBOLS) > 450


@pytest.mark.parametrize(
    "latex",
    [
        r"\left{0}\rule{{0pt}}{{3em}}\right.",
        r"\left.\rule{{0pt}}{{3em}}\right{0}",
        r"\left.\rule{{0pt}}{{3em}}\middle{0}\right.",
        r"\Bigg{0}",
    ],
)
def test_delimiters_are_as_tall_as_in_tex_or_warned_of(latex):
    corners = {r"\ulcorner", r"\urcorner", r"\llcorner", r"\lrcorner"}  # TeX has one size of them
    marks = sorted(DELIMITERS - corners - {"."})
    results = [typst(normalize(latex.format(mark)).tokens) for mark in marks]
    pages = compiled([result.text for result in results], format="png", ppi=72)
    assert len(pages) > 30
    for mark, result, page in zip(marks, results, pages, strict=True):
        rows = np.flatnonzero((np.asarray(Image.open(io.BytesIO(page)).convert("L")) < 200).any(1))
        warned = any("does not stretch" in warning for warning in result.warnings)
        assert (rows[-1] - rows[0] >= 28) is not warned, mark


@pytest.mark.parametrize(
    ("latex", "warning"),
    [
        (r"\left\lmoustache x\right)", r"\lmoustache does not stretch"),
        (r"\begin{cases}a\\ \hline b\end{cases}", "the rules of cases are left out"),
        (r"\begin{aligned}a\\ \hline b\end{aligned}", "the rules of aligned are left out"),
        (r"x_{\substack{a\\[3pt]b}}", "the extra space between rows is left out"),
        (r"\text{a\hspace{-1em}b}", "a negative space in text is left out"),
        (r"\begin{array}{c||c}a&b\end{array}", "a double rule is drawn as one"),
    ],
)
def test_what_is_lost_is_a_warning(latex, warning):
    result = typst(normalize(latex).tokens)
    assert result.warnings == (warning,)
    assert failures([result.text]) == []


def test_formulas_of_the_package_compile():
    formulas = shipped(synthetic=200)
    results = [typst(formula) for formula in formulas]
    assert failures([result.text for result in results]) == []
    assert not any("text" in warning for result in results for warning in result.warnings)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(GRAMMAR)
def test_whatever_the_grammar_makes_compiles(tokens):
    assert failures([typst(tokens).text]) == []


@pytest.mark.slow
def test_ten_thousand_real_formulas_compile():
    formulas = real(10_000)
    if not formulas:
        pytest.skip("IM2LATEX_DATA has no formulas/open.tsv.gz")
    texts = [typst(formula).text for formula in formulas]
    failed = [
        bad for start in range(0, len(texts), 500) for bad in failures(texts[start : start + 500])
    ]
    assert failed == []


MATCHED = 0.5
"""How far, in em, a piece of ink may lie from its match once both pictures are as wide."""
ALIKE = 0.9
"""Least similarity of two pictures of one structure: 491 of 500 real formulas reach it (mean
0.994); of pairs of different formulas 3 of 500 do (mean 0.41)."""


def pieces(ink: np.ndarray) -> np.ndarray:
    """Centres and heights (P, 3) of the pieces of ink in em, from the upper left corner of all."""
    em = DPI * 10 / 72.27
    found = find_pieces(ink)
    boxes = np.stack([found.left + found.right, found.top + found.bottom, 2 * found.height])
    centres = boxes.T / (2 * em)
    centres[:, 0] -= found.left.min() / em
    centres[:, 1] -= (found.top.min() + found.bottom.max()) / (2 * em)
    return centres


def similarity(ours: np.ndarray, theirs: np.ndarray) -> float:
    """Share of the pieces of ink in both pictures that have a partner in the other.

    Spaces differ a little between the two systems, so that the wider picture is first squeezed
    to the width of the other; then pieces are paired one to one, at most MATCHED em apart and
    with heights that differ by less than the half.
    """
    from scipy.optimize import linear_sum_assignment

    first, second = pieces(ours), pieces(theirs)
    second[:, 0] *= first[:, 0].max() / max(second[:, 0].max(), 1e-6)
    far = np.hypot(*np.moveaxis(first[:, None, :2] - second[None, :, :2], -1, 0))
    low, high = (
        np.minimum.outer(first[:, 2], second[:, 2]),
        np.maximum.outer(first[:, 2], second[:, 2]),
    )
    fits = (far <= MATCHED) & (low >= high / 2 - 0.05)
    rows, columns = linear_sum_assignment(~fits)
    return float(2 * fits[rows, columns].sum() / (len(first) + len(second)))


DPI = 240


def pictures(formulas: list[tuple[str, ...]]) -> list[tuple[np.ndarray, np.ndarray]]:
    from im2latex_cli.render.renderer import Page
    from im2latex_cli.render.tex.renderer import TexRenderer

    renderer = TexRenderer(RenderSettings(dpi=DPI, font_size=10))
    ours = compiled(
        [typst(formula).text for formula in formulas], format="png", ppi=DPI * 72 / 72.27
    )
    pairs = []
    for picture, page in zip(
        ours, renderer.render([join(formula) for formula in formulas]), strict=True
    ):
        if isinstance(page, Page):
            grey = np.asarray(Image.open(io.BytesIO(picture)).convert("L"))
            pairs.append((grey < 200, page.ink < 200))
    return pairs


def check_pictures(formulas: list[tuple[str, ...]], share: float) -> None:
    pairs = [pair for pair in pictures(formulas) if pair[0].any() and pair[1].any()]
    assert len(pairs) >= 0.97 * len(formulas)
    scores = np.array([similarity(ours, theirs) for ours, theirs in pairs])
    strangers = np.array(
        [similarity(pairs[index][0], pairs[index - 1][1]) for index in range(len(pairs))]
    )
    print(f"alike: {np.mean(scores >= ALIKE):.3f}, mean {scores.mean():.3f}")
    print(f"other formulas: {np.mean(strangers >= ALIKE):.3f}, mean {strangers.mean():.3f}")
    for index in np.argsort(scores)[:20]:
        print(f"{scores[index]:.2f} {join(formulas[index])}")
    assert np.mean(scores >= ALIKE) >= share
    assert np.mean(strangers >= ALIKE) < 0.1  # else the measure would see nothing


needs_tex = pytest.mark.skipif(shutil.which("latex") is None, reason="needs latex on PATH")


@pytest.mark.tex
@needs_tex
def test_pictures_have_the_structure_of_tex():
    check_pictures(shipped(synthetic=0)[:60], share=0.95)


@pytest.mark.slow
@pytest.mark.tex
@needs_tex
def test_five_hundred_real_pictures_have_the_structure_of_tex():
    formulas = [formula for formula in real(1_200) if 8 <= len(formula) <= 120][:500]
    if not formulas:
        pytest.skip("IM2LATEX_DATA has no formulas/open.tsv.gz")
    check_pictures(formulas, share=0.95)
