"""Settings of the network and its training, and the presets that set both."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, PositiveFloat, PositiveInt

from im2latex_cli.settings.sections import Section, Share

Dropout = Annotated[float, Field(ge=0.0, lt=1.0)]


class ModelSettings(Section):
    """Dimensions of the network, stored in every model file."""

    encoder: Literal["convolution", "residual"] = "convolution"
    """convolution: six convolutional layers; residual: a residual stem and self-attention."""
    decoder: Literal["lstm", "gru", "transformer"] = "lstm"
    """lstm, gru: recurrent, with additive attention; transformer: self- and cross-attention."""
    channels: tuple[PositiveInt, ...] = (64, 128, 256, 256, 512, 512)
    """Channels of the encoder's stages: six for convolution, three for residual."""
    blocks: PositiveInt = 1
    """Residual blocks in each of the last two stages of the residual encoder."""
    cell_height: Literal[8, 16] = 16
    """Height in pixels of a cell of the residual encoder's output; cells are 8 wide."""
    row_encoder: bool = False
    """Run a bidirectional LSTM over each row of the encoder's output."""
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
    """Self-attention layers in the encoder."""
    decoder_layers: PositiveInt = 3
    """Transformer decoder layers."""
    dropout: Dropout = 0.0
    """Dropout probability."""


class TrainSettings(Section):
    """Training."""

    preset: Literal["auto", "small", "seed", "fast", "base", "tune"] = "auto"
    """Named group of model and training settings; auto: small below 2,000 pictures, else fast."""
    init: str | None = None
    """Start from this model: pretrained, a folder, a file or an address (preset tune)."""
    output: str | None = None
    """Results folder; default: results/NAME, as the data set."""
    epochs: PositiveInt = 15
    """Number of passes over the train split."""
    max_minutes: PositiveFloat | None = None
    """Finish in this many minutes; the number of steps is set from the measured speed."""
    session_minutes: PositiveFloat | None = None
    """Save and pause after this many minutes; continue with --resume."""
    batch_size: PositiveInt = 20
    """Maximum number of pictures in a batch."""
    batch_pixels: PositiveInt = 1_000_000
    """Maximum number of pixels in a batch, including padding."""
    batch_tokens: PositiveInt = 6_000
    """Maximum number of tokens in a batch, including padding."""
    accumulate: PositiveInt = 1
    """Number of batches to accumulate gradients over before each step."""
    short_first: Share = 0.0
    """Share of the steps in which the maximum formula length grows from short to unlimited."""
    optimizer: Literal["adamw", "muon"] = "adamw"
    """muon: orthogonalised steps for matrices and kernels, AdamW for the rest."""
    learning_rate: PositiveFloat = 1e-3
    """Peak learning rate."""
    schedule: Literal["seed", "cosine"] = "seed"
    """seed: warm-up, constant, exponential decay; cosine: warm-up, then cosine decay."""
    warmup: Share = 0.1
    """Share of the steps used to warm up the learning rate."""
    final_rate: Share = 0.1
    """Final learning rate, as a share of the peak."""
    weight_decay: Annotated[float, Field(ge=0.0)] = 0.0
    """Decoupled weight decay."""
    clip: PositiveFloat = 5.0
    """Maximum norm of the gradients."""
    label_smoothing: Dropout = 0.0
    """Label smoothing: probability spread over the other tokens."""
    ema: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.0
    """Decay of the moving average of the weights, which is evaluated and saved; 0 disables."""
    keep: Dropout = 0.0
    """Share of the initial model's weights in the result, so that it forgets less."""
    augment: bool = False
    """Distort pictures in training: scale, stroke weight, blur, noise, rotation."""
    glyph_weight: Annotated[float, Field(ge=0.0)] = 0.0
    """Weight of the glyph classification loss; needs a data set built with --glyphs."""
    attention_weight: Annotated[float, Field(ge=0.0)] = 0.0
    """Weight of the loss that supervises attention; needs a data set built with --glyphs."""
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    """auto: bfloat16 on GPUs and CPUs with instructions for it, else float32."""
    compile: bool = False
    """Use torch.compile for the training step; slow to start, and slower on CPUs."""
    evaluate_every: PositiveInt | None = None
    """Steps between evaluations; default: once per epoch, at most ten times per run."""
    evaluate_limit: PositiveInt = 500
    """Number of validation pictures to read in each evaluation."""
    check_labels: Annotated[int, Field(ge=0)] = 5000
    """Number of training pictures to check for wrong labels after training; 0 disables."""
    choose: Literal["best", "last"] = "best"
    """Which model to keep as best: that of the best evaluation, or the last (small val splits)."""
    patience: PositiveInt | None = None
    """Stop after this many evaluations without improvement."""


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
"""Values of each preset; they override the defaults, and the user's settings override them."""
