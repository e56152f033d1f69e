import tomllib
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from im2latex_cli.settings.reference import leaves, template, to_toml, to_value, values
from im2latex_cli.settings.sections import PRESETS
from im2latex_cli.settings.sources import SettingValue, resolve


@pytest.mark.parametrize("name", list(leaves()))
def test_every_setting_has_help_and_a_type(name: str) -> None:
    leaf = leaves()[name]
    assert leaf.help.endswith(".")
    assert leaf.kind
    assert leaf.variable == "IM2LATEX_" + name.upper().replace(".", "__")


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("decode.beam", "integer, above 0"),
        ("train.max_minutes", "number, above 0"),
        ("build.max_failures", "number, at least 0, at most 1"),
        ("model.channels", "list of integers"),
        ("render.font_size", "10 | 11 | 12"),
        ("build.glyphs", "true or false"),
        ("build.dataset", "list of texts"),
    ],
)
def test_types_are_told_in_words(name: str, kind: str) -> None:
    assert leaves()[name].kind == kind


@pytest.mark.parametrize("preset", ["auto", *PRESETS])
def test_written_settings_resolve_to_themselves(preset: str, tmp_path: Path) -> None:
    line = [SettingValue("train.max_minutes", 2.5, "command line --max-minutes")]
    resolved = resolve(line).with_preset(preset)
    written = to_toml(resolved.settings, resolved.origins)
    assert "max_minutes = 2.5  # command line --max-minutes" in written
    (tmp_path / "settings.toml").write_text(written, encoding="utf-8")
    assert resolve(config=tmp_path / "settings.toml").settings == resolved.settings


def test_template_changes_nothing(tmp_path: Path) -> None:
    (tmp_path / "im2latex.toml").write_text(template(), encoding="utf-8")
    resolved = resolve(cwd=tmp_path)
    assert resolved == resolve()


def test_template_uncommented_is_the_defaults() -> None:
    lines = [line.removeprefix("# ") for line in template().splitlines()]
    settings = [line for line in lines if line.startswith("[") or " = " in line]
    tree = tomllib.loads("\n".join(line for line in settings if "(" not in line))
    held = {f"{section}.{name}": tree[section][name] for section in tree for name in tree[section]}
    expected = {name: leaf.default for name, leaf in leaves().items() if leaf.default is not None}
    assert {name: tuple(v) if isinstance(v, list) else v for name, v in held.items()} == expected


def test_values_names_every_leaf() -> None:
    assert list(values(resolve().settings)) == list(leaves())


@example("\x7f")
@given(st.one_of(st.text(), st.integers(), st.floats(allow_nan=False), st.booleans()))
def test_values_survive_toml(value: str | float | bool) -> None:
    assert tomllib.loads(f"x = {to_value(value)}")["x"] == value
