"""A network that torch computes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from im2latex_cli.decoding.batches import alike
from im2latex_cli.decoding.engine import Grey
from im2latex_cli.network.encoder_output import Memory, joined
from im2latex_cli.network.inputs import to_batch
from im2latex_cli.network.network import Network

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
