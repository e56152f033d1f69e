import json
from pathlib import Path

import pytest
import torch

from im2latex_cli import checkpoints, headers
from im2latex_cli.checkpoints import ModelFile
from im2latex_cli.errors import CheckpointError, InputError
from im2latex_cli.latex.vocab import Vocab
from im2latex_cli.network.network import Network
from im2latex_cli.settings.sections import ModelSettings
from im2latex_cli.vision.prepare import Preprocessing

ASSETS = Path(__file__).parent / "assets"
DIMS = ModelSettings(
    encoder="residual",
    decoder="transformer",
    channels=(2, 4, 4),
    width=8,
    heads=2,
    feedforward=8,
    encoder_layers=1,
    decoder_layers=2,
)


@pytest.fixture
def model() -> ModelFile:
    torch.manual_seed(0)
    vocab = Vocab.build({"a": 3, "\\frac": 2, "{": 2, "}": 2, "²": 1}, min_count=1)
    network = Network(DIMS, len(vocab))
    return ModelFile(
        DIMS,
        vocab,
        Preprocessing(margin=5),
        network.state_dict(),
        {"scores": {"edit_similarity": 91.5}, "calibration": [1.0, 0.2]},
    )


@pytest.fixture
def saved(model: ModelFile, tmp_path: Path) -> Path:
    path = tmp_path / "model.safetensors"
    checkpoints.save(path, model)
    return path


def rewrite(path: Path, *, drop: str = "", **changes: object) -> None:
    tensors, header = checkpoints.read_tensors(path, kind="model")
    tensors.pop(drop, None)
    checkpoints.write_tensors(path, tensors, {**header, **changes})


def one_line(path: Path) -> str:
    with pytest.raises(CheckpointError) as caught:
        checkpoints.load(path)
    message = str(caught.value)
    assert "\n" not in message
    assert str(path) in message
    assert caught.value.exit_code == 6
    return message


def test_everything_comes_back(model: ModelFile, saved: Path) -> None:
    found = checkpoints.load(saved)
    assert (found.dims, found.vocab, found.preprocessing, found.info) == (
        model.dims,
        model.vocab,
        model.preprocessing,
        model.info,
    )
    assert found.tensors.keys() == model.tensors.keys()
    for name, value in model.tensors.items():
        assert torch.equal(found.tensors[name], value), name


def test_a_loaded_network_computes_the_same(model: ModelFile, saved: Path) -> None:
    images, sizes = torch.rand(1, 1, 32, 48), torch.tensor([[32, 48]])
    ids = torch.tensor([[1, 4, 5]])
    logits = []
    for file in (model, checkpoints.load(saved)):
        network = file.network()
        assert not network.training
        logits.append(network.decode(network.encode(images, sizes), ids).logits)
    assert torch.equal(*logits)


def test_the_same_model_gives_the_same_bytes(model: ModelFile, saved: Path, tmp_path: Path) -> None:
    checkpoints.save(tmp_path / "again", model)
    assert (tmp_path / "again").read_bytes() == saved.read_bytes()


def test_half_precision_halves_the_file_and_loads_as_single(
    model: ModelFile, saved: Path, tmp_path: Path
) -> None:
    name = next(iter(model.tensors))
    model.tensors[name] = model.tensors[name] * 0 + 1e6
    path = tmp_path / "half"
    checkpoints.save(path, model, half=True)
    found = checkpoints.load(path)
    assert found.tensors[name].max() == 1e6, "what does not fit 16 bits keeps 32"
    for key, value in found.tensors.items():
        assert value.dtype == model.tensors[key].dtype
        assert torch.allclose(value, model.tensors[key], atol=1e-3, rtol=1e-3)
    assert path.stat().st_size < saved.stat().st_size


def test_missing_file_is_an_input_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="No model file"):
        checkpoints.load(tmp_path / "none.safetensors")


