"""Every setting with its default, unit and bounds. Defaults are defined here and nowhere else.

A section's docstring names the packages that use it; a field's docstring is its help text. Presets
set the network and its training together; `Settings` is the tree of all sections.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PositiveFloat, PositiveInt

Look = Literal["im2latex", "smooth", "screen"]
Share = Annotated[float, Field(ge=0.0, le=1.0)]


def _as_list(value: object) -> object:
    return (value,) if isinstance(value, str) else value


class Section(BaseModel):
    """A frozen group of settings that rejects unknown names."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class RuntimeSettings(Section):
    """Device, threads and seed."""

    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    """Device for PyTorch; auto prefers cuda, then mps, then cpu."""
    backend: Literal["auto", "torch", "onnx"] = "auto"
    """Library that runs the model; onnx (CPU only) starts faster, and auto uses it if installed."""
    threads: PositiveInt | None = None
    """CPU threads for the network; default: all cores."""
    seed: Annotated[int, Field(ge=0)] = 0
    """Random seed."""


class BuildSettings(Section):
    """Contents of a data set."""

    dataset: Annotated[tuple[str, ...], BeforeValidator(_as_list)] = ("small",)
    """small, synthetic, full (downloads im2latex-100k), a file or folder with formulas, or a
    grammar. With several, NAME=SHARE gives each its share of all formulas."""
    source: str | None = None
    """Folder that already has the files of the data set full; nothing is downloaded."""
    output: str | None = None
    """Data set folder; default: data/NAME."""
    size: PositiveInt = 10_000
    """Number of formulas to generate for the data set synthetic, or from a grammar."""
    column: str = "formula"
    """Column or key with the formula in .tsv, .csv and .jsonl files."""
    split_by: str | None = None
    """Keep rows with the same value of this column in one split; file for .tex, .md, .ipynb."""
    macros: str | None = None
    """File of LaTeX definitions (.tex or .sty) that the formulas use; they are expanded."""
    limit: PositiveInt | None = None
    """Use only the first N formulas of each data set."""
    recombine: Annotated[int, Field(ge=0)] = 0
    """Generate N more training formulas from pieces of the real ones."""
    min_examples: Annotated[int, Field(ge=0)] = 0
    """Generate formulas until N have each token that occurs in two real ones; 0 disables."""
    longer: Annotated[float, Field(ge=0.25, le=4.0)] = 1.0
    """Factor on the length of generated formulas, relative to the real ones."""
    jobs: PositiveInt | None = None
    """Number of worker processes; default: all cores."""
    executor: Literal["local", "dask"] = "local"
    """Render in processes of this machine or on the workers of a Dask cluster."""
    scheduler: str | None = None
    """Address of the Dask scheduler: tcp://HOST:PORT."""
    max_failures: Share = 0.05
    """Share of formulas that may fail; above it, the exit code is 7."""
    val_share: Share = 0.05
    """Share of formulas for validation if the source has no splits."""
    test_share: Share = 0.05
    """Share of formulas for testing if the source has no splits."""
    glyphs: bool = False
    """Store the position of every glyph, to supervise attention in training (TeX only)."""
    report: str | None = None
    """Write a self-contained HTML report with sizes, pictures and failures to this file."""


class RenderSettings(Section):
    """How formulas are drawn."""

    renderer: Literal["auto", "tex", "embedded"] = "auto"
    """tex needs LaTeX; embedded needs nothing; auto uses tex if latex is on PATH."""
    font_size: Literal[10, 11, 12] = 12
    """Font size of the document, in points; im2latex-100k uses 12."""
    dpi: PositiveInt = 200
    """Resolution before pictures are halved, in dots per inch."""
    look: Look = "im2latex"
    """im2latex: thicker strokes, as in im2latex-100k; smooth: plain anti-aliasing; screen: at 60 to
    200 dpi with a screen's contrast, a tenth of the pictures in black and white."""
    padding: Annotated[int, Field(ge=0)] = 8
    """White margin around the ink before pictures are halved, in pixels."""
    buckets: bool = True
    """Pad pictures to a few common sizes, so that batches waste little."""
    exact: bool = False
    """Reproduce pdflatex and Ghostscript to the pixel; slower, needs gs."""
    fonts: Share = 0.0
    """Share of formulas to draw in other typefaces and sizes (TeX only)."""
    typefaces: tuple[str, ...] = ()
    """Typefaces of that share; empty: all that are installed."""
    looks: tuple[Look, ...] = ()
    """Looks of that share; empty: the look of all other pictures."""
    timeout: PositiveFloat = 10.0
    """Time limit for one formula, in seconds."""

    @property
    def uniform(self) -> RenderSettings:
        """The same settings with one typeface and size, so that pages can be compared."""
        return self.model_copy(update={"fonts": 0.0})


