from im2latex_cli.latex.katex import katex
from im2latex_cli.latex.tokenizer import join, tokenize


def test_primitives_that_browsers_lack_have_stand_ins() -> None:
    assert katex(tokenize(r"\partial\slash x_{\mbox{a b}}")) == r"\partial/x_{\text{a b}}"


def test_all_else_is_compact_latex() -> None:
    tokens = tokenize(r"\left(\frac{1}{2}\right)\operatorname*{ad}_{x}\hspace{1em}\sin x")
    assert katex(tokens) == join(tokens)