@pytest.mark.parametrize(
    "content", [b"", b"x", b"hello, this is no model", b"\x80\x04" + b"p" * 99]
)
def test_other_files_are_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "other"
    path.write_bytes(content)
    assert "not a safetensors" in one_line(path)


def test_pickle_is_never_loaded(tmp_path: Path) -> None:
    path = tmp_path / "model.pt"
    torch.save({"a": torch.zeros(2)}, path)
    assert "not a safetensors" in one_line(path)


@pytest.mark.parametrize("kept", [0.2, 0.5, 0.99])
def test_truncated_file_is_refused(kept: float, saved: Path) -> None:
    content = saved.read_bytes()
    saved.write_bytes(content[: int(len(content) * kept)])
    assert "truncated" in one_line(saved)


def test_safetensors_of_others_are_refused(tmp_path: Path) -> None:
    from safetensors.torch import save_file

    path = tmp_path / "foreign.safetensors"
    save_file({"weight": torch.zeros(2)}, path)
    assert "not a model file of im2latex" in one_line(path)


def test_training_state_is_no_model(tmp_path: Path) -> None:
    path = tmp_path / "state.safetensors"
    checkpoints.write_tensors(path, {"a": torch.zeros(1)}, {"kind": "state", "format": 1})
    assert "not a model file" in one_line(path)


def test_newer_format_says_upgrade(saved: Path) -> None:
    rewrite(saved, format=headers.FORMAT + 1)
    assert "Upgrade im2latex-cli" in one_line(saved)


@pytest.mark.parametrize("version", [0, None, "one"])
def test_unknown_format_is_refused(version: object, saved: Path) -> None:
    rewrite(saved, format=version)
    assert "unknown" in one_line(saved)


def test_missing_tensor_is_named(saved: Path) -> None:
    rewrite(saved, drop="norm.weight")
    assert "norm.weight" in one_line(saved)


def test_vocabulary_that_does_not_fit_is_refused(model: ModelFile, saved: Path) -> None:
    rewrite(saved, vocab=Vocab.build({"a": 1}, min_count=1).to_json())
    message = one_line(saved)
    assert "vocabulary has 5 tokens, the network 9" in message


def test_other_dimensions_are_refused(saved: Path) -> None:
    rewrite(saved, dims=DIMS.model_copy(update={"feedforward": 16}).model_dump(mode="json"))
    assert "dimensions" in one_line(saved)


@pytest.mark.parametrize(
    "changes", [{"dims": {"encoder": "none"}}, {"vocab": 3}, {"preprocessing": {"zoom": 1}}]
)
def test_broken_header_is_refused(changes: dict[str, object], saved: Path) -> None:
    rewrite(saved, **changes)
    assert "header" in one_line(saved)


def test_extra_tensors_are_left_out(saved: Path) -> None:
    tensors, header = checkpoints.read_tensors(saved, kind="model")
    checkpoints.write_tensors(saved, {**tensors, "head.weight": torch.zeros(2)}, header)
    assert "head.weight" not in checkpoints.load(saved).tensors


def test_a_crash_while_writing_keeps_the_file(
    model: ModelFile, saved: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = saved.read_bytes()

    def crash(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr("os.fsync", crash)
    with pytest.raises(OSError, match="disk full"):
        checkpoints.save(saved, model)
    assert saved.read_bytes() == before
    assert [path.name for path in saved.parent.iterdir() if path.is_file()] == [saved.name]


def test_format_1_loads_forever() -> None:
    found = checkpoints.load(ASSETS / "format-1.safetensors")
    expected = json.loads((ASSETS / "format-1.json").read_text(encoding="utf-8"))
    network = found.network()
    images = torch.linspace(0, 1, 32 * 48).reshape(1, 1, 32, 48)
    ids = torch.tensor([expected["ids"]])
    logits = network.decode(network.encode(images, torch.tensor([[32, 48]])), ids).logits
    assert list(found.vocab.tokens) == expected["tokens"]
    assert torch.allclose(logits[0, -1], torch.tensor(expected["logits"]), atol=1e-4)