class LatexSettings(Section):
    """The normal form of formulas."""

    spacing: Literal["keep", "drop"] = "keep"
    """Keep or drop spacing commands such as \\, and \\quad."""


class VocabSettings(Section):
    """Tokens of the vocabulary."""

    min_count: PositiveInt = 1
    """Minimum number of occurrences of a token in the train split."""


class DecodeSettings(Section):
    """The search for hypotheses."""

    beam: PositiveInt = 5
    """Beam width: hypotheses kept at each step; 1 is greedy search."""
    nbest: PositiveInt = 1
    """Number of hypotheses to return for each picture."""
    max_tokens: PositiveInt = 512
    """Maximum length of a formula, in tokens."""
    length_penalty: Share = 0.2
    """Rank hypotheses by log-probability: 0 summed, 1 per token; 1 favours long formulas."""
    div_gamma: Annotated[float, Field(gt=0.0, le=1.0)] = 1.0
    """Diverse beam search: factor on a token per likelier sibling; 1 is plain beam search."""
    div_prob: Share = 1.0
    """Diverse beam search: probability that div_gamma is applied to a token."""
    grammar: bool = True
    """Restrict the search to well-formed formulas."""
    scales: tuple[PositiveFloat, ...] = (1.15, 0.87)
    """Scales at which to read a doubtful picture again; empty: read every picture once."""
    narrow_scales: tuple[PositiveFloat, ...] = (1.4, 0.7)
    """Further scales for doubtful pictures with few glyphs, unless all sizes so far agree."""
    sure: Share = 0.9
    """Mean token probability below which a reading is doubtful."""
    batch_pixels: PositiveInt = 1_500_000
    """Maximum number of pixels in a batch of pictures."""


class EvaluateSettings(Section):
    """Evaluations."""

    split: Literal["train", "val", "test"] = "test"
    """Split to evaluate."""
    limit: PositiveInt | None = None
    """Evaluate only the first N pictures."""
    form: Literal["raw", "im2markup", "normalised", "normalised_no_spacing", "equivalent"] = (
        "normalised"
    )
    """Form of the LaTeX to compare: as given, im2markup's, our normal form, or one spelling."""
    report: str | None = None
    """Write a self-contained HTML report with scores, plots and examples to this file."""
    cdm: bool = False
    """Also match the characters of rendered pages (CDM); needs SciPy."""


class ServeSettings(Section):
    """The local server and its limits."""

    host: str = "127.0.0.1"
    """Address to listen on; 0.0.0.0 exposes the server to the network, without authentication."""
    port: Annotated[int, Field(ge=0, le=65535)] = 8000
    """Port to listen on; 0: any free port."""
    batch: PositiveInt = 16
    """Maximum number of pictures in a batch."""
    queue: PositiveInt = 128
    """Maximum number of requests in progress; further ones get status 503."""
    timeout: PositiveFloat = 30.0
    """Time limit for one request, in seconds."""
    max_bytes: PositiveInt = 10_000_000
    """Maximum size of a picture, in bytes."""
    max_document_bytes: PositiveInt = 64_000_000
    """Maximum size of a document (a PDF, or a picture shown as a page), in bytes."""
    max_pages: PositiveInt = 2000
    """Maximum number of pages of a document."""
    documents: PositiveInt = 4
    """Maximum number of documents kept in memory; one more replaces the least recently used."""
    document_seconds: PositiveFloat = 1800.0
    """Time after its last use until a document is deleted, in seconds."""


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
    frozen_norm: Share = 0.5
    """Last share of the steps in which batch normalisation is frozen; all steps with --init."""
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


class Settings(Section):
    """All sections; a service takes the tree, a domain class its section."""

    runtime: RuntimeSettings = Field(default_factory=RuntimeSettings)
    build: BuildSettings = Field(default_factory=BuildSettings)
    render: RenderSettings = Field(default_factory=RenderSettings)
    latex: LatexSettings = Field(default_factory=LatexSettings)
    vocab: VocabSettings = Field(default_factory=VocabSettings)
    model: ModelSettings = Field(default_factory=ModelSettings)
    train: TrainSettings = Field(default_factory=TrainSettings)
    decode: DecodeSettings = Field(default_factory=DecodeSettings)
    evaluate: EvaluateSettings = Field(default_factory=EvaluateSettings)
    serve: ServeSettings = Field(default_factory=ServeSettings)
