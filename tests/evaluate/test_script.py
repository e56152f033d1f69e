"""The edit script of the python-Levenshtein of 2016, against its own recorded answers."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rapidfuzz.distance import Levenshtein

from im2latex_cli.evaluate import columns

KINDS = "=rid"
SYMBOLS = st.lists(st.integers(0, 3), max_size=20)

# Left, right, and what python-Levenshtein 0.12.2 answers: = equal, r replace, i insert, d delete.
# The first 16 are cases where today's library takes another script of the same length.
RECORDED = [
    ("ecffacbaddacbb", "ecffcaddabcb", "=4 d1 =1 d1 =4 r2 =1"),
    ("dcaeafddadbebbcf", "dceaefdddadbedbbebab", "=2 i1 =2 r2 =6 i1 =1 i2 =1 r2"),
    ("bbbbbbbbaaabaa", "bbbbbaaba", "=5 d4 =3 d1 =1"),
    ("abaabaaaaaaa", "babababaaaaa", "d1 =2 i1 =3 r1 =5"),
    ("cacabbcccbacbbb", "ccbcccbbb", "=1 d1 =1 d2 =3 d3 =4"),
    ("ecbcabefcaf", "cbcabffddebcccf", "d1 =5 i4 =1 i1 r1 =1 r1 =1"),
    ("cbababccccc", "cbaaabbabcccc", "=3 r1 =2 i2 r1 =4"),
    ("cebddbfdaae", "ebdbda", "d1 =2 d1 =2 d1 =2 d2"),
    ("dcdfedbca", "dcfebffdcaeedbeda", "=2 i5 =1 i2 r1 =3 i1 r1 =1"),
    ("afaddeaabd", "afadedbcb", "=4 d1 =1 r4"),
    ("baaabaaabaaa", "ababbaaabaaababbaa", "i4 =10 i2 =2"),
    ("bbcbbca", "bcbbcbcbbaaa", "=1 i2 =3 i1 =1 i2 r1 =1"),
    ("ababababba", "babbababaabba", "i1 =1 i1 =5 i1 =4"),
    ("cdcbcdbfbbf", "cbccbcbfbedfab", "=1 i1 r1 =3 d1 =3 i1 r1 =1 i2"),
    ("bbbbaaaab", "bbabbbaababaab", "=2 i2 =4 i3 =3"),
    ("deacfddccaacb", "deaabecfdccfefaab", "=3 i3 =3 r1 =1 i1 r2 =1 r1 =1"),
    ("fcbfcfaefea", "fcbfacfea", "=4 d2 =1 r1 =3"),
    ("baab", "abaa", "i1 =3 d1"),
    ("fbbebdbeecacdbd", "fdfebdbeecacfdb", "=1 r2 =9 i1 =2 d1"),
    ("bccbcbcabbcc", "bcbcbabc", "=2 d1 =3 d1 =2 d2 =1"),
    ("ca", "ca", "=2"),
    ("cabcacccbba", "cabcacccbbb", "=10 r1"),
    ("badbefadaec", "babbbfeadec", "=2 r1 =1 r1 =1 i1 =2 d1 =2"),
    ("ababaabaabb", "abbabbabbbaabaabb", "=2 i1 =1 i5 =8"),
]


def numbers(text: str) -> list[int]:
    return [ord(letter) for letter in text]


@pytest.mark.parametrize(("left", "right", "recorded"), RECORDED)
def test_recorded_scripts(left, right, recorded):
    found = columns.blocks(numbers(left), numbers(right))
    assert " ".join(f"{KINDS[kind]}{max(lost, added)}" for kind, lost, added in found) == recorded


@given(SYMBOLS, SYMBOLS)
def test_a_script_turns_one_side_into_the_other_in_the_fewest_steps(left, right):
    made: list[int] = []
    steps = taken = 0
    for kind, lost, added in columns.blocks(left, right):
        if kind == columns.EQUAL:
            assert left[taken : taken + lost] == right[len(made) : len(made) + added]
        else:
            steps += max(lost, added)
        taken += lost
        made += right[len(made) : len(made) + added]
    assert (taken, made) == (len(left), right)
    assert steps == Levenshtein.distance(left, right)


@given(SYMBOLS, SYMBOLS)
def test_costs_are_those_of_a_plain_dynamic_programme(left, right):
    plain = np.zeros((len(left) + 1, len(right) + 1), int)
    for i in range(len(left) + 1):
        for j in range(len(right) + 1):
            ways = [plain[i - 1][j] + 1] if i else []
            ways += [plain[i][j - 1] + 1] if j else []
            ways += [plain[i - 1][j - 1] + (left[i - 1] != right[j - 1])] if i and j else []
            plain[i][j] = min(ways, default=0)
    assert (columns.costs(left, right) == plain).all()
