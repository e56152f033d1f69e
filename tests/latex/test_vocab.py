"""The vocabulary and its file."""

import json

import pytest

from im2latex_cli.errors import InputError
from im2latex_cli.latex.vocab import BOS, EOS, PAD, SPECIALS, UNK, Vocab

COUNTS = {"x": 5, "{": 9, "}": 9, "\\alpha": 2, "y": 1}


def test_tokens_come_by_falling_count_then_by_name():
    vocab = Vocab.build(COUNTS, min_count=2)
    assert vocab.tokens == (*SPECIALS, "{", "}", "x", "\\alpha")
    assert vocab.counts == (0, 0, 0, 0, 9, 9, 5, 2)
    assert len(vocab) == 8


def test_encoding_and_decoding_are_inverse_for_known_tokens():
    vocab = Vocab.build(COUNTS, min_count=1)
    tokens = ["x", "{", "\\alpha", "}", "y"]
    assert vocab.decode(vocab.encode(tokens)) == tokens


def test_unknown_tokens_get_one_number_and_are_listed_once():
    vocab = Vocab.build(COUNTS, min_count=2)
    assert vocab.encode(["x", "y", "z"])[1:] == [UNK, UNK]
    assert vocab.unknown(["y", "x", "z", "y"]) == ["y", "z"]


def test_decoding_stops_at_the_end_and_skips_padding():
    vocab = Vocab.build(COUNTS, min_count=2)
    x = vocab.encode(["x"])[0]
    assert vocab.decode([BOS, PAD, x, x, EOS, x]) == ["x", "x"]


def test_a_saved_vocabulary_loads_as_it_was(tmp_path):
    vocab = Vocab.build(COUNTS, min_count=1)
    vocab.save(tmp_path / "vocab.json")
    assert Vocab.load(tmp_path / "vocab.json") == vocab
    assert Vocab.from_json(json.loads(json.dumps(vocab.to_json()))) == vocab


@pytest.mark.parametrize(
    "content",
    ["", "[]", "{}", '{"tokens": ["a"], "counts": [1]}', '{"tokens": 3, "counts": 4}', "\xff"],
)
def test_a_broken_file_is_one_clear_error(tmp_path, content):
    path = tmp_path / "vocab.json"
    path.write_bytes(content.encode("latin-1"))
    with pytest.raises(InputError):
        Vocab.load(path)


def test_a_missing_file_names_the_command(tmp_path):
    with pytest.raises(InputError, match="im2latex vocab"):
        Vocab.load(tmp_path / "none.json")


def test_a_token_twice_is_refused():
    with pytest.raises(InputError, match="twice"):
        Vocab((*SPECIALS, "a", "a"), (0, 0, 0, 0, 1, 1))
