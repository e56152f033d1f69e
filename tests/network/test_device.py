from types import SimpleNamespace

import pytest
import torch

from im2latex_cli.network.torch_engine import fast_in_bfloat16


@pytest.mark.parametrize(("generation", "fast"), [(7, False), (8, True), (9, True)])
def test_only_gpus_with_instructions_for_bfloat16_are_fast_in_it(generation, fast, monkeypatch):
    told = SimpleNamespace(major=generation, minor=0)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "current_device", lambda: 0)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda _device: told)
    monkeypatch.setattr(torch.version, "hip", None)
    assert fast_in_bfloat16(torch.device("cuda")) is fast
