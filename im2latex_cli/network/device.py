"""The device that torch works on."""

from __future__ import annotations

from functools import cache

import torch

from im2latex_cli.errors import UsageError


def choose_device(name: str) -> torch.device:
    """The device of that name; auto takes cuda, then mps, then cpu.

    Raises:
        UsageError: the device asked for is not here.
    """
    here = {
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
        "cpu": True,
    }
    if name == "auto":
        name = next(one for one, present in here.items() if present)
    if not here.get(name, False):
        raise UsageError(f"There is no {name} device here.", hint="Take `device` auto or cpu.")
    return torch.device(name)


def use_threads(count: int | None) -> None:
    """Let torch use so many CPU threads in the whole process; None leaves it as it is."""
    if count is not None:
        torch.set_num_threads(count)


def fast_in_bfloat16(device: torch.device) -> bool:
    """Whether products of bfloat16 matrices are faster there than those of float32."""
    if device.type == "cpu":
        return _cpu_multiplies_bfloat16()
    return device.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)


@cache
def _cpu_multiplies_bfloat16() -> bool:
    capabilities = torch.cpu.get_capabilities()
    return any(capabilities.get(name, False) for name in ("avx512_bf16", "amx_bf16"))
