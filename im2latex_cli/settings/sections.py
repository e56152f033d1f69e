"""Every setting, its default, unit and bounds. Defaults live here and nowhere else.

Each section's docstring names the room that uses it; each field's docstring is its help text.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, PositiveFloat, PositiveInt

Look = Literal["im2latex", "smooth", "screen"]
Share = Annotated[float, Field(ge=0.0, le=1.0)]


class Section(BaseModel):
    """A closed, frozen group of settings."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class RuntimeSettings(Section):
    """Where and how work runs; used by services."""

    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    """Device for torch: auto takes cuda, then mps, then cpu."""
    backend: Literal["auto", "torch", "onnx"] = "auto"
    """What reads pictures: onnx starts faster, on CPUs; auto takes it where it is installed."""
    threads: PositiveInt | None = None
    """CPU threads for the network; unset means all cores."""
    seed: Annotated[int, Field(ge=0)] = 0
    """Seed of everything random."""


class BuildSettings(Section):
    """What goes into a data set; used by data and services.build."""

    dataset: str = "small"
    """small, synthetic, full (im2latex-100k, downloaded), a file or folder of formulas, or a
    grammar."""
    source: str | None = None
    """Folder with the files of full, to build it without a download."""
    output: str | None = None
    """Data set folder; unset means data/NAME."""
    size: PositiveInt = 10_000
    """Formulas that synthetic or a grammar draws."""
    column: str = "formula"
    """Column of the formula in .tsv, .csv and .jsonl files."""
    split_by: str | None = None
    """Column whose equal values share a split; file for folders of .tex, .md, .ipynb."""
    limit: PositiveInt | None = None
    """Take only this many formulas."""
    recombine: Annotated[int, Field(ge=0)] = 0
    """New formulas to make from those of the train split, and to add to it."""
    min_examples: Annotated[int, Field(ge=0)] = 0
    """Make more until so many formulas hold each token that two real ones hold; 0 makes none."""
    longer: Annotated[float, Field(ge=0.25, le=4.0)] = 1.0
    """Lengths of made formulas are drawn from the real ones and multiplied by this."""
    jobs: PositiveInt | None = None
    """Worker processes; unset means all cores."""
    executor: Literal["local", "dask"] = "local"
    """Render with processes of this machine, or with the workers of a Dask cluster."""
    scheduler: str | None = None
    """Address of the Dask scheduler, tcp://HOST:PORT."""
    max_failures: Share = 0.05
    """Share of formulas that may fail before the exit code is 7."""
    val_share: Share = 0.05
    """Share of formulas for validation where the source has no split of its own."""
    test_share: Share = 0.05
    """Share of formulas for testing where the source has no split of its own."""
    glyphs: bool = False
    """Store where every glyph stands, for training with taught attention (TeX renderer)."""
    report: str | None = None
    """Write a self-contained HTML page with sizes, pictures and failures to this file."""


class RenderSettings(Section):
    """How a formula becomes a picture; used by render and vision."""

    renderer: Literal["auto", "tex", "embedded"] = "auto"
    """tex needs latex on PATH; embedded needs nothing; auto takes tex where it is."""
    font_size: Literal[10, 11, 12] = 12
    """Document font size in points; im2latex-100k has 12."""
    dpi: PositiveInt = 200
    """Resolution before the halving, in dots per inch."""
    look: Look = "im2latex"
    """im2latex blackens every pixel with ink before the halving; smooth keeps the greys; screen
    draws at 60 to 200 dpi in the contrast of a screen, a tenth in black and white."""
    padding: Annotated[int, Field(ge=0)] = 8
    """White margin around the ink before the halving, in pixels."""
    buckets: bool = True
    """Pad pictures to common sizes, so that batches waste little."""
    exact: bool = False
    """Paint as pdflatex and Ghostscript do one by one, to the pixel; slower, needs gs."""
    fonts: Share = 0.0
    """Share of a data set's formulas in further typefaces and sizes (TeX renderer)."""
    typefaces: tuple[str, ...] = ()
    """Typefaces of that share; empty means all that are installed."""
    looks: tuple[Look, ...] = ()
    """Looks of that share; empty means that of all others."""
    timeout: PositiveFloat = 10.0
    """Longest time for one formula, in seconds."""

    @property
    def uniform(self) -> RenderSettings:
        """The same with one typeface and size for all, so that pages compare."""
        return self.model_copy(update={"fonts": 0.0})


class LatexSettings(Section):
    """What the normal form keeps; used by latex.normalize."""

    spacing: Literal["keep", "drop"] = "keep"
    """Keep or drop spacing commands such as \\, and \\quad."""


class VocabSettings(Section):
    """Which tokens enter the vocabulary; used by latex.vocab."""

    min_count: PositiveInt = 1
    """A token must occur this often in the train split."""


class DecodeSettings(Section):
    """How hypotheses are searched; used by model.beam."""

    beam: PositiveInt = 5
    """Hypotheses kept at each step; 1 is greedy."""
    nbest: PositiveInt = 1
    """Hypotheses returned for each picture."""
    max_tokens: PositiveInt = 512
    """Longest formula, in tokens."""
    length_penalty: Share = 1.0
    """0 ranks by summed log-probability, 1 by log-probability per token."""
    div_gamma: Annotated[float, Field(gt=0.0, le=1.0)] = 1.0
    """Factor on a token for each likelier one after the same hypothesis; 1 is plain beam search."""
    div_prob: Share = 1.0
    """Probability that div_gamma is applied to a token."""
    grammar: bool = True
    """Find well-formed formulas only."""
    scales: tuple[PositiveFloat, ...] = (1.15, 0.87)
    """Factors on its size at which a doubtful picture is read again; empty reads once."""
    sure: Share = 0.9
    """Mean probability of a token from which a reading is not doubtful."""
    batch_pixels: PositiveInt = 1_500_000
    """Pixels in one batch of pictures."""


class EvaluateSettings(Section):
    """What is scored; used by services.eval_text and services.eval_image."""

    split: Literal["train", "val", "test"] = "test"
    """Split to recognise."""
    limit: PositiveInt | None = None
    """Score only this many pictures."""
    form: Literal["raw", "im2markup", "normalised", "normalised_no_spacing"] = "normalised"
    """Form of the first figures: tokens as given, im2markup's, or ours with or without spacing."""
    report: str | None = None
    """Write a self-contained HTML page with scores, plots and a gallery to this file."""
    cdm: bool = False
    """Also match single characters on rendered pages (CDM); needs SciPy."""


class ServeSettings(Section):
    """The local page and its limits; used by serve and services.serve."""

    host: str = "127.0.0.1"
    """Address to listen on; 0.0.0.0 lets other machines in."""
    port: Annotated[int, Field(ge=0, le=65535)] = 8000
    """Port to listen on; 0 takes a free one."""
    batch: PositiveInt = 16
    """Most pictures read together."""
    queue: PositiveInt = 128
    """Requests under way; more are turned away."""
    timeout: PositiveFloat = 30.0
    """Longest time for one request, in seconds."""
    max_bytes: PositiveInt = 10_000_000
    """Largest request, in bytes."""
