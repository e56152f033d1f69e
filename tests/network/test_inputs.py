from __future__ import annotations

import numpy as np
import torch

from im2latex_cli.network.torch_engine import to_batch
from im2latex_cli.vision.prepare import UNIT


def test_pictures_stand_at_the_top_left_on_paper():
    black = np.zeros((3, 5), np.uint8)
    grey = np.full((20, 2), 204, np.uint8)
    images, sizes = to_batch([black, grey])
    assert images.shape == (2, 1, 2 * UNIT[0], UNIT[1])
    assert images.dtype == torch.float32
    assert sizes.tolist() == [[3, 5], [20, 2]]
    assert images[0, 0, :3, :5].eq(1).all()
    assert images[0].sum() == 15
    assert torch.allclose(images[1, 0, :20, :2], torch.tensor(0.2))
    assert images[1, 0, 20:].sum() == 0
