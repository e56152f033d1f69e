"""Settings of the network and of its training, and the presets that set both."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, PositiveFloat, PositiveInt

from im2latex_cli.settings.sections import Section, Share

Dropout = Annotated[float, Field(ge=0.0, lt=1.0)]


class ModelSettings(Section):
    """The network's dimensions, stored in every model file; used by model.network."""

    encoder: Literal["convolution", "residual"] = "convolution"
    """convolution: the seed's six layers; residual: a residual stem and self-attention."""
    decoder: Literal["lstm", "gru", "transformer"] = "lstm"
    """lstm and gru attend once a step; transformer stacks self- and cross-attention."""
    channels: tuple[PositiveInt, ...] = (64, 128, 256, 256, 512, 512)
    """Channels of the encoder's stages: six for convolution, three for residual."""
    blocks: PositiveInt = 1
    """Residual blocks in each of the residual encoder's last two stages."""
    cell_height: Literal[8, 16] = 16
    """Height of a cell of the residual encoder's grid in pixels; cells are 8 wide."""
    row_encoder: bool = False
    """Run a bidirectional LSTM over every row of the encoder's grid."""
    units: PositiveInt = 512
    """Width of the recurrent state."""
    attention: PositiveInt = 256
    """Width of the additive attention."""
    output: PositiveInt = 512
    """Width of the layer before the softmax."""
    embedding: PositiveInt = 80
    """Width of the token embeddings of a recurrent decoder."""
    width: PositiveInt = 256
    """Width of transformer layers."""
    heads: PositiveInt = 4
    """Attention heads of transformer layers."""
    feedforward: PositiveInt = 1024
    """Inner width of transformer layers."""
    encoder_layers: Annotated[int, Field(ge=0)] = 1
    """Self-attention layers over the encoder's grid."""
    decoder_layers: PositiveInt = 3
    """Transformer decoder layers."""
    dropout: Dropout = 0.0
    """Share of activations dropped while training."""


class TrainSettings(Section):
    """How the network learns; used by train and services.train."""

    preset: Literal["auto", "small", "seed", "fast", "base", "tune"] = "auto"
    """Named group of model and train settings; auto takes small under 2,000 pictures, else fast."""
    init: str | None = None
    """Begin with the weights of this model: pretrained, a run folder or a file (preset tune)."""
    output: str | None = None
    """Run folder; unset means results/NAME of the data set."""
    epochs: PositiveInt = 15
    """Passes over the train split."""
    max_minutes: PositiveFloat | None = None
    """End after this many minutes; a calibration fixes the number of steps."""
    session_minutes: PositiveFloat | None = None
    """Save and pause after this many minutes of this command; --resume goes on."""
    batch_size: PositiveInt = 20
    """Most pictures in a batch."""
    batch_pixels: PositiveInt = 1_000_000
    """Most pixels in a batch, padding included."""
    batch_tokens: PositiveInt = 6_000
    """Most tokens in a batch, padding included."""
    accumulate: PositiveInt = 1
    """Batches whose gradients are added up for one step."""
    short_first: Share = 0.0
    """Share of the steps over which the longest allowed formula grows from short to all."""
    optimizer: Literal["adamw", "muon"] = "adamw"
    """muon orthogonalises the steps of matrices and kernels; the rest takes AdamW's."""
    learning_rate: PositiveFloat = 1e-3
    """Highest learning rate."""
    schedule: Literal["seed", "cosine"] = "seed"
    """seed: warm-up, constant, exponential decay; cosine: warm-up, then a cosine to the end."""
    warmup: Share = 0.1
    """Share of the steps that warm the learning rate up."""
    final_rate: Share = 0.1
    """Learning rate at the end, as a share of the highest."""
    weight_decay: Annotated[float, Field(ge=0.0)] = 0.0
    """Decoupled weight decay."""
    clip: PositiveFloat = 5.0
    """Largest gradient norm."""
    label_smoothing: Dropout = 0.0
    """Probability spread over the other tokens."""
    ema: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.0
    """Decay of averaged weights, evaluated and saved instead of the last; 0 is off."""
    keep: Dropout = 0.0
    """Share of the weights of --init in the result, which keeps what that model knew."""
    augment: bool = False
    """Distort pictures while training: scale, weight, blur, noise, rotation."""
    glyph_weight: Annotated[float, Field(ge=0.0)] = 0.0
    """Weight of the glyph classification loss; needs a data set built with glyphs."""
    attention_weight: Annotated[float, Field(ge=0.0)] = 0.0
    """Weight of the taught-attention loss; needs a data set built with glyphs."""
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    """auto is bfloat16 on CUDA GPUs and CPUs with instructions for it, float32 elsewhere."""
    compile: bool = False
    """Let torch.compile build the training step; slow to begin, slower on CPUs."""
    evaluate_every: PositiveInt | None = None
    """Steps between evaluations; unset means once an epoch, ten times a run at most."""
    evaluate_limit: PositiveInt = 500
    """Validation pictures decoded at each evaluation."""
    choose: Literal["best", "last"] = "best"
    """Network kept as best: that of the best evaluation, or the last, where val is too small."""
    patience: PositiveInt | None = None
    """Stop after this many evaluations without a new best."""


