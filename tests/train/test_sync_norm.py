from pathlib import Path

import pytest
import torch
import torch.distributed as dist

from im2latex_cli.train.distributed import SyncNorm, synchronise


@pytest.fixture
def alone(tmp_path: Path):
    """Return a group of one process."""
    dist.init_process_group("gloo", init_method=f"file://{tmp_path}/meet", rank=0, world_size=1)
    yield
    dist.destroy_process_group()


@pytest.mark.usefixtures("alone")
@pytest.mark.parametrize("training", [True, False])
def test_one_process_normalises_as_torch_does(training: bool) -> None:
    torch.manual_seed(0)
    network = torch.nn.Sequential(torch.nn.Conv2d(2, 3, 1), torch.nn.BatchNorm2d(3))
    shared = torch.nn.Sequential(torch.nn.Conv2d(2, 3, 1), torch.nn.BatchNorm2d(3))
    shared.load_state_dict(network.state_dict())
    synchronise(shared)
    assert isinstance(shared[1], SyncNorm)
    for module in (network, shared):
        module.train(training)
    for _ in range(3):
        images = 5 + torch.randn(4, 2, 6, 7)
        outputs = [module(images) for module in (network, shared)]
        assert torch.allclose(*outputs, atol=1e-5)
        for module, output in zip((network, shared), outputs, strict=True):
            module.zero_grad()
            output.square().mul(torch.arange(7)).sum().backward()
        for one, other in zip(network.parameters(), shared.parameters(), strict=True):
            assert torch.allclose(one.grad, other.grad, rtol=1e-3, atol=1e-2)
    for name, value in network.state_dict().items():
        assert torch.allclose(value, shared.state_dict()[name], atol=1e-4), name
