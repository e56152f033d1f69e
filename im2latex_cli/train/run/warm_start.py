"""Beginning with the weights of another model: its tokens stay, new ones are added behind them."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from im2latex_cli.checkpoints import ModelFile
from im2latex_cli.errors import CheckpointError
from im2latex_cli.latex.vocab import Vocab
from im2latex_cli.network.network import Network
from im2latex_cli.settings.sections import ModelSettings

FREE = ("dropout",)
"""Dimensions that shape no tensor, so that a run may change them."""

_FRESH = 0.1
"""Share of its usual size that a new token's random part keeps beside the mean of all tokens."""


def merge(known: Vocab, new: Vocab) -> Vocab:
    """All tokens of `known` under their numbers, then those that only `new` has; counts add up.

    Tokens that the new data set lacks stay, so that fine-tuning takes away no symbol.
    """
    counts = dict(zip(new.tokens, new.counts, strict=True))
    added = known.unknown(new.tokens)
    return Vocab(
        tokens=(*known.tokens, *added),
        counts=(
            *(
                count + counts.get(token, 0)
                for token, count in zip(known.tokens, known.counts, strict=True)
            ),
            *(counts[token] for token in added),
        ),
    )


def demand_dims(model: ModelFile, wanted: ModelSettings, *, name: str) -> None:
    """Check that a network of these dimensions can take the model's weights.

    Raises:
        CheckpointError: naming each setting that differs, with both values.
    """
    has, asked = model.dims.model_dump(), wanted.model_dump()
    differ = [one for one in has if one not in FREE and has[one] != asked[one]]
    if differ:
        told = ", ".join(f"model.{one} {has[one]!r}, not {asked[one]!r}" for one in differ)
        raise CheckpointError(
            f"The model {name} has other dimensions than you set: {told}.",
            hint="Leave these settings out: the dimensions then come from the model.",
        )


@torch.no_grad()
def begin_from(network: Network, tensors: Mapping[str, Tensor]) -> None:
    """Give a network the weights of a model whose tokens are the first of its own.

    A token without weights begins at the mean of all others with a little noise, so that the
    network neither prefers nor shuns it (Hewitt 2021, "Initializing New Word Embeddings for
    Pretrained Language Models").

    Args:
        network: changed in place; its own random weights give the noise.
        tensors: the model's state; a tensor with a row for each token may have fewer rows.
    """
    state = network.state_dict()
    for name, fresh in state.items():
        old = tensors[name].to(fresh.dtype)
        if old.shape == fresh.shape:
            fresh.copy_(old)
            continue
        fresh[len(old) :] = old.mean(dim=0, keepdim=True) + _FRESH * fresh[len(old) :]
        fresh[: len(old)] = old
