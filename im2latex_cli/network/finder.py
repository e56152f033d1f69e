"""The finder's network in torch, for training; `pages.network` computes it with NumPy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from im2latex_cli.pages.network import LAYERS, forward


class TrainableFinder(nn.Module):
    """Fully convolutional, with batch normalisation that `weights` folds into the kernels.

    Pictures (B, 1, H, W) of ink from 0 to 1, H and W multiples of 64, to outputs (B, 8, H/4, W/4):
    logits of the classes, then logarithms of the distances to the edges.
    """

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleDict()
        for name, layer in LAYERS.items():
            last = name == "head"
            convolution = nn.Conv2d(
                layer.inputs,
                layer.outputs,
                layer.side,
                layer.stride,
                padding=layer.side // 2,
                bias=last,
            )
            norm = nn.Identity() if last else nn.BatchNorm2d(layer.outputs)
            self.layers[name] = nn.Sequential(convolution, norm)

    def forward(self, pictures: Tensor) -> Tensor:
        """Outputs of each cell."""
        return forward(self._layer, _doubled, pictures)

    def _layer(self, name: str, values: Tensor) -> Tensor:
        outputs = cast("Tensor", self.layers[name](values))
        return outputs if name == "head" else functional.relu(outputs)

    @torch.no_grad()
    def load_folded(self, weights: Mapping[str, NDArray[np.floating]], ink: Tensor) -> None:
        """Begin with weights that `weights` gave; (B, 1, H, W) of ink sets the normalisation."""

        def layer(name: str, values: Tensor) -> Tensor:
            convolution, norm = cast("nn.Sequential", self.layers[name])
            bias = torch.from_numpy(weights[f"{name}.bias"].astype(np.float32))
            kernel = torch.from_numpy(weights[f"{name}.weight"].astype(np.float32))
            cast("Tensor", convolution.weight).copy_(kernel)
            if not isinstance(norm, nn.BatchNorm2d):
                cast("Tensor", convolution.bias).copy_(bias)
                return cast("Tensor", convolution(values))
            outputs = cast("Tensor", convolution(values))
            mean, variance = outputs.mean((0, 2, 3)), outputs.var((0, 2, 3), unbiased=False)
            cast("Tensor", norm.running_mean).copy_(mean)
            cast("Tensor", norm.running_var).copy_(variance)
            norm.weight.copy_(torch.sqrt(variance + norm.eps))
            norm.bias.copy_(mean + bias)
            return functional.relu(outputs + bias[:, None, None])

        forward(layer, _doubled, ink)

    @torch.no_grad()
    def weights(self) -> dict[str, NDArray[np.float16]]:
        """Kernels and biases as `pages.network` takes them, in half precision."""
        folded: dict[str, NDArray[np.float16]] = {}
        for name, part in self.layers.items():
            convolution = cast("nn.Conv2d", cast("nn.Sequential", part)[0])
            norm = cast("nn.Sequential", part)[1]
            kernel: Tensor = convolution.weight
            bias = convolution.bias
            if isinstance(norm, nn.BatchNorm2d):
                variance, mean = cast("Tensor", norm.running_var), cast("Tensor", norm.running_mean)
                scale: Tensor = norm.weight / torch.sqrt(variance + norm.eps)
                kernel, bias = kernel * scale[:, None, None, None], norm.bias - mean * scale
            if bias is None:
                raise AssertionError
            folded[f"{name}.weight"] = kernel.numpy().astype(np.float16)
            folded[f"{name}.bias"] = bias.numpy().astype(np.float16)
        return folded


def _doubled(values: Tensor) -> Tensor:
    return functional.interpolate(values, scale_factor=2, mode="nearest")
