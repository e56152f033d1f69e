"""A network that torch computes: the device, the batch tensors, and running out of memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from im2latex_cli.decoding.batches import alike
from im2latex_cli.decoding.engine import Grey
from im2latex_cli.errors import UsageError
from im2latex_cli.network.encoder_output import Memory, joined
from im2latex_cli.network.network import Network
from im2latex_cli.vision.prepare import stack


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


def to_batch(pictures: Sequence[NDArray[np.uint8]]) -> tuple[Tensor, Tensor]:
    """Stack grey pictures, each at the top left, with paper around them.

    Args:
        pictures: (H, W) each, 255 is paper; at least one.

    Returns:
        images: (B, 1, H, W) float32, ink from 0 (paper) to 1 (black).
        sizes: (B, 2) int64, height and width of each picture in pixels.
    """
    canvas, sizes = stack(pictures)
    return to_ink(torch.from_numpy(canvas)), torch.from_numpy(sizes)


def to_ink(grey: Tensor) -> Tensor:
    """Map uint8 grey (255 is paper) to float32 ink (1 is black)."""
    return (255 - grey).float() / 255


_NO_MEMORY = (
    "can't allocate memory",
    "not enough memory",
    "CUDA error: out of memory",
    "CUBLAS_STATUS_ALLOC_FAILED",
)


class TorchEngine:
    """See `engine.Engine`; works on any device."""

    name = "torch"

    def __init__(self, network: Network, device: torch.device) -> None:
        self.device = device
        self.stride = network.stride
        self._network = network.to(device).eval()

    @property
    def cores(self) -> int:
        """See `Engine.cores`."""
        return torch.get_num_threads() if self.device.type == "cpu" else 1

    @contextmanager
    def pool(self) -> Iterator[Executor]:
        """See `Engine.pool`."""
        cores = self.cores
        try:
            with ThreadPoolExecutor(
                cores, "reading", initializer=torch.set_num_threads, initargs=(1,)
            ) as pool:
                yield pool
        finally:
            torch.set_num_threads(cores)  # the number is in part that of the whole process

    @contextmanager
    def running(self) -> Iterator[None]:
        """See `Engine.running`."""
        try:
            with torch.inference_mode():
                yield
        except RuntimeError as error:
            if not _out_of_memory(error):
                raise
            if torch.cuda.is_available():
                torch.cuda.empty_cache()
            raise MemoryError(str(error)) from error

    def start(self, pictures: Sequence[Grey]) -> Any:
        """See `Engine.start`."""
        return self._network.start(self._encode_apart(pictures))

    def step(self, ids: Tensor, state: Any) -> tuple[Tensor, Any]:
        """See `Engine.step`."""
        return self._network.step(ids, state)

    def likelihoods(self, pictures: Sequence[Grey], formulas: Sequence[list[int]]) -> list[float]:
        """See `Engine.likelihoods`."""
        lengths = torch.tensor([len(formula) - 1 for formula in formulas])
        ids = torch.nn.utils.rnn.pad_sequence(
            [torch.tensor(formula) for formula in formulas], batch_first=True
        ).to(self.device)
        decoded = self._network.decode(self._encode_apart(pictures), ids[:, :-1])
        scores = decoded.logits.float().log_softmax(-1)
        chosen = scores.gather(2, ids[:, 1:, None]).squeeze(2).cpu()
        real = torch.arange(chosen.shape[1])[None] < lengths[:, None]
        return [float(total) for total in (chosen * real).sum(1)]

    def attention(self, picture: Grey, ids: list[int]) -> NDArray[np.float32]:
        """See `Engine.attention`."""
        memory = self._encode([picture])
        logits = self._network.decode(memory, torch.tensor([ids], device=self.device)).attention[0]
        weights: NDArray[np.float32] = (
            logits.float().softmax(-1).view(-1, *memory.grid).cpu().numpy()
        )
        return weights

    def _encode_apart(self, pictures: Sequence[Grey]) -> Memory:
        """Encode pictures of almost the same size together, so that a CPU computes no padding."""
        if self.device.type != "cpu" or len(pictures) == 1:
            return self._encode(pictures)
        cells: dict[int, Tensor] = {}
        for group in alike([picture.shape for picture in pictures]):
            memory = self._encode([pictures[at] for at in group])
            for at, features, real in zip(group, memory.features, memory.mask, strict=True):
                cells[at] = features[real] if memory.padded else features
        return joined([cells[at] for at in range(len(pictures))])

    def _encode(self, pictures: Sequence[Grey]) -> Memory:
        images, sizes = to_batch(pictures)
        return self._network.encode(images.to(self.device), sizes)


def _out_of_memory(error: RuntimeError) -> bool:
    if isinstance(error, torch.OutOfMemoryError):
        return True
    return any(words in str(error) for words in _NO_MEMORY)
