"""Attention written out for gradients on the CPU is the attention of torch's kernel."""

from __future__ import annotations

import pytest
import torch

from im2latex_cli.network.attention import CrossAttention, SelfAttention

MASK = torch.arange(9)[None] < torch.tensor([[9], [4], [1]])


@pytest.mark.parametrize("causal", [False, True])
def test_self_attention_with_and_without_gradients(*, causal: bool) -> None:
    torch.manual_seed(0)
    attend, x = SelfAttention(16, 4, 0.0), torch.randn(3, 9, 16)
    mask = None if causal else MASK
    written = attend(x, mask=mask, causal=causal)
    assert written.requires_grad
    with torch.no_grad():
        fused = attend(x, mask=mask, causal=causal)
    torch.testing.assert_close(written, fused)


def test_cross_attention_with_and_without_gradients() -> None:
    torch.manual_seed(0)
    attend, x = CrossAttention(16, 4, 0.0), torch.randn(3, 5, 16)
    features = torch.randn(3, 9, 16)
    written = attend(attend.queries(x), attend.memory(features), MASK)
    assert written.requires_grad
    with torch.no_grad():
        fused = attend(attend.queries(x), attend.memory(features), MASK)
    torch.testing.assert_close(written, fused)
    features[1, 4:] = 100.0
    torch.testing.assert_close(attend(attend.queries(x), attend.memory(features), MASK), written)
