import pytest

from im2latex_cli.latex.dialects.printers import katex
from im2latex_cli.latex.normalize import normalize
from im2latex_cli.latex.tokenizer import join, tokenize


def test_primitives_that_browsers_lack_have_stand_ins() -> None:
    assert katex(tokenize(r"\partial\slash x_{\mbox{a b}}")) == r"\partial/x_{\text{a b}}"


def test_all_else_is_compact_latex() -> None:
    tokens = tokenize(r"\left(\frac{1}{2}\right)\operatorname*{ad}_{x}\hspace{1em}\sin x")
    assert katex(tokens) == join(tokens)


@pytest.mark.parametrize(
    ("formula", "written"),
    [
        (r"\text{caf\'e, \"{o}d, \ss}", "\\text{café, öd, ß}"),
        (r"\text{5\% a}", r"\text{5$\%$ a}"),
        (r"\text{a\,\,b}", r"\text{a$\,\,$b}"),
        (r"\text{a \textbf{b\%} c}", r"\text{a $\textbf{b$\%$}$ c}"),
        (r"\text{i.~e. ``a'' -- \{b\}}", r"\text{i." + "\u00a0e. “a” – " + r"\{b\}}"),
        (r"\text{a{b}\`{}c}x", r"\text{abc}x"),
        (r"x_{\emph{a}}\P", r"x_{\textit{a}}¶"),
    ],
)
def test_text_holds_no_commands_but_mathematics(formula: str, written: str) -> None:
    normal = normalize(formula)
    assert normal.problem is None
    assert katex(normal.tokens) == written
