from __future__ import annotations

from importlib import metadata
from pathlib import Path

import pytest

from im2latex_cli.errors import UsageError
from im2latex_cli.recognition import models
from im2latex_cli.recognition.models import choose_backend, find_model
from im2latex_cli.recognition.recognizer import Recognizer


@pytest.fixture
def model() -> Path:
    return find_model("pretrained")


@pytest.fixture
def no_onnxruntime(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(models, "find_spec", lambda _: None)


def test_auto_takes_onnx_on_the_cpu(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert choose_backend(model, device="cpu").backend == "onnx"
    monkeypatch.setattr(models, "_accelerated", lambda: False)
    assert choose_backend(model).backend == "onnx"
    assert choose_backend(model, backend="torch").backend == "torch"


def test_auto_leaves_gpus_to_torch(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(models, "_accelerated", lambda: True)
    assert choose_backend(model).backend == "torch"
    assert "GPU" in choose_backend(model).reason
    assert choose_backend(model, device="cpu").backend == "onnx"
    assert choose_backend(model, backend="onnx").backend == "onnx"
    assert choose_backend(model, device="cuda").backend == "torch"


def test_only_a_torch_with_gpu_code_on_a_machine_with_one_counts(monkeypatch) -> None:
    monkeypatch.setattr(models.sys, "platform", "linux")
    monkeypatch.setattr(models.shutil, "which", lambda _: "/usr/bin/nvidia-smi")
    monkeypatch.setattr(metadata, "version", lambda _: "2.13.0+cpu")
    assert not models._accelerated()
    monkeypatch.setattr(metadata, "version", lambda _: "2.13.0")
    assert models._accelerated()


@pytest.mark.usefixtures("no_onnxruntime")
def test_without_onnxruntime_auto_takes_torch_and_says_why(model: Path) -> None:
    choice = choose_backend(model, device="cpu")
    assert (choice.backend, choice.reason) == ("torch", "onnxruntime is not installed")


@pytest.mark.usefixtures("no_onnxruntime")
def test_asking_for_onnx_without_onnxruntime_is_one_line(model: Path) -> None:
    with pytest.raises(UsageError, match="onnxruntime is not installed") as info:
        Recognizer.load(model, backend="onnx")
    assert "pip install 'im2latex-cli[onnx]'" in str(info.value.hint)
    assert info.value.exit_code == 2


def test_without_torch_it_is_named(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(models, "find_spec", lambda name: None if name == "torch" else object())
    with pytest.raises(UsageError, match=r"needs PyTorch, which is not installed \(asked for\)"):
        Recognizer.load(model, backend="torch")


def test_onnx_on_another_device_is_a_usage_error(model: Path) -> None:
    with pytest.raises(UsageError, match="cuda was asked for"):
        choose_backend(model, device="cuda", backend="onnx")
