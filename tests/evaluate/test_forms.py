"""The forms of a formula, and the one that is drawn."""

from __future__ import annotations

import pytest

from im2latex_cli.evaluate import forms
from im2latex_cli.evaluate.forms import Example
from im2latex_cli.latex.normalize import normalize
from im2latex_cli.latex.tokenizer import join


def example(reference: str, hypothesis: str | None) -> Example:
    given = None if hypothesis is None else tuple(hypothesis.split())
    return Example("1", reference, hypothesis, tuple(reference.split()), given)


def test_raw_is_what_was_given():
    found = forms.tokens_in("raw", [example("x^2 + y", "x ^ 2"), example("x", None)])
    assert found == ([("x^2", "+", "y"), ("x",)], [("x", "^", "2"), None])


@pytest.mark.parametrize("form", [form for form in forms.FORMS if form != "raw"])
def test_other_forms_forgive_braces_and_the_order_of_scripts(form):
    left, right = forms.tokens_in(form, [example("x^2_1+y", "x _ { 1 } ^ { 2 } + y")])
    assert left == right
    assert left[0]


def test_only_forms_without_spacing_forgive_spacing():
    same = {}
    for form in forms.FORMS:
        left, right = forms.tokens_in(form, [example(r"a \, b", "a b")])
        same[form] = left == right
    assert same == {
        "raw": False,
        "im2markup": False,
        "normalised": False,
        "normalised_no_spacing": True,
        "equivalent": True,
    }


@pytest.mark.parametrize(
    ("formula", "drawn"),
    [
        (r"x \hspace { 1 . 5 c m } y", r"x \hspace {1.5cm} y"),
        (r"x \vspace*{ 2 pt}", r"x \vspace*{2pt}"),
        ("% x + y %", "x + y"),
        (r"x = 5 \%", r"x = 5 \%"),
        ("x^2", "x^2"),
        ("  ", ""),
    ],
)
def test_what_is_drawn(formula, drawn):
    assert forms.drawable(formula) == drawn


def test_old_matrices_are_drawn_as_environments():
    assert r"\begin{matrix}" in forms.drawable(r"\matrix{a&b\cr c&d}")
    assert r"\matrix" not in forms.drawable(r"\matrix{a&b\cr c&d}")


def test_a_missing_hypothesis_stays_missing_in_every_form():
    for form in forms.FORMS:
        assert forms.tokens_in(form, [example("x", None)])[1] == [None]


@pytest.mark.parametrize("formula", [r"\mathrm { s u c h ~ t h a t } \, x", r"{\rm for\ all}\; x"])
def test_a_reader_of_the_kept_form_is_right_without_spacing_too(formula: str) -> None:
    read = join(normalize(formula).tokens)
    references, hypotheses = forms.tokens_in("normalised_no_spacing", [example(formula, read)])
    assert references == hypotheses
