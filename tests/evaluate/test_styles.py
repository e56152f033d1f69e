"""Other projects' figures, by hand and against sacrebleu's mteval-v13a words."""

from __future__ import annotations

import random

import pytest

from im2latex_cli.evaluate import styles


def test_character_figures_by_hand():
    scores = styles.score(["abcd", "xy"], ["abed", "xyzz"])
    assert scores.character_error_rate == pytest.approx(100 * 3 / 6)
    assert scores.pix2tex_edit_distance == pytest.approx(100 * (1 / 4 + 2 / 2) / 2)
    assert scores.unimernet_edit_distance == pytest.approx(100 * (1 / 4 + 2 / 4) / 2)


def test_missing_and_empty_formulas():
    missing = styles.score(["ab"], [None])
    assert missing.character_error_rate == missing.unimernet_edit_distance == 100.0
    assert styles.score([""], [""]).unimernet_edit_distance == 0.0
    assert styles.score([], []).unimernet_bleu == 0.0


def test_identity_has_no_errors():
    formulas = [r"\frac{1}{2}+x^{2}", r"\alpha_{i}\,\beta"]
    scores = styles.score(formulas, formulas)
    assert (scores.character_error_rate, scores.pix2tex_edit_distance) == (0.0, 0.0)
    assert scores.unimernet_bleu == pytest.approx(100.0)


@pytest.mark.parametrize("seed", range(4))
def test_bleu_is_sacrebleus_with_the_words_of_mteval(seed):
    sacrebleu = pytest.importorskip("sacrebleu")
    draw = random.Random(seed)
    pieces = [r"\frac{1}{2}", "x^{2}", r"\alpha_{i,j}", "+3.14", "-7,5", "(a-b)", r"\sin x", "=&"]
    references = ["".join(draw.choices(pieces, k=9)) for _ in range(40)]
    hypotheses = [line.replace("2", "3").replace("(a", "[a") for line in references]
    expected = sacrebleu.corpus_bleu(
        hypotheses, [references], smooth_method="none", tokenize="13a", force=True
    )
    assert styles.score(references, hypotheses).unimernet_bleu == pytest.approx(expected.score)
