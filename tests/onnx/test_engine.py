"""What onnxruntime reads is what torch reads, for every preset."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from onnxruntime.capi import onnxruntime_pybind11_state as pybind11_state

from im2latex_cli.errors import CheckpointError, InputError
from im2latex_cli.onnx import graphs
from im2latex_cli.onnx.engine import OnnxEngine
from im2latex_cli.recognition.models import PRETRAINED, find_model
from im2latex_cli.recognition.recognizer import Recognizer
from im2latex_cli.settings.sections import PRESETS, DecodeSettings, ModelSettings

FORMULA = Path(__file__).parents[2] / "docs" / "formula.png"
CLOSE = 1e-3
GREEDY = DecodeSettings(beam=1, max_tokens=12)
BEAM = DecodeSettings(beam=5, nbest=3, max_tokens=12)


def both(model, decode: DecodeSettings = BEAM) -> tuple[Recognizer, Recognizer]:
    made = [
        Recognizer.load(model, device="cpu", decode=decode, threads=1, backend=backend)
        for backend in ("torch", "onnx")
    ]
    assert [one.backend for one in made] == ["torch", "onnx"]
    return made[0], made[1]


def assert_same(found, expected) -> None:
    assert len(found) == len(expected)
    for mine, other in zip(found, expected, strict=True):
        assert [one.tokens for one in mine] == [one.tokens for one in other]
        for a, b in zip(mine, other, strict=True):
            assert a.score == pytest.approx(b.score, abs=CLOSE)
            assert a.token_scores == pytest.approx(b.token_scores, abs=CLOSE)
            assert a.confidence == pytest.approx(b.confidence, abs=CLOSE)
            assert (a.latex, a.truncated) == (b.latex, b.truncated)


@pytest.mark.parametrize("decode", [GREEDY, BEAM], ids=["greedy", "beam"])
@pytest.mark.parametrize("preset", ["small", "fast", "seed"])
def test_pictures_of_all_sizes_read_as_with_torch(preset_model, pages, preset, decode) -> None:
    torch, onnx = both(preset_model(preset), decode)
    expected = torch.read(pages)
    assert_same(onnx.read(pages), expected)
    read = {one.tokens for some in expected for one in some}
    assert len(read) > 2, "pictures that all read alike show little"


def test_the_largest_preset_reads_as_with_torch(preset_model, pages) -> None:
    torch, onnx = both(preset_model("base"), DecodeSettings(beam=2, nbest=2, max_tokens=5))
    assert_same(onnx.read(pages[:2]), torch.read(pages[:2]))


def test_without_the_grammar_and_with_diversity_too(preset_model, pages) -> None:
    decode = DecodeSettings(
        beam=4, nbest=4, max_tokens=9, grammar=False, div_gamma=0.6, div_prob=0.7
    )
    torch, onnx = both(preset_model("small"), decode)
    assert_same(onnx.read(pages[:5]), torch.read(pages[:5]))


def test_a_batch_reads_as_each_picture_alone(preset_model, pages) -> None:
    _, onnx = both(preset_model("small"))
    together = onnx.read(pages)
    assert_same(together, [onnx.read([page])[0] for page in pages])


@pytest.mark.parametrize("preset", ["small", "seed"])
def test_likelihoods_and_attention_are_those_of_torch(preset_model, pages, preset) -> None:
    torch, onnx = both(preset_model(preset))
    formulas = [["x", "^", "{", "2", "}"], ["a"], [r"\frac", "{", "1", "}", "{", "n", "}"]]
    assert onnx.log_likelihoods(pages[:3], formulas) == pytest.approx(
        torch.log_likelihoods(pages[:3], formulas), abs=CLOSE
    )
    picture = pages[7]
    best = torch.read([picture])[0][0]
    mine, other = onnx.attention(picture, best), torch.attention(picture, best)
    assert (mine.tokens, mine.cell) == (other.tokens, other.cell)
    assert mine.weights.shape == other.weights.shape
    assert np.allclose(mine.weights, other.weights, atol=1e-4)


def test_the_bundled_model_reads_its_picture_with_both() -> None:
    torch, onnx = both(PRETRAINED)
    assert_same(onnx([FORMULA], nbest=2), torch([FORMULA], nbest=2))


def test_there_are_graphs_for_every_preset_and_the_bundled_model() -> None:
    dims = [ModelSettings.model_validate(preset["model"]) for preset in PRESETS.values()]
    dims.append(graphs.read_header(find_model(PRETRAINED)).dims)
    missing = [one for one in dims if graphs.shipped(one) is None]
    assert not missing, "run `nox -s graphs`; the bundled model's dimensions must be a preset's"


def test_dropout_is_no_matter_of_the_graph() -> None:
    dims = ModelSettings.model_validate(PRESETS["fast"]["model"])
    other = dims.model_copy(update={"dropout": 0.3})
    assert graphs.shipped(dims) == graphs.shipped(other) is not None
    assert graphs.shipped(dims.model_copy(update={"feedforward": 8})) is None


def test_threads_are_onnxruntimes(preset_model, monkeypatch) -> None:
    model = preset_model("small")

    def threads(**asked: int | None) -> int:
        reader = Recognizer.load(model, device="cpu", backend="onnx", **asked)
        return reader._decoder.engine._decoder.get_session_options().intra_op_num_threads

    assert threads(threads=3) == 3
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    assert threads() == 2
    assert threads(threads=3) == 3
    monkeypatch.delenv("OMP_NUM_THREADS")
    assert threads() == 0, "as many as there are cores"


def test_memory_that_runs_out_is_the_pictures_fault(preset_model, pages, monkeypatch) -> None:
    onnx = Recognizer.load(preset_model("small"), device="cpu", backend="onnx")
    words = "Failed to allocate memory for requested buffer of size 123"

    def spent(*_):
        raise pybind11_state.RuntimeException(words)

    monkeypatch.setattr(OnnxEngine, "start", spent)
    with pytest.raises(InputError, match="too large for the memory"):
        onnx(pages[:2])
    words = "shape mismatch"
    with pytest.raises(pybind11_state.RuntimeException, match="shape mismatch"):
        onnx(pages[:2])


def test_a_graph_that_onnxruntime_refuses_is_one_line(preset_model) -> None:
    model = preset_model("small")
    whole = graphs.join(graphs.shipped(graphs.read_header(model).dims), model)
    broken = graphs.Graphs(whole.encoder[:-50], whole.decoder, whole.header, whole.stride)
    with pytest.raises(CheckpointError, match="onnxruntime cannot use the encoder's graph") as info:
        OnnxEngine(broken)
    assert "\n" not in str(info.value)


def test_the_graph_of_a_step_alone_gives_what_the_engine_gives() -> None:
    """As docs/how-to/export.md says: caches grow from nothing by what each step gives."""
    recognizer = Recognizer.load(PRETRAINED, device="cpu", backend="onnx", threads=1)
    engine = recognizer._decoder.engine
    state = engine.start([recognizer.open(FORMULA).picture])
    names = [one.name for one in engine._decoder.get_outputs()]
    caches = {
        one.name: np.zeros([side if isinstance(side, int) else 0 for side in one.shape], np.float32)
        for one in engine._decoder.get_inputs()
        if one.name.startswith("cache_")
    }
    caches = {name: one.reshape(1, *one.shape[1:]) for name, one in caches.items()}
    ids = np.array([1])
    for position in range(4):
        expected, state = engine.step(ids, state)
        given = {"ids": ids[None], "position": np.array([position])}
        given["seen"] = np.zeros((1, 1, position + 1), np.float32)
        found = engine._decoder.run(None, {**state.memory, **caches, **given})
        outputs = dict(zip(names, found, strict=True))
        assert outputs["log_probabilities"][0] == pytest.approx(expected, abs=1e-4)
        for name in caches:
            _, layer, part = name.split("_")
            new, axis = outputs[f"{part}_{layer}"], 3 if part == "key" else 2
            caches[name] = np.concatenate([caches[name], new], axis)
        ids = expected.argmax(1)
