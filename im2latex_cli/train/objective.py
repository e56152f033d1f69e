"""The forward pass of training as one module: pictures and formulas in, losses out.

One module, so that several processes can share its gradients and a compiler can see all of it.
"""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn

from im2latex_cli.network.network import Network
from im2latex_cli.settings.training import TrainSettings
from im2latex_cli.train.input.glyph_targets import GlyphTargets
from im2latex_cli.train.losses import GlyphHead, Mean, attention_loss, text_loss


class Objective(nn.Module):
    """What training minimises, on one batch.

    Attributes:
        network: the network under training.
        head: the glyph classifier, or None.
    """

    def __init__(self, network: Network, head: GlyphHead | None, settings: TrainSettings) -> None:
        super().__init__()
        self.network = network
        self.head = head
        self.settings = settings

    def forward(
        self, images: Tensor, sizes: Tensor, ids: Tensor, glyphs: tuple[Tensor, ...] | None
    ) -> dict[str, Tensor]:
        """Losses by name: text, glyph, attention; the last two where they are taught.

        Args:
            images: (B, 1, H, W) ink.
            sizes: (B, 2) heights and widths.
            ids: (B, T + 1) begin, tokens, end, padding.
            glyphs: fields of the batch's `GlyphTargets`, or None.

        Returns:
            (2,) each: the mean, and the weight of what it is the mean of.
        """
        memory = self.network.encode(images, sizes)
        decoded = self.network.decode(memory, ids[:, :-1])
        found = {
            "text": text_loss(decoded.logits, ids[:, 1:], smoothing=self.settings.label_smoothing)
        }
        if glyphs is not None:
            targets = GlyphTargets(*glyphs)
            frame = cast("tuple[int, int]", tuple(images.shape[-2:]))
            if self.head is not None:
                found["glyph"] = self.head(memory.glyphs, targets, frame)
            if self.settings.attention_weight:
                found["attention"] = attention_loss(
                    decoded.attention, memory.mask, targets, grid=memory.grid, frame=frame
                )
        return {name: _stacked(mean) for name, mean in found.items()}

    def weight(self, name: str) -> float:
        """Weight of a loss in the sum that is minimised."""
        weights = {
            "text": 1.0,
            "glyph": self.settings.glyph_weight,
            "attention": self.settings.attention_weight,
        }
        return weights[name]


def _stacked(mean: Mean) -> Tensor:
    return torch.stack([mean.value, mean.weight.to(mean.value.dtype)])
