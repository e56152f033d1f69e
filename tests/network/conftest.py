from __future__ import annotations

import numpy as np
import pytest
import torch

from im2latex_cli.network.network import Network
from im2latex_cli.settings.sections import ModelSettings

torch.set_num_threads(1)  # tensors are tiny; threads would only wait for each other

LITTLE = {
    "channels": (8, 8, 8, 8, 16, 16),
    "units": 24,
    "attention": 16,
    "output": 16,
    "embedding": 8,
}
RESIDUAL = {
    "encoder": "residual",
    "channels": (4, 8, 16),
    "width": 32,
    "heads": 4,
    "feedforward": 32,
}

DIMS = {
    "convolution-lstm": ModelSettings(**LITTLE),
    "convolution-gru-rows": ModelSettings(**LITTLE, decoder="gru", row_encoder=True),
    "convolution-transformer": ModelSettings(
        **LITTLE, decoder="transformer", width=32, feedforward=32, decoder_layers=1
    ),
    "residual-lstm": ModelSettings(**RESIDUAL, units=24, attention=16, output=16, cell_height=8),
    "residual-transformer": ModelSettings(**RESIDUAL, decoder="transformer"),
    "residual-transformer-deep": ModelSettings(
        **RESIDUAL, decoder="transformer", blocks=2, encoder_layers=2, row_encoder=True
    ),
}
VOCABULARY = 19


@pytest.fixture(params=list(DIMS))
def network(request: pytest.FixtureRequest) -> Network:
    """An untrained network whose normalisation has seen pictures, in evaluation mode."""
    torch.manual_seed(7)
    made = Network(DIMS[request.param], VOCABULARY)
    for module in made.modules():
        if isinstance(module, torch.nn.BatchNorm2d):  # biases that would leak into padding
            torch.nn.init.uniform_(module.bias, 0.2, 1.0)
            torch.nn.init.normal_(module.running_mean)
            torch.nn.init.uniform_(module.running_var, 0.5, 2.0)
    return made.eval()


@pytest.fixture
def pictures() -> list[np.ndarray]:
    """Grey noise of sizes that fit no stride, and one that fits."""
    rng = np.random.default_rng(3)
    sizes = [(33, 71), (16, 16), (64, 130), (9, 203), (1, 1)]
    return [rng.integers(0, 256, size, dtype=np.uint8) for size in sizes]
