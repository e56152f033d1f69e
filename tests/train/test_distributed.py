import pytest
import torch
import torch.distributed as dist

from im2latex_cli.errors import UsageError
from im2latex_cli.train import distributed


def test_more_processes_than_gpus_are_refused_before_they_meet(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(dist, "is_torchelastic_launched", lambda: True)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setenv("LOCAL_RANK", "2")
    with pytest.raises(UsageError, match="no GPU for process 3 of this machine, which has 2"):
        distributed.join("auto").__enter__()


def test_a_process_on_its_own_is_alone() -> None:
    with distributed.join("auto") as found:
        assert found is distributed.SINGLE_PROCESS
