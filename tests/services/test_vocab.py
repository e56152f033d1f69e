import json
from pathlib import Path

import pytest

from im2latex_cli.data import store
from im2latex_cli.errors import InputError
from im2latex_cli.latex.vocab import Vocab
from im2latex_cli.progress import SilentReporter
from im2latex_cli.services import vocab
from im2latex_cli.services.vocab import TokenCount
from im2latex_cli.settings.sections import Settings


@pytest.fixture
def root(tmp_path: Path) -> Path:
    formulas = {"train": ["x + y", "x + x", r"\alpha"], "val": ["x", r"\beta + z + z"]}
    for split, lines in formulas.items():
        (tmp_path / split).mkdir()
        with (tmp_path / split / store.METADATA).open("w") as out:
            for number, tokens in enumerate(lines):
                name = f"{number}.png"
                (tmp_path / split / name).touch()
                row = {"file_name": name, "formula": "", "tokens": tokens, "width": 1, "height": 1}
                out.write(json.dumps(row) + "\n")
    return tmp_path


def run(root: Path, min_count: int = 1) -> vocab.VocabResult:
    tree = Settings.model_validate({"vocab": {"min_count": min_count}})
    return vocab.run(tree, SilentReporter(), data=root)


def test_counts_coverage_and_unknown_tokens(root: Path) -> None:
    result = run(root)
    assert result.counts == (
        TokenCount("x", 3),
        TokenCount("+", 2),
        TokenCount(r"\alpha", 1),
        TokenCount("y", 1),
    )
    assert (result.size, result.left_out, result.exit_code) == (4, (), 0)
    train, val = result.coverage
    assert (train.known_tokens, train.known_formulas, train.unknown) == (100.0, 100.0, ())
    assert (val.formulas, val.tokens, val.unknown) == (2, 6, ("z", r"\beta"))
    assert val.known_tokens == pytest.approx(50.0)
    assert val.known_formulas == pytest.approx(50.0)


def test_rare_tokens_are_left_out_of_the_file(root: Path) -> None:
    result = run(root, min_count=2)
    assert [one.token for one in result.counts] == ["x", "+"]
    assert [one.token for one in result.left_out] == [r"\alpha", "y"]
    assert set(Vocab.load(root / store.VOCAB).tokens[4:]) == {"x", "+"}
    assert result.coverage[0].unknown == (r"\alpha", "y")


def test_an_equal_file_is_not_written_again(root: Path) -> None:
    run(root)
    before = (root / store.VOCAB).stat().st_mtime_ns
    run(root)
    assert (root / store.VOCAB).stat().st_mtime_ns == before


def test_no_data_set(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="im2latex build"):
        run(tmp_path / "absent")
