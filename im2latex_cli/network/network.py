"""The network: its encoders, and the whole with any of the decoders.

Encoders are the classic six convolutions, a residual stem, and an LSTM over rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from im2latex_cli.decoding.engine import DecoderState
from im2latex_cli.errors import SettingsError
from im2latex_cli.network.encoder_output import Decoded, Memory, cell_mask, cover, pad_to
from im2latex_cli.network.recurrent import RecurrentDecoder
from im2latex_cli.network.transformer import EncoderLayer, TransformerDecoder, grid_sinusoids
from im2latex_cli.settings.sections import ModelSettings

CLASSIC_POOLS = ((2, 2), (2, 2), None, (2, 1), (1, 2), None)
RESIDUAL_STAGES = 3


class Block(nn.Module):
    """3x3 convolution, batch normalisation, ReLU; optionally a stride or a max pooling."""

    def __init__(
        self,
        inner: int,
        outer: int,
        *,
        stride: tuple[int, int] = (1, 1),
        pool: tuple[int, int] | None = None,
    ) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(inner, outer, 3, stride=stride, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(outer)
        self.pool = pool
        nn.init.kaiming_normal_(self.convolution.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, features: Tensor, mask: Tensor | None) -> Tensor:
        """Map (B, inner, H, W) to (B, outer, H', W')."""
        features = F.relu(self.norm(self.convolution(features)))
        if self.pool is not None:
            features = F.max_pool2d(features, self.pool)
        return cover(features, mask)


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions around a shortcut (He et al. 2016)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = Block(channels, channels)
        self.second = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(channels)
        nn.init.kaiming_normal_(self.second.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, features: Tensor, mask: Tensor | None) -> Tensor:
        """Keep (B, channels, H, W)."""
        inner = self.norm(self.second(self.first(features, mask)))
        return cover(F.relu(features + inner), mask)


class ClassicEncoder(nn.Module):
    """Six convolution layers with four poolings; cells of 8 x 8 pixels.

    Layers and poolings as in Deng et al. 2017 (table of the encoder); batch normalisation after
    every layer, where they have it after three.
    """

    stride = (8, 8)

    def __init__(self, channels: Sequence[int]) -> None:
        super().__init__()
        _demand_count(channels, len(CLASSIC_POOLS), "convolution")
        inner = (1, *channels[:-1])
        self.stages = nn.ModuleList(
            Block(i, o, pool=pool)
            for i, o, pool in zip(inner, channels, CLASSIC_POOLS, strict=True)
        )
        self.width = self.glyph_channels = channels[-1]

    def forward(self, images: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor]:
        """Map (B, 1, H, W) to grid features (B, D, H / 8, W / 8) and the same as glyph features."""
        features = images
        for stage in self.stages:
            features = stage(features, mask)
        return features, features


class ResidualEncoder(nn.Module):
    """Strided convolutions and residual blocks; cells 8 pixels wide and 8 or 16 high."""

    def __init__(self, channels: Sequence[int], width: int, *, blocks: int, cell: int) -> None:
        super().__init__()
        _demand_count(channels, RESIDUAL_STAGES, "residual")
        first, second, third = channels
        stem: list[nn.Module] = [
            Block(1, first, stride=(2, 2)),
            Block(first, second, stride=(2, 2)),
            *(ResidualBlock(second) for _ in range(blocks)),
            Block(second, third, stride=(2, 2)),
            *(ResidualBlock(third) for _ in range(blocks)),
        ]
        self.stages = nn.ModuleList(stem)
        self.last = Block(third, width, stride=(cell // 8, 1))
        self.stride = (cell, 8)
        self.width = width
        self.glyph_channels = third

    def forward(self, images: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor]:
        """Map (B, 1, H, W) to grid (B, D, H / cell, W / 8), glyph (B, C, H / 8, W / 8) features."""
        features = images
        for stage in self.stages:
            features = stage(features, mask)
        return self.last(features, mask), features


def _demand_count(channels: Sequence[int], count: int, encoder: str) -> None:
    """Check that each stage has its channels; only a preset and the user together decide that."""
    if len(channels) != count:
        raise SettingsError(
            [f"model.channels: the {encoder} encoder has {count} stages, not {len(channels)}."],
            hint="Give one number for each stage, or another model.encoder.",
        )


class RowEncoder(nn.Module):
    """Lets a cell know what stands to its left and right; keeps the width.

    Rows start from zero: the positions added before tell the rows apart. The backward half reads
    each row reversed within its own picture, so padding is never read before a picture.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.onward = nn.LSTM(width, width // 2, batch_first=True)
        self.back = nn.LSTM(width, width // 2, batch_first=True)

    def forward(self, features: Tensor, mask: Tensor) -> Tensor:
        """Map (B, S, D) to (B, S, D); mask is (B, rows, columns)."""
        batch, rows, columns = mask.shape
        grid = features.reshape(batch * rows, columns, -1)
        turned = _reversed_columns(mask)[:, None].expand(-1, rows, -1).flatten(0, 1)
        backward = self.back(_take(grid, turned))[0]
        both = torch.cat([self.onward(grid)[0], _take(backward, turned)], dim=-1)
        return both.reshape(batch, rows * columns, -1)


def _reversed_columns(mask: Tensor) -> Tensor:
    """Column order (B, columns) that reverses each picture and leaves its padding in place."""
    width = mask.any(dim=1).sum(dim=1, keepdim=True)
    column = torch.arange(mask.shape[2], device=mask.device)[None]
    return torch.where(column < width, width - 1 - column, column)


def _take(grid: Tensor, columns: Tensor) -> Tensor:
    return grid.gather(1, columns[:, :, None].expand(-1, -1, grid.shape[2]))


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
