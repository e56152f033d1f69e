import json
import os
from pathlib import Path
from typing import Any

import pytest

from im2latex_cli.errors import InputError, SettingsError
from im2latex_cli.settings import sources
from im2latex_cli.settings.sources import SettingValue


@pytest.mark.parametrize(
    ("text", "name", "value"),
    [
        ("decode.beam=3", "decode.beam", "3"),
        ("decode.beam = 3", "decode.beam", " 3"),
        ("build.dataset=a=b.txt", "build.dataset", ["a=b.txt"]),
        ("train.patience=none", "train.patience", None),
        ("train.patience=None", "train.patience", None),
        ("render.font_size=11", "render.font_size", 11),
        ("render.font_size=13", "render.font_size", "13"),
        ("render.renderer=tex", "render.renderer", "tex"),
        ("model.channels=[8, 16]", "model.channels", [8, 16]),
        ("model.channels=8, 16", "model.channels", ["8", "16"]),
        ("no.such=1", "no.such", "1"),
    ],
)
def test_assignments_are_decoded_by_their_setting(text: str, name: str, value: Any) -> None:
    assert sources.assignments([text], flag="--set") == [
        SettingValue(name, value, "command line --set")
    ]


def test_assignments_without_equals_sign_are_all_named() -> None:
    with pytest.raises(SettingsError) as caught:
        sources.assignments(["decode.beam", "a=1", "train.epochs"], flag="--set")
    assert caught.value.problems == [
        "--set decode.beam: expected section.name=value",
        "--set train.epochs: expected section.name=value",
    ]


@pytest.mark.parametrize(
    ("variable", "name"),
    [
        ("IM2LATEX_TRAIN__EPOCHS", "train.epochs"),
        ("im2latex_train__epochs", "train.epochs"),
        ("IM2LATEX_TRIAN__EPOCHS", "trian.epochs"),
        ("IM2LATEX_EPOCHS", "epochs"),
        ("IM2LATEX_TRAIN", "train"),
    ],
)
def test_variables_that_mean_settings(variable: str, name: str) -> None:
    assert sources.environment({variable: "3"}) == [
        SettingValue(name, "3", f"environment {variable}")
    ]


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("IM2LATEX_DATA", "/data"),
        ("IM2LATEX_TRAIN__EPOCHS", ""),
        ("_IM2LATEX_COMPLETE", "complete_bash"),
        ("TRAIN__EPOCHS", "3"),
    ],
)
def test_variables_of_others_are_left_alone(variable: str, value: str) -> None:
    assert sources.environment({variable: value}) == []


def test_file_is_flattened(tmp_path: Path) -> None:
    path = tmp_path / "im2latex.toml"
    path.write_text("stray = 1\n[train]\nepochs = 3\n[model]\nchannels = [1, 2]\n")
    assert sources.toml_file(path, origin="here") == [
        SettingValue("stray", 1, "here"),
        SettingValue("train.epochs", 3, "here"),
        SettingValue("model.channels", [1, 2], "here"),
    ]


def test_file_may_begin_with_a_byte_order_mark(tmp_path: Path) -> None:
    path = tmp_path / "im2latex.toml"
    path.write_bytes(b"\xef\xbb\xbf[train]\nepochs = 3\n")
    assert [given.name for given in sources.toml_file(path)] == ["train.epochs"]


def test_missing_file_is_an_input_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"Cannot read the settings file .*absent\.toml"):
        sources.toml_file(tmp_path / "absent.toml")


@pytest.mark.parametrize("content", [b"[train\n", b"a = \xff\n"])
def test_broken_file_is_a_settings_error(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "im2latex.toml"
    path.write_bytes(content)
    with pytest.raises(SettingsError, match=r"im2latex\.toml: not valid TOML"):
        sources.toml_file(path)


def test_presets_are_listed_with_their_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sources.PRESETS, "small", {"model": {"units": 7}, "train": {"epochs": 2}})
    assert sources.preset_values("small") == [
        SettingValue("model.units", 7, "preset small"),
        SettingValue("train.epochs", 2, "preset small"),
    ]
    assert json.dumps(sources.PRESETS)  # plain values, as a settings file could hold


@pytest.mark.parametrize("own", [{}, {"OMP_WAIT_POLICY": "active"}, {"GOMP_SPINCOUNT": "7"}])
def test_openmp_spins_briefly_unless_the_user_says_otherwise(
    own: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT")
    for name in names:
        monkeypatch.setenv(name, "")  # lets monkeypatch undo what the function sets
        monkeypatch.delenv(name)
    for name, value in own.items():
        monkeypatch.setenv(name, value)
    sources.limit_openmp_spinning()
    seen = {name: os.environ[name] for name in names if name in os.environ}
    assert seen == (own or {"GOMP_SPINCOUNT": "1000"})
