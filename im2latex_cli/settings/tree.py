"""The whole settings tree."""

from __future__ import annotations

from pydantic import Field

from im2latex_cli.settings.sections import (
    BuildSettings,
    DecodeSettings,
    EvaluateSettings,
    LatexSettings,
    RenderSettings,
    RuntimeSettings,
    Section,
    ServeSettings,
    VocabSettings,
)
from im2latex_cli.settings.training import ModelSettings, TrainSettings


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
