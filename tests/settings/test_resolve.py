from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given as draw
from hypothesis import strategies as st

from im2latex_cli.errors import SettingsError
from im2latex_cli.settings.reference import leaves
from im2latex_cli.settings.sections import PRESETS, Settings
from im2latex_cli.settings.sources import (
    ResolvedSettings,
    SettingValue,
    assignments,
    resolve,
)

LAYERS = ["default", "preset", "user", "project", "environment", "command line"]
ORIGINS = {
    "default": "default",
    "preset": "preset small",
    "user": "user.toml",
    "project": "im2latex.toml",
    "environment": "environment IM2LATEX_TRAIN__EPOCHS",
    "command line": "command line --epochs",
}


def resolve_epochs(folder: Path, epochs: dict[str, int]) -> ResolvedSettings:
    """Resolve with `train.epochs` given by the named layers."""
    for layer, name in (("user", "user.toml"), ("project", "im2latex.toml")):
        if layer in epochs:
            (folder / name).write_text(f"[train]\nepochs = {epochs[layer]}\n")
    line, env = epochs.get("command line"), epochs.get("environment")
    return resolve(
        [] if line is None else [SettingValue("train.epochs", line, ORIGINS["command line"])],
        env={} if env is None else {"IM2LATEX_TRAIN__EPOCHS": str(env)},
        cwd=folder,
        user=folder / "user.toml",
    ).with_preset("small")


@pytest.mark.parametrize("strongest", LAYERS[2:])
def test_every_layer_beats_all_below(strongest: str, tmp_path: Path) -> None:
    present = LAYERS[2 : LAYERS.index(strongest) + 1]
    resolved = resolve_epochs(tmp_path, {layer: 100 + n for n, layer in enumerate(present)})
    assert resolved.settings.train.epochs == 99 + len(present)
    assert resolved.origins["train.epochs"].endswith(ORIGINS[strongest])


