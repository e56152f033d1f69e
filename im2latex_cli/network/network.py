"""The whole network behind one door, whatever its encoder and decoder are."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from im2latex_cli.decoding.engine import DecoderState
from im2latex_cli.network.encoder_output import Decoded, Memory, cell_mask, cover, pad_to
from im2latex_cli.network.encoders import ClassicEncoder, ResidualEncoder, RowEncoder
from im2latex_cli.network.recurrent import RecurrentDecoder
from im2latex_cli.network.transformer import EncoderLayer, TransformerDecoder, grid_sinusoids
from im2latex_cli.settings.sections import ModelSettings


class Network(nn.Module):
    """Pictures to token probabilities.

    Convolutions work channels-last, so `state_dict` tensors may be non-contiguous: make them
    contiguous before writing them to a file.

    Attributes:
        dims: the settings the network was made from.
        vocab_size: V.
        stride: height and width of a memory cell in pixels.
        glyph_channels: channels of `Memory.glyphs`, whose cells are 8 x 8 pixels.
    """

    def __init__(self, dims: ModelSettings, vocab_size: int) -> None:
        super().__init__()
        self.dims = dims
        self.vocab_size = vocab_size
        self.encoder = _encoder(dims).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.stride: tuple[int, int] = self.encoder.stride
        self.glyph_channels: int = self.encoder.glyph_channels
        width: int = self.encoder.width
        self.rows = RowEncoder(width) if dims.row_encoder else None
        transformer = dims.decoder == "transformer"
        fits = not transformer or width == dims.width
        self.fit = nn.Identity() if fits else nn.Linear(width, dims.width)
        self.memory_width = width if fits else dims.width
        layers = dims.encoder_layers if dims.encoder == "residual" else 0
        self.layers = nn.ModuleList(
            EncoderLayer(self.memory_width, dims.heads, dims.feedforward, dims.dropout)
            for _ in range(layers)
        )
        self.norm = nn.LayerNorm(self.memory_width)
        self.decoder = _decoder(dims, vocab_size, self.memory_width)

    def encode(self, images: Tensor, sizes: Tensor, *, padded: bool | None = None) -> Memory:
        """Read pictures.

        Args:
            images: (B, 1, H, W) ink from 0 to 1, each picture at the top left; any H and W.
            sizes: (B, 2) heights and widths in pixels; kept on the CPU, batches without padding
                are seen as such and computed without masks.
            padded: whether there may be padding, where nobody can look at the sizes.
        """
        images = pad_to(images, self.stride)
        grid = (images.shape[2] // self.stride[0], images.shape[3] // self.stride[1])
        cells = cell_mask(sizes, grid, self.stride)
        if padded is None:
            padded = sizes.device.type != "cpu" or not bool(cells.all())
        cells = cells.to(images.device)
        mask = cells if padded else None
        images = cover(images, mask).contiguous(memory_format=torch.channels_last)
        mixed, glyphs = self.encoder(images, mask)
        features = self._mix(mixed, cells, padded=padded)
        return Memory(features, cells.flatten(1), grid, padded, glyphs)

    def decode(self, memory: Memory, ids: Tensor) -> Decoded:
        """Predict the token after each of ids (B, T), which begin with the start token."""
        decoded: Decoded = self.decoder.decode(memory, ids)
        return decoded

    def start(self, memory: Memory) -> DecoderState:
        """Where decoding begins: one row a picture."""
        state: DecoderState = self.decoder.start(memory)
        return state

    def step(self, ids: Tensor, state: Any) -> tuple[Tensor, Any]:
        """Last ids (R,) to log-probabilities of the next (R, V) in float32, and the next state."""
        logits, state = self.decoder.step(ids, state)
        return logits.float().log_softmax(dim=-1), state

    def look(self, ids: Tensor, state: Any, mask: Tensor) -> tuple[Tensor, Tensor, Any]:
        """Like `step`, and the attention logits (B, K, S); the mask is the memory's."""
        logits, attention, state = self.decoder.look(ids, state, mask)
        return logits.float().log_softmax(dim=-1), attention, state

    def _mix(self, grid: Tensor, cells: Tensor, *, padded: bool) -> Tensor:
        """Add positions to (B, D, rows, columns), mix over the picture: (B, S, D)."""
        features = grid.flatten(2).transpose(1, 2)
        rows, columns = cells.shape[1:]
        where = grid_sinusoids(rows, columns, features.shape[2], device=features.device)
        features = features + where.to(features.dtype)
        if self.rows is not None:
            features = self.rows(features, cells)
        features = self.fit(features)
        for layer in self.layers:
            features = layer(features, cells.flatten(1) if padded else None)
        normal: Tensor = self.norm(features)
        return normal


class _Undrawn(TorchFunctionMode):
    """Leaves tensors as they are where weights would be drawn."""

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        if getattr(func, "__module__", None) == nn.init.__name__:
            return args[0] if args else kwargs["tensor"]
        return func(*args, **(kwargs or {}))


def undrawn(dims: ModelSettings, vocab_size: int) -> Network:
    """A network whose weights are anything, until they are loaded.

    The device "meta" would do as well, but imports half of torch for it, which takes a second.
    """
    with _Undrawn():
        return Network(dims, vocab_size)


def _encoder(dims: ModelSettings) -> ClassicEncoder | ResidualEncoder:
    if dims.encoder == "convolution":
        return ClassicEncoder(dims.channels)
    return ResidualEncoder(dims.channels, dims.width, blocks=dims.blocks, cell=dims.cell_height)


def _decoder(
    dims: ModelSettings, vocab_size: int, memory: int
) -> RecurrentDecoder | TransformerDecoder:
    if dims.decoder == "transformer":
        return TransformerDecoder(
            vocab_size,
            width=dims.width,
            heads=dims.heads,
            inner=dims.feedforward,
            layers=dims.decoder_layers,
            dropout=dims.dropout,
        )
    return RecurrentDecoder(
        vocab_size,
        kind=dims.decoder,
        memory=memory,
        units=dims.units,
        attention=dims.attention,
        output=dims.output,
        embedding=dims.embedding,
        dropout=dims.dropout,
    )
