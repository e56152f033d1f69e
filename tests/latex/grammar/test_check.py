"""Which token sequences are well-formed formulas."""

import pytest

from im2latex_cli.latex.commands import BEGIN, COMMANDS, DELIMITERS, CommandKind
from im2latex_cli.latex.grammar.check import check
from im2latex_cli.latex.tokenizer import join, tokenize

SOUND = [
    r"x _ { 1 } ^ { 2 }",
    r"{ } ^ { 2 }",
    r"\frac { a } { b }",
    r"\sqrt [ 3 ] { x }",
    r"\sqrt { x }",
    r"[ a ]",
    r"\sqrt [ { [ } { ] } ] { x }",
    r"\sum \limits _ { i }",
    r"\mathop { a } \nolimits _ { i }",
    r"\left( a \middle| b \right. _ { c }",
    r"\begin{matrix} a & b \\ c & d \end{matrix}",
    r"\begin{array} { c | c } \hline a & b \\ \hline \end{array}",
    r"\begin{alignedat} { 2 } a & b & c & d \end{alignedat}",
    r"\substack { a \\ b }",
    r"\text { a \space b \textbf { c } } ^ { 2 }",
    r"\big( ".replace("(", " ("),
    r"\hspace{1cm} a \\[2pt]".replace(r" \\[2pt]", ""),
    r"f '",
    r"a \le b",
]
BROKEN = {
    r"\text { a \' }": r"\' lacks its letter",
    "": "the formula is empty",
    "{ a": "{ is not closed",
    "a }": "} without its beginning",
    "x _ { 1 } _ { 2 }": "double subscript",
    "x ^ { 1 } ^ { 2 }": "double superscript",
    "f ' ^ { 2 }": "double superscript",
    "x ^ { 2 } '": "double superscript",
    r"\frac { a }": r"\frac lacks its argument",
    r"\frac a b": r"\frac lacks its argument",
    "x _": "_ lacks its argument",
    r"\left( a": r"\left( is not closed",
    r"{ \left( a } \right)": r"\left( is not closed before }",
    r"\right) a": r"\right) without its beginning",
    r"\middle| a": r"\middle| outside",
    r"\begin{matrix} a": r"\begin{matrix} is not closed",
    r"\begin{matrix} a \end{array}": r"\begin{matrix} is not closed before \end{array}",
    r"\begin{cases} a & b & c \end{cases}": "more than 2 columns",
    r"\begin{array} { c } a & b \end{array}": "more than 1 columns",
    r"\begin{array} { x } a \end{array}": "unknown column type x",
    r"\begin{array} { } a \end{array}": "no column",
    r"\begin{array} a \end{array}": "lacks its argument",
    r"\begin{matrix} a \hline \end{matrix}": "must begin a row",
    "a & b": "outside an environment",
    r"a \\ b": "outside an environment",
    r"\begin{matrix} { a & b } \end{matrix}": "outside an environment",
    r"\big a": "lacks its delimiter",
    r"\big": "lacks its delimiter",
    r"a \limits": "must follow an operator",
    r"\sum _ { a } \limits": "must follow an operator",
    r"\text { a _ b }": "inside text",
    r"\text a": "lacks its argument",
    r"\sqrt [ a { b }": "[ is not closed",
    "<unk>": "unknown token <unk>",
    r"\wurst": r"unknown token \wurst",
}


@pytest.mark.parametrize("line", SOUND)
def test_a_sound_formula_has_no_fault(line):
    assert check(line.split()) is None


@pytest.mark.parametrize(("line", "reason"), BROKEN.items())
def test_a_broken_formula_has_a_reason(line, reason):
    assert reason in (check(line.split()) or "")


def test_the_reason_names_the_token():
    assert check(tokenize("x_{1}_{2}")) == "token 6: double subscript"


def test_every_prefix_that_lacks_something_is_refused():
    tokens = tokenize(r"\left(\frac{a}{b}\right)")
    assert check(tokens) is None
    assert all(check(tokens[:length]) for length in range(len(tokens)))


def test_every_word_of_the_table_survives_the_tokenizer():
    for name in [*COMMANDS, *BEGIN]:
        assert tokenize(join([name])) == [name]


def test_every_symbol_is_a_formula():
    bare = [entry.name for entry in COMMANDS.values() if entry.kind is CommandKind.SYMBOL]
    assert len(bare) > 500
    assert [name for name in bare if check([name])] == []
    assert all(check(["\\big", mark]) is None for mark in DELIMITERS)