@pytest.mark.parametrize("layer", LAYERS[2:])
def test_every_layer_alone_beats_preset_and_default(
    layer: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(PRESETS, "small", {"train": {"epochs": 77, "clip": 3.0}})
    resolved = resolve_epochs(tmp_path, {layer: 101})
    assert resolved.settings.train.epochs == 101
    assert resolved.settings.train.clip == 3.0
    assert resolved.origins["train.clip"] == "preset small"


def test_nothing_given_is_the_defaults() -> None:
    resolved = resolve()
    assert resolved.settings == Settings()
    assert set(resolved.origins) == set(leaves())
    assert set(resolved.origins.values()) == {"default"}


def test_config_replaces_the_project_file(tmp_path: Path) -> None:
    (tmp_path / "im2latex.toml").write_text("[train]\nepochs = 3\nclip = 2.0\n")
    other = tmp_path / "other.toml"
    other.write_text("[train]\nepochs = 4\n")
    resolved = resolve(cwd=tmp_path, config=other)
    assert (resolved.settings.train.epochs, resolved.settings.train.clip) == (4, 5.0)
    assert resolved.origins["train.epochs"] == str(other)


def test_files_merge_leaf_by_leaf(tmp_path: Path) -> None:
    (tmp_path / "user.toml").write_text("[train]\nepochs = 3\nclip = 2.0\n")
    (tmp_path / "im2latex.toml").write_text("[train]\nepochs = 4\n")
    train = resolve(cwd=tmp_path, user=tmp_path / "user.toml").settings.train
    assert (train.epochs, train.clip) == (4, 2.0)


@pytest.mark.parametrize("name", sorted(PRESETS))
def test_every_preset_validates(name: str) -> None:
    settings = resolve().with_preset(name).settings
    assert settings.train.preset == name


def test_auto_is_no_preset() -> None:
    resolved = resolve()
    assert resolved.with_preset("auto") is resolved


@pytest.mark.parametrize(
    ("asked", "origin"), [("auto", "preset small"), ("small", "command line --preset")]
)
def test_settings_name_the_preset_that_was_taken(asked: str, origin: str) -> None:
    resolved = resolve([SettingValue("train.preset", asked, "command line --preset")])
    taken = resolved.with_preset("small")
    assert (taken.settings.train.preset, taken.origins["train.preset"]) == ("small", origin)


def test_presets_do_not_pile_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(PRESETS, "small", {"train": {"clip": 3.0}})
    monkeypatch.setitem(PRESETS, "base", {"train": {"epochs": 9}})
    train = resolve().with_preset("small").with_preset("base").settings.train
    assert (train.clip, train.epochs, train.preset) == (5.0, 9, "base")


@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [
        ("decode.bem", 3, "decode.bem: no such setting (here); did you mean decode.beam?"),
        ("decode.epochs", 3, "decode.epochs: no such setting (here); did you mean train.epochs?"),
        ("trian.epochs", 3, "trian.epochs: no such setting (here); did you mean train.epochs?"),
        ("beam", 3, "beam: no such setting (here); did you mean decode.beam?"),
        ("zzzzzz.qqqqqq", 3, "zzzzzz.qqqqqq: no such setting (here)"),
        ("train", 3, "train: a section of settings, not a setting (here)"),
        (
            "decode.beam",
            0,
            "decode.beam: input should be greater than 0, got 0 (here)",
        ),
        (
            "decode.beam",
            1.5,
            (
                "decode.beam: input should be a valid integer, got a number with a "
                "fractional part, got 1.5 (here)"
            ),
        ),
        (
            "render.renderer",
            "texx",
            (
                "render.renderer: input should be 'auto', 'tex' or 'embedded', got 'texx' (here); "
                "did you mean tex?"
            ),
        ),
        (
            "model.channels",
            [8, "x"],
            (
                "model.channels: input should be a valid integer, unable to parse string as an "
                "integer, got 'x' (here)"
            ),
        ),
    ],
)
def test_bad_settings_are_one_line_each(name: str, value: Any, problem: str) -> None:
    with pytest.raises(SettingsError) as caught:
        resolve([SettingValue(name, value, "here")])
    assert caught.value.problems == [problem]
    assert caught.value.exit_code == 2


def test_all_problems_of_all_sources_come_at_once(tmp_path: Path) -> None:
    (tmp_path / "user.toml").write_text("[train\n")
    (tmp_path / "im2latex.toml").write_text("[train]\nepoch = 1\nclip = -1\n")
    with pytest.raises(SettingsError) as caught:
        resolve(
            [SettingValue("decode.beam", -1, "command line --beam")],
            env={"IM2LATEX_RENDER__DPI": "low"},
            cwd=tmp_path,
            user=tmp_path / "user.toml",
        )
    told = "\n".join(caught.value.problems)
    assert len(caught.value.problems) == 5
    for part in (
        "user.toml: not valid TOML",
        "train.epoch: no such setting (im2latex.toml); did you mean train.epochs?",
        "(im2latex.toml)",
        "(environment IM2LATEX_RENDER__DPI)",
        "(command line --beam)",
    ):
        assert part in told


def test_a_bad_value_that_another_source_replaces_is_no_problem(tmp_path: Path) -> None:
    (tmp_path / "im2latex.toml").write_text("[train]\nepochs = -1\n")
    line = assignments(["train.epochs=2"], flag="--set")
    assert resolve(line, cwd=tmp_path).settings.train.epochs == 2


@draw(st.lists(st.tuples(st.text(max_size=12), st.text(max_size=12)), max_size=4))
def test_any_assignment_resolves_or_is_a_settings_error(pairs: list[tuple[str, str]]) -> None:
    env = {f"IM2LATEX_{name}": value for name, value in pairs}
    texts = [f"{name}={value}" for name, value in pairs]
    with pytest.raises(SettingsError) if pairs else nullcontext():
        resolve(assignments(texts, flag="--set"), env=env)
