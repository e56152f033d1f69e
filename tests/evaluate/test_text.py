"""Text scores against hand-made cases, a plain dynamic programme, nltk and sacrebleu."""

from __future__ import annotations

import math
import random
import warnings

import pytest
from hypothesis import given
from hypothesis import strategies as st

from im2latex_cli.evaluate import text

TOKENS = st.lists(st.sampled_from(["a", "b", "c", r"\frac", "{", "}"]), max_size=12)


def words(line: str) -> list[str]:
    return line.split()


def corpus(seed: int, pairs: int = 60) -> tuple[list[list[str]], list[list[str]]]:
    """References of 6 to 30 tokens and hypotheses with some tokens changed, lost or added."""
    draw = random.Random(seed)
    alphabet = [rf"\t{number}" for number in range(30)]
    references = [draw.choices(alphabet, k=draw.randint(6, 30)) for _ in range(pairs)]
    hypotheses = [
        [draw.choice(alphabet) if draw.random() < 0.15 else token for token in reference]
        for reference in references
    ]
    return references, [row[: draw.randint(len(row) // 2, len(row))] for row in hypotheses]


def plain_distance(left: list[str], right: list[str]) -> int:
    previous = list(range(len(right) + 1))
    for row, token in enumerate(left, start=1):
        current = [row]
        for column, other in enumerate(right, start=1):
            current.append(
                min(
                    previous[column] + 1,
                    current[-1] + 1,
                    previous[column - 1] + (token != other),
                )
            )
        previous = current
    return previous[-1]


def test_bleu_of_a_corpus_counted_by_hand():
    references = [words("a b c d e f"), words("x y z w")]
    hypotheses = [words("a b c q e f"), words("x y z w")]
    # 5+4 of 6+4 unigrams, 3+3 of 5+3, 1+2 of 4+2, 0+1 of 3+1 4-grams; lengths equal.
    expected = 100 * (9 / 10 * 6 / 8 * 3 / 6 * 1 / 4) ** 0.25
    assert text.score(references, hypotheses).bleu4 == pytest.approx(expected)


def test_brevity_is_taken_on_the_totals_of_the_corpus():
    references = [words("a b c d e"), words("a b c d e")]
    hypotheses = [words("a b c d"), words("a b c d e f")]  # 10 against 10: no penalty
    precisions = (9 / 10) * (7 / 8) * (5 / 6) * (3 / 4)
    assert text.score(references, hypotheses).bleu4 == pytest.approx(100 * precisions**0.25)
    shorter = [words("a b c d"), words("a b c d")]
    expected = 100 * math.exp(1 - 10 / 8)
    assert text.score(references, shorter).bleu4 == pytest.approx(expected)


def test_clipping_counts_a_repeated_token_once_for_each_time_in_the_reference():
    scores = text.score([words("a a b c d")], [words("a a a a a")])
    assert scores.bleu4 == 0.0  # two unigrams, one bigram, no trigram
    row = text.pair_statistics(words("a a b c d"), words("a a a a a"))
    assert row[:4] == [2, 1, 0, 0]


def test_a_lone_short_hypothesis_has_no_bleu_though_it_is_right():
    scores = text.score([["a", "b", "c"]], [["a", "b", "c"]])
    assert scores.bleu4 == 0.0
    assert scores.exact_match == 100.0
    assert scores.edit_similarity == 100.0


def test_short_hypotheses_are_where_nltk_differs():
    references = [["a", "b"], words("a b c d e")]
    scores = text.score(references, references)
    assert scores.bleu4 == pytest.approx(100.0)
    # nltk counts one missed trigram and one missed 4-gram for the pair "a b".
    assert scores.bleu4_nltk == pytest.approx(100 * (3 / 4 * 2 / 3) ** 0.25)


def test_missing_hypothesis_is_an_empty_line_and_one_variant_skips_it():
    references = [words("a b c d"), words("e f g h")]
    scores = text.score(references, [words("a b c d"), None])
    assert scores.missing == 1
    assert scores.bleu4 == pytest.approx(100 * math.exp(1 - 8 / 4))
    assert scores.edit_similarity == pytest.approx(50.0)
    assert scores.edit_similarity_present == pytest.approx(100.0)
    assert scores.exact_match == pytest.approx(50.0)


def test_empty_lines_on_one_side_and_on_both():
    assert text.score([[]], [["a"]]).edit_similarity == 0.0
    assert text.score([["a"]], [[]]).edit_similarity == 0.0
    both = text.score([[]], [[]])
    assert (both.edit_similarity, both.exact_match, both.bleu4) == (100.0, 100.0, 0.0)


def test_unknown_tokens_match_nothing_not_even_each_other():
    line = ["a", "<unk>", "b", "<unk>"]
    scores = text.score([line], [line])
    assert scores.exact_match == 0.0
    assert scores.edit_similarity == pytest.approx(50.0)


def test_edit_similarity_is_micro_averaged():
    references = [["a"] * 10, ["b"]]
    hypotheses = [["a"] * 10, ["c", "c"]]
    assert text.score(references, hypotheses).edit_similarity == pytest.approx(100 * (1 - 2 / 12))


@given(st.lists(st.tuples(TOKENS, TOKENS), min_size=1, max_size=6))
def test_edits_are_those_of_a_plain_dynamic_programme(pairs):
    distance = sum(plain_distance(left, right) for left, right in pairs)
    longest = sum(max(len(left), len(right)) for left, right in pairs)
    expected = 100 * (1 - distance / longest) if longest else 100.0
    scores = text.score(*zip(*pairs, strict=True), rounds=2)
    assert scores.edit_similarity == pytest.approx(expected)


@pytest.mark.parametrize("seed", range(6))
def test_bleu_is_sacrebleus_on_the_same_tokens(seed):
    sacrebleu = pytest.importorskip("sacrebleu")
    references, hypotheses = corpus(seed)
    expected = sacrebleu.corpus_bleu(
        [" ".join(row) for row in hypotheses],
        [[" ".join(row) for row in references]],
        smooth_method="none",
        tokenize="none",
        force=True,
    )
    assert text.score(references, hypotheses).bleu4 == pytest.approx(expected.score, abs=1e-9)


@pytest.mark.parametrize("seed", range(6))
def test_the_seed_row_is_nltks(seed):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        bleu_score = pytest.importorskip("nltk.translate.bleu_score")
        references, hypotheses = corpus(seed)
        references, hypotheses = [*references, ["a"], ["b"]], [*hypotheses, ["a"], []]
        expected = 100 * bleu_score.corpus_bleu([[row] for row in references], hypotheses)
    assert text.score(references, hypotheses).bleu4_nltk == pytest.approx(expected, abs=1e-9)


def test_identity_is_100_an_empty_file_0_and_a_shuffled_one_near_chance():
    references, _ = corpus(7, pairs=200)
    same = text.score(references, references)
    assert (same.bleu4, same.edit_similarity, same.exact_match) == (100.0, 100.0, 100.0)
    nothing = text.score(references, [None] * len(references))
    assert (nothing.bleu4, nothing.edit_similarity, nothing.exact_match) == (0.0, 0.0, 0.0)
    shuffled = references[:]
    random.Random(1).shuffle(shuffled)
    mixed = text.score(references, shuffled)
    assert mixed.bleu4 < 3
    assert mixed.exact_match < 2
    assert mixed.edit_similarity < 25


def test_no_pairs_at_all():
    assert text.score([], []).pairs == 0


def test_character_figures_by_hand():
    scores = text.style_scores(["abcd", "xy"], ["abed", "xyzz"])
    assert scores.character_error_rate == pytest.approx(100 * 3 / 6)
    assert scores.pix2tex_edit_distance == pytest.approx(100 * (1 / 4 + 2 / 2) / 2)
    assert scores.unimernet_edit_distance == pytest.approx(100 * (1 / 4 + 2 / 4) / 2)


def test_missing_and_empty_formulas():
    missing = text.style_scores(["ab"], [None])
    assert missing.character_error_rate == missing.unimernet_edit_distance == 100.0
    assert text.style_scores([""], [""]).unimernet_edit_distance == 0.0
    assert text.style_scores([], []).unimernet_bleu == 0.0


def test_identity_has_no_errors():
    formulas = [r"\frac{1}{2}+x^{2}", r"\alpha_{i}\,\beta"]
    scores = text.style_scores(formulas, formulas)
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
    assert text.style_scores(references, hypotheses).unimernet_bleu == pytest.approx(expected.score)
