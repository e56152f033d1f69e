import json
import subprocess
import sys
from pathlib import Path

import pytest

from im2latex_cli.cli.console import lines
from im2latex_cli.recognition import models
from im2latex_cli.services import doctor
from im2latex_cli.settings.sections import Settings


@pytest.fixture
def parts(monkeypatch: pytest.MonkeyPatch) -> dict[str, doctor.Component]:
    monkeypatch.setattr(doctor, "_devices", lambda: ("cpu",))
    return {part.name: part for part in doctor.run(Settings()).parts}


def write_header(path: Path, header: dict[str, object]) -> None:
    content = json.dumps(header).encode()
    path.write_bytes(len(content).to_bytes(8, "little") + content)


def test_packages_are_found(parts: dict[str, doctor.Component]) -> None:
    assert parts["torch"].here
    assert parts["mathra"].version == "1.5.0" or parts["mathra"].version


def test_a_machine_without_tex(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "_devices", lambda: ("cpu",))
    monkeypatch.setenv("PATH", "")
    result = doctor.run(Settings())
    assert result.renderer == "embedded"
    for parts in ("latex, kpsewhich, dvipng", "gs"):
        told = [line for line in result.install if line.parts == parts]
        assert [line.manager for line in told] == ["apt", "dnf", "brew"]
        assert all(line.command.startswith(line.manager) for line in told)
    assert result.exit_code == 0


@pytest.mark.tex
def test_a_machine_with_tex(parts: dict[str, doctor.Component]) -> None:
    assert parts["latex"].here
    assert "TeX" in (parts["latex"].version or "")


def test_a_program_that_does_not_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "_devices", lambda: ())
    program = tmp_path / "latex"
    program.write_text("#!/no/such/shell\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    latex = next(part for part in doctor.run(Settings()).parts if part.name == "latex")
    assert (latex.here, latex.version) == (True, None)


def test_devices_come_from_another_process() -> None:
    code = (
        "import sys; from im2latex_cli.services import doctor; "
        "print(*doctor._devices()); print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    devices, loaded = done.stdout.splitlines()
    assert devices.split()[0] == "cpu"
    assert loaded == "False"


def told(info: dict[str, str]) -> dict[str, object]:
    return {"__metadata__": {"im2latex": json.dumps({"info": info})}}


FULL = {"name": "a", "version": "1", "training_data": "b", "measured": "c"}


@pytest.mark.parametrize(
    ("header", "version"),
    [
        (told({"name": "base", "version": "3"}), "base 3"),
        (told(FULL), "a 1"),
        ({"__metadata__": {}}, "model"),
        ({}, "model"),
    ],
)
def test_bundled_model_is_named_by_its_header(
    header: dict[str, object], version: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(models, "BUNDLED", tmp_path)
    monkeypatch.setattr(doctor, "_devices", lambda: ())
    write_header(tmp_path / "model.safetensors", header)
    bundled = doctor.run(Settings()).parts[-1]
    assert (bundled.here, bundled.version) == (True, version)


def test_the_bundled_model_has_a_block_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(models, "BUNDLED", tmp_path)
    monkeypatch.setattr(doctor, "_devices", lambda: ())
    write_header(tmp_path / "model.safetensors", told(FULL))
    shown = list(lines(doctor.run(Settings())))
    block = shown[shown.index("bundled model") + 1 :]
    assert [line.split(maxsplit=1) for line in block[:2]] == [["name", "a"], ["version", "1"]]
    assert [line.strip() for line in block[4:6]] == ["training data  b", "measured       c"]


def test_the_model_in_this_package_says_what_it_learnt_and_scores() -> None:
    model = doctor._read_bundled_model()
    assert isinstance(model, doctor.BundledModel)
    assert model.version
    assert model.training_data
    assert model.measured


@pytest.mark.parametrize("content", [b"", b"\xff" * 100, (5).to_bytes(8, "little") + b"{{{{{"])
def test_damaged_model_is_said_to_be_damaged(
    content: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(models, "BUNDLED", tmp_path)
    monkeypatch.setattr(doctor, "_devices", lambda: ())
    (tmp_path / "model.safetensors").write_bytes(content)
    result = doctor.run(Settings())
    assert result.parts[-1].version == "model.safetensors, damaged"
    assert result.bundled_model is None