PRESETS: dict[str, dict[str, dict[str, Any]]] = {
    "tune": {
        "model": {},
        "train": {
            "epochs": 12,
            "batch_size": 16,
            "batch_pixels": 400_000,
            "batch_tokens": 2_000,
            "schedule": "cosine",
            "learning_rate": 2e-4,
            "warmup": 0.1,
            "final_rate": 0.02,
            "weight_decay": 0.01,
            "clip": 1.0,
            "label_smoothing": 0.05,
            "ema": 0.98,
            "keep": 0.5,
            "augment": True,
            "glyph_weight": 0.5,
            "attention_weight": 0.5,
        },
    },
    "seed": {
        "model": {},
        "train": {
            "schedule": "seed",
            "warmup": 2 / 15,
            "final_rate": 0.1,
            "precision": "float32",
        },
    },
    "small": {
        "model": {
            "encoder": "residual",
            "decoder": "transformer",
            "channels": (16, 32, 64),
            "width": 128,
            "feedforward": 256,
            "decoder_layers": 2,
            "dropout": 0.05,
        },
        "train": {
            "epochs": 70,
            "batch_size": 16,
            "schedule": "cosine",
            "learning_rate": 2e-3,
            "warmup": 0.05,
            "final_rate": 0.02,
            "weight_decay": 0.05,
            "clip": 1.0,
            "label_smoothing": 0.05,
            "ema": 0.99,
            "choose": "last",
            "precision": "float32",
        },
    },
    "fast": {
        "model": {
            "encoder": "residual",
            "decoder": "transformer",
            "channels": (32, 64, 128),
            "feedforward": 512,
        },
        "train": {
            "epochs": 30,
            "batch_size": 48,
            "batch_pixels": 400_000,
            "batch_tokens": 2_000,
            "optimizer": "muon",
            "schedule": "cosine",
            "learning_rate": 1.2e-3,
            "warmup": 0.03,
            "final_rate": 0.01,
            "weight_decay": 0.01,
            "clip": 1.0,
            "label_smoothing": 0.05,
            "ema": 0.998,
            "short_first": 0.3,
            "attention_weight": 0.5,
        },
    },
    "base": {
        "model": {
            "encoder": "residual",
            "decoder": "transformer",
            "channels": (48, 96, 192),
            "blocks": 2,
            "cell_height": 8,
            "width": 384,
            "heads": 6,
            "feedforward": 1536,
            "encoder_layers": 3,
            "decoder_layers": 4,
            "dropout": 0.1,
        },
        "train": {
            "epochs": 40,
            "batch_size": 256,
            "batch_pixels": 6_000_000,
            "batch_tokens": 24_000,
            "schedule": "cosine",
            "learning_rate": 8e-4,
            "warmup": 0.05,
            "final_rate": 0.01,
            "weight_decay": 0.05,
            "clip": 1.0,
            "label_smoothing": 0.05,
            "ema": 0.999,
            "short_first": 0.2,
            "glyph_weight": 0.5,
            "attention_weight": 0.5,
        },
    },
}
"""Values that a preset puts between the defaults and the user's own settings."""
