"""The vocabulary: tokens of the normal form and their numbers."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from im2latex_cli.errors import InputError
from im2latex_cli.files import write_text

PAD, BOS, EOS, UNK = 0, 1, 2, 3
SPECIALS = ("<pad>", "<bos>", "<eos>", "<unk>")
"""The first four tokens of every vocabulary."""


@dataclass(frozen=True)
class Vocab:
    """Tokens by number.

    Attributes:
        tokens: (V,) the four specials, then tokens by falling count, then by name.
        counts: (V,) how often each occurred; 0 for the specials.
    """

    tokens: tuple[str, ...]
    counts: tuple[int, ...]
    _ids: dict[str, int] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.tokens[:4] != SPECIALS or len(self.tokens) != len(self.counts):
            raise InputError(
                "this is not a vocabulary of ours: its first four tokens or its counts are wrong",
                hint="make it again with: im2latex vocab",
            )
        ids = {token: number for number, token in enumerate(self.tokens)}
        if len(ids) != len(self.tokens):
            raise InputError(
                "the vocabulary holds a token twice", hint="make it again with: im2latex vocab"
            )
        object.__setattr__(self, "_ids", ids)

    @classmethod
    def build(cls, counts: Mapping[str, int], *, min_count: int) -> Vocab:
        """Take the tokens seen at least `min_count` times.

        Args:
            counts: occurrences by token.
            min_count: rarer tokens are left out.
        """
        pairs = [
            (token, count)
            for token, count in counts.items()
            if count >= min_count and token not in SPECIALS
        ]
        pairs.sort(key=lambda pair: (-pair[1], pair[0]))
        return cls(
            tokens=(*SPECIALS, *(token for token, _ in pairs)),
            counts=(0, 0, 0, 0, *(count for _, count in pairs)),
        )

    def __len__(self) -> int:
        return len(self.tokens)

    def encode(self, tokens: Iterable[str]) -> list[int]:
        """Numbers of tokens, UNK for those unknown; without BOS and EOS."""
        ids = self._ids
        return [ids.get(token, UNK) for token in tokens]

    def decode(self, ids: Iterable[int]) -> list[str]:
        """Tokens of numbers: stops at EOS, skips PAD and BOS."""
        tokens: list[str] = []
        for number in ids:
            if number == EOS:
                break
            if number not in (PAD, BOS):
                tokens.append(self.tokens[number])
        return tokens

    def unknown(self, tokens: Iterable[str]) -> list[str]:
        """The tokens that have no number, in order, each once."""
        return list(dict.fromkeys(token for token in tokens if token not in self._ids))

    def to_json(self) -> dict[str, Any]:
        """As a JSON object."""
        return {"format": 1, "tokens": list(self.tokens), "counts": list(self.counts)}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Vocab:
        """From `to_json`'s object.

        Raises:
            InputError: it is no such object.
        """
        try:
            tokens: Sequence[Any] = value["tokens"]
            counts: Sequence[Any] = value["counts"]
            return cls(tuple(map(str, tokens)), tuple(map(int, counts)))
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(
                f"this is not a vocabulary of ours: {error!r}",
                hint="make it again with: im2latex vocab",
            ) from error

    def save(self, path: Path) -> None:
        """Write it as JSON, whole or not at all."""
        write_text(path, json.dumps(self.to_json(), ensure_ascii=False, indent=0) + "\n")

    @classmethod
    def load(cls, path: Path) -> Vocab:
        """Read a file of `save`.

        Raises:
            InputError: the file is missing or not a vocabulary.
        """
        try:
            value = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError as error:
            raise InputError(
                f"no vocabulary at {path}", hint="make it with: im2latex vocab `data` DIR"
            ) from error
        except (OSError, ValueError) as error:
            raise InputError(
                f"cannot read the vocabulary {path}: {error}",
                hint="make it again with: im2latex vocab `data` DIR",
            ) from error
        if not isinstance(value, dict):
            raise InputError(f"{path} is not a vocabulary", hint="make it with: im2latex vocab")
        return cls.from_json(value)
