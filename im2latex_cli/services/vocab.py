"""im2latex vocab: the vocabulary of a data set's train split, and its coverage."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from im2latex_cli.data import store
from im2latex_cli.errors import EXIT_OK
from im2latex_cli.latex.vocab import Vocab
from im2latex_cli.progress import Reporter
from im2latex_cli.settings.sections import Settings


@dataclass(frozen=True, slots=True)
class Coverage:
    """How much of a split the vocabulary knows.

    Attributes:
        split: its name.
        formulas: formulas of the split.
        tokens: their tokens.
        known_tokens: share of the tokens in the vocabulary, in percent.
        known_formulas: share of the formulas with known tokens only, in percent.
        unknown: tokens that the vocabulary lacks, most frequent first.
    """

    split: str
    formulas: int
    tokens: int
    known_tokens: float
    known_formulas: float
    unknown: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TokenCount:
    """A token and how often the train split has it."""

    token: str
    count: int


@dataclass(frozen=True, slots=True)
class VocabResult:
    """The vocabulary of a train split.

    Attributes:
        data: the data set folder.
        path: the vocabulary file, written anew if it changed.
        size: tokens, specials aside.
        min_count: how often a token must occur.
        counts: its tokens, most frequent first.
        left_out: tokens of the train split that are too rare for it.
        coverage: of each split.
    """

    data: str
    path: str
    size: int
    min_count: int
    counts: tuple[TokenCount, ...]
    left_out: tuple[TokenCount, ...]
    coverage: tuple[Coverage, ...]

    @property
    def exit_code(self) -> int:
        """Always 0."""
        return EXIT_OK


def run(settings: Settings, reporter: Reporter, *, data: Path) -> VocabResult:
    """Write the vocabulary of the train split of `data` and measure its coverage.

    Raises:
        InputError: there is no data set, or it has no train split.
    """
    min_count = settings.vocab.min_count
    train = store.read(data, "train")
    token_counts = _count_tokens(train)
    vocab = Vocab.build(token_counts, min_count=min_count)
    path = data / store.VOCAB
    if not path.is_file() or Vocab.load(path) != vocab:
        vocab.save(path)
        reporter.info(f"{path} is written.")
    vocabulary = set(vocab.tokens)
    ranked = [TokenCount(token, count) for token, count in _by_count(token_counts)]
    counts = tuple(item for item in ranked if item.token in vocabulary)
    return VocabResult(
        data=str(data),
        path=str(path),
        size=len(counts),
        min_count=min_count,
        counts=counts,
        left_out=tuple(item for item in ranked if item.token not in vocabulary),
        coverage=tuple(
            _coverage(name, train if name == "train" else store.read(data, name), vocabulary)
            for name in store.splits(data)
        ),
    )


def _count_tokens(records: list[store.Record]) -> Counter[str]:
    """Count the tokens of all records."""
    return Counter(token for record in records for token in record.tokens)


def _coverage(split: str, records: list[store.Record], vocabulary: set[str]) -> Coverage:
    token_counts = _count_tokens(records)
    unknown = {token: count for token, count in token_counts.items() if token not in vocabulary}
    sound = sum(vocabulary.issuperset(record.tokens) for record in records)
    total = token_counts.total()
    return Coverage(
        split=split,
        formulas=len(records),
        tokens=total,
        known_tokens=100.0 * (total - sum(unknown.values())) / max(1, total),
        known_formulas=100.0 * sound / len(records),
        unknown=tuple(token for token, _ in _by_count(unknown)),
    )


def _by_count(counts: Mapping[str, int]) -> list[tuple[str, int]]:
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))
