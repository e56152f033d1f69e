import pytest
from hypothesis import given
from hypothesis import strategies as st

from im2latex_cli.render.embedded.mathra_dialect import rewrite

CASES = [
    ("x + y", "x + y"),
    (r"\hspace { 1 c m } x", r"\hspace{1cm} x"),
    (r"\hspace { - . 2 c m }", r"\hspace{-.2cm}"),
    (r"\hspace * { 0.5 t r u e c m }", r"\hspace{0.5cm}"),
    (r"\hspace{1em}", r"\hspace{1em}"),
    (r"x ^ \dag b", r"x ^ \dagger b"),
    (r"\dagger \varSigma", r"\dagger \mathit{\Sigma}"),
    (r"\cdotp b", r"\mathpunct{\cdot}b"),
    (r"\text{\L odz \ae}", r"\text{Łodz æ}"),
    (r"\text{a\space b}", r"\text{a\ b}"),
    (r"a\nobreakspace b", "a~b"),
    (r"\left\lgroup x \right\rgroup", r"\left\lgroup x \right\rgroup"),
    (r"\lgroup x", r"\mathopen{⟮}x"),
    (r"\sin\limits_{a}x", r"\sin_{a}x"),
    (r"\lim\limits_{a}x", r"\mathop{\underset{{a}}{\lim}}x"),
    (r"\mathop{ab}\limits^{c}_{d}", r"\mathop{\underset{{d}}{\overset{{c}}{\mathop{ab}}}}"),
    (r"\mathop{ab}\nolimits_{d}", r"\mathord{ab}_{d}"),
    (r"\operatorname{ab}\limits_{d}", r"\operatorname{ab}_{d}"),
    (r"\operatorname{a\,b}_{d}", r"\mathord{\mathrm{a\,b}}_{d}"),
    (r"\operatorname*{\operatorname{ab}}_{d}", r"\mathop{\mathrm{\operatorname{ab}}}_{d}"),
    (r"\operatorname{ab}", r"\operatorname{ab}"),
    (r"\max\nolimits_{d}", r"\max\nolimits_{d}"),
    (r"\sum\limits_{a}^{b}", r"\sum\limits_{a}^{b}"),
    (r"\int\nolimits_{a}", r"\int\nolimits_{a}"),
    (r"\underbrace{x}_{a}^b", r"\mathop{\underset{{a}}{\overset{b}{\underbrace{x}}}}"),
    (r"\lbrace x_a\rbrace", r"\lbrace x_a\rbrace"),
    ("a \\", "a"),
    (r"a \\", r"a \\"),
]


@pytest.mark.parametrize(("formula", "wanted"), CASES)
def test_cases(formula, wanted):
    assert rewrite(formula) == wanted


@pytest.mark.parametrize("formula", [wanted for _, wanted in CASES])
def test_rewritten_formulas_stay(formula):
    if "brace{" not in formula:
        assert rewrite(formula) == formula


@pytest.mark.parametrize(
    "word", ["\\limits", "\\nolimits", "\\sin\\limits_", "\\mathop{\\limits^{", "\\overbrace}_"]
)
def test_broken_limits_do_not_fail(word):
    assert isinstance(rewrite(word), str)


@given(
    st.lists(
        st.sampled_from(
            [
                "\\lim",
                "\\limits",
                "\\nolimits",
                "\\mathop",
                "{",
                "}",
                "_",
                "^",
                "a",
                "\\overbrace",
                "\\",
            ]
        )
    )
)
def test_any_order_of_words(words):
    assert isinstance(rewrite(" ".join(words)), str)
