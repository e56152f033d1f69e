from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest

from im2latex_cli.decoding.calibration import Calibration
from im2latex_cli.errors import CheckpointError, UsageError
from im2latex_cli.progress import SilentReporter
from im2latex_cli.recognition import models
from im2latex_cli.recognition.recognizer import Recognizer
from im2latex_cli.services import export
from im2latex_cli.settings.sections import PRESETS, DecodeSettings, ModelSettings, Settings

TOKENS = ["x", "y", "+", "2", "{", "}", "^", r"\frac", r"\alpha", "="]
DIMS = ModelSettings.model_validate(PRESETS["small"]["model"])
LSTM = ModelSettings(channels=(4, 4, 4, 8, 8, 16), units=24, attention=16, output=16, embedding=8)
ROWS = LSTM.model_copy(
    update={
        "encoder": "residual",
        "channels": (4, 8, 16),
        "width": 32,
        "feedforward": 32,
        "decoder": "gru",
        "row_encoder": True,
        "cell_height": 8,
    }
)
DECODE = DecodeSettings(beam=3, nbest=2, max_tokens=9)


@pytest.fixture
def model(untrained, tmp_path: Path) -> Path:
    """Return the model file of a run folder, calibrated."""
    from im2latex_cli import checkpoints

    file = checkpoints.load(untrained(DIMS, TOKENS))
    file.info = {"name": "tiny", "calibration": Calibration(0.3, 0.1, 0.0).to_json()}
    path = tmp_path / "run" / "best.safetensors"
    checkpoints.save(path, file)
    return path


def exported(model: Path, **options) -> export.ExportResult:
    return export.run(Settings(), SilentReporter(), model=str(model), **options)


def page(seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return np.where(rng.random((40, 90)) < 0.05, 0, 255).astype(np.uint8)


def read(model: Path, backend: str = "auto"):
    reader = Recognizer.load(model, device="cpu", decode=DECODE, backend=backend)
    return reader.backend, reader([page(1), page(2)], nbest=1)


def test_an_exported_folder_needs_nothing_else(model: Path) -> None:
    _, expected = read(model, "torch")
    result = exported(model)
    folder = result.encoder.parent
    assert folder == model.parent / "onnx"
    assert result.bytes == sum(path.stat().st_size for path in folder.iterdir())
    model.unlink()
    for named in (model.parent, folder, result.encoder, result.decoder):
        backend, found = read(named)
        assert backend == "onnx"
        for mine, other in zip(found, expected, strict=True):
            assert [one.tokens for one in mine] == [one.tokens for one in other]
            assert mine[0].confidence == pytest.approx(other[0].confidence, abs=1e-4)


def test_other_programs_find_everything_inside(model: Path) -> None:
    result = exported(model)
    for path in (result.encoder, result.decoder):
        onnx.checker.check_model(onnx.load(path))
        told = onnxruntime.InferenceSession(path).get_modelmeta().custom_metadata_map
        header = json.loads(told["im2latex"])
        assert set(TOKENS) <= set(header["vocab"]["tokens"])
        assert header["preprocessing"]
        assert header["info"]["calibration"]["bias"] == 0.3
        assert header["info"]["name"] == "tiny"
        assert header["dims"] == DIMS.model_dump(mode="json")


def test_sizes_of_batch_picture_beam_and_length_are_free(model: Path) -> None:
    result = exported(model)
    for path, free in ((result.encoder, {0, 2, 3}), (result.decoder, {0, 1})):
        first = onnxruntime.InferenceSession(path).get_inputs()[0]
        assert {at for at, side in enumerate(first.shape) if isinstance(side, str)} == free


@pytest.mark.parametrize("dims", [LSTM, pytest.param(ROWS, marks=pytest.mark.slow)])
def test_dimensions_of_no_preset_are_traced(untrained, dims) -> None:
    model = untrained(dims, TOKENS)
    assert models.choose_backend(model, device="cpu").backend == "torch"
    with pytest.raises(UsageError, match="no graph of this model"):
        read(model, "onnx")
    _, expected = read(model, "torch")
    exported(model)
    backend, found = read(model)
    assert backend == "onnx", "predict finds what was exported beside the model"
    for mine, other in zip(found, expected, strict=True):
        assert [one.tokens for one in mine] == [one.tokens for one in other]
        assert mine[0].score == pytest.approx(other[0].score, abs=1e-3)
    model.write_bytes(untrained(dims, [*TOKENS, "z"]).read_bytes())
    assert models.choose_backend(model, device="cpu").backend == "torch", "of older weights"


def test_graphs_of_another_model_are_not_overwritten(model: Path, untrained) -> None:
    folder = exported(model).encoder.parent
    exported(model)
    other = untrained(DIMS, [*TOKENS, "z"])
    with pytest.raises(UsageError, match="another model"):
        exported(other, output=folder)
    assert exported(other, output=folder, force=True).tokens == 15


def test_exporting_an_export_is_refused(model: Path) -> None:
    folder = exported(model).encoder.parent
    with pytest.raises(UsageError, match="exported already"):
        exported(folder)


@pytest.mark.parametrize("part", ["encoder", "decoder"])
def test_broken_and_foreign_files_are_one_line(model: Path, part: str, tmp_path: Path) -> None:
    folder = exported(model).encoder.parent
    path = folder / f"{part}.onnx"
    whole = path.read_bytes()
    bad = {
        b"hello, this is no graph": "not an ONNX file|not a graph",
        whole[: len(whole) // 2]: "not an ONNX file|not a graph",
        b"": "not a graph that im2latex exported",
        onnx.ModelProto(ir_version=8).SerializeToString(): "not a graph that im2latex exported",
    }
    for content, words in bad.items():
        path.write_bytes(content)
        with pytest.raises(CheckpointError, match=words) as info:
            read(folder)
        assert "\n" not in str(info.value)
        assert path.name in str(info.value)
    lonely = tmp_path / "lonely.onnx"
    lonely.write_bytes(whole)
    with pytest.raises(CheckpointError, match="not a graph that im2latex exported"):
        read(lonely)


def test_graphs_of_two_models_do_not_mix(model: Path, untrained, tmp_path: Path) -> None:
    one = exported(model)
    other = exported(untrained(DIMS, [*TOKENS, "z"]), output=tmp_path / "other")
    one.decoder.write_bytes(other.decoder.read_bytes())
    with pytest.raises(CheckpointError, match="two models"):
        read(one.encoder.parent)


def test_missing_packages_are_named(untrained, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(export, "find_spec", lambda _: None)
    with pytest.raises(UsageError, match="needs onnx and onnxscript") as info:
        exported(untrained(LSTM, TOKENS))
    assert "im2latex-cli[export]" in str(info.value.hint)
