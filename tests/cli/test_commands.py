"""Every command: its flags reach the right setting or argument of its service."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from im2latex_cli.settings.sections import Settings
from im2latex_cli.settings.sources import ResolvedSettings


@dataclass(frozen=True)
class Made:
    output: Path
    pictures: int
    share: float
    exit_code: int = 0


MADE = Made(Path("data/small"), 300, 0.25)

Row = tuple[str, str, str, str, Any]
"""Command, service, flag, setting, its value."""

SETTING_FLAGS: list[Row] = [
    ("build", "build", "--dataset=synthetic", "build.dataset", ("synthetic",)),
    ("build", "build", "--output=there", "build.output", "there"),
    ("build", "build", "--renderer=embedded", "render.renderer", "embedded"),
    ("build", "build", "--jobs=3", "build.jobs", 3),
    ("build", "build", "--limit=3", "build.limit", 3),
    ("build", "build", "--max-failures=0.5", "build.max_failures", 0.5),
    ("build", "build", "--size=3", "build.size", 3),
    ("build", "build", "--font-size=10", "render.font_size", 10),
    ("build", "build", "--look=smooth", "render.look", "smooth"),
    ("build", "build", "--column=latex", "build.column", "latex"),
    ("build", "build", "--glyphs", "build.glyphs", True),
    ("build", "build", "--no-glyphs", "build.glyphs", False),
    ("build", "build", "--spacing=drop", "latex.spacing", "drop"),
    ("build", "build", "--min-count=3", "vocab.min_count", 3),
    ("vocab", "vocab", "--min-count=3", "vocab.min_count", 3),
    ("train", "train", "--preset=seed", "train.preset", "seed"),
    ("train", "train", "--output=there", "train.output", "there"),
    ("train", "train", "--epochs=3", "train.epochs", 3),
    ("train", "train", "--max-minutes=1.5", "train.max_minutes", 1.5),
    ("train", "train", "--batch-size=3", "train.batch_size", 3),
    ("train", "train", "--learning-rate=0.5", "train.learning_rate", 0.5),
    ("train", "train", "--device=cpu", "runtime.device", "cpu"),
    ("train", "train", "--seed=3", "runtime.seed", 3),
    ("train", "train", "--threads=3", "runtime.threads", 3),
    ("eval-text", "eval_text", "--split=val", "evaluate.split", "val"),
    ("eval-text", "eval_text", "--beam=3", "decode.beam", 3),
    ("eval-text", "eval_text", "--limit=3", "evaluate.limit", 3),
    ("eval-text", "eval_text", "--device=cpu", "runtime.device", "cpu"),
    ("eval-text", "eval_text", "--backend=onnx", "runtime.backend", "onnx"),
    ("eval-text", "eval_text", "--form=raw", "evaluate.form", "raw"),
    ("eval-text", "eval_text", "--report=o.html", "evaluate.report", "o.html"),
    ("eval-image", "eval_image", "--limit=3", "evaluate.limit", 3),
    ("eval-image", "eval_image", "--report=o.html", "evaluate.report", "o.html"),
    ("eval-image", "eval_image", "--cdm", "evaluate.cdm", True),
    ("eval-image", "eval_image", "--renderer=tex", "render.renderer", "tex"),
    ("run", "pipeline", "--dataset=synthetic", "build.dataset", ("synthetic",)),
    ("run", "pipeline", "--epochs=3", "train.epochs", 3),
    ("run", "pipeline", "--device=cpu", "runtime.device", "cpu"),
]


def settings_of(args: tuple[Any, ...]) -> Settings:
    return args[0].settings if isinstance(args[0], ResolvedSettings) else args[0]


@pytest.mark.parametrize(
    "row",
    SETTING_FLAGS,
    ids=[f"{row[0]} {row[2]}" for row in SETTING_FLAGS],
)
def test_flag_sets_its_setting(invoke, service, row: Row) -> None:
    command, module, flag, setting, value = row
    fake = service(module, MADE)
    result = invoke(command, flag)
    assert result.exit_code == 0, result.stderr
    section, field = setting.split(".")
    changed = getattr(getattr(settings_of(fake.args), section), field)
    assert (changed, type(changed)) == (value, type(value))


@pytest.mark.parametrize(
    ("args", "module", "options"),
    [
        ("build", "build", {"force": False}),
        ("build --force", "build", {"force": True}),
        ("vocab", "vocab", {"data": Path("data/small")}),
        ("vocab --data here", "vocab", {"data": Path("here")}),
        ("train", "train", {"data": Path("data/small"), "resume": False, "force": False}),
        (
            "train --data here --resume --force",
            "train",
            {"data": Path("here"), "resume": True, "force": True},
        ),
        (
            "eval-text --model m --data a.tar --output o",
            "eval_text",
            {
                "model": "m",
                "data": Path("a.tar"),
                "output": Path("o"),
                "references": None,
                "hypotheses": None,
            },
        ),
        (
            "eval-image",
            "eval_image",
            {"results": Path("results/small"), "references": None, "hypotheses": None},
        ),
        ("compare a b", "compare", {"first": Path("a"), "second": Path("b")}),
        ("run --force", "pipeline", {"force": True}),
        (
            "export",
            "export",
            {"model": None, "output": None, "to_hub_folder": None, "scores": (), "force": False},
        ),
        (
            "export --format onnx --model m -o o --to-hub-folder h --scores a --scores b --force",
            "export",
            {
                "model": "m",
                "output": Path("o"),
                "to_hub_folder": Path("h"),
                "scores": [Path("a"), Path("b")],
                "force": True,
            },
        ),
    ],
)
def test_arguments_reach_the_service(
    invoke, service, args: str, module: str, options: dict[str, Any]
) -> None:
    fake = service(module, MADE)
    assert invoke(*args.split()).exit_code == 0
    assert fake.options == options


@pytest.mark.parametrize(("code", "status"), [(0, "success"), (7, "partial")])
def test_result_as_json(invoke, service, code: int, status: str) -> None:
    service("build", Made(Path("data/small"), 300, float("nan"), code))
    result = invoke("build", "--json")
    assert result.exit_code == code
    assert result.stderr == ""
    assert result.stdout.count("\n") == 1
    assert json.loads(result.stdout) == {
        "format": 1,
        "command": "build",
        "status": status,
        "result": {"output": "data/small", "pictures": 300, "share": None},
    }


def test_result_for_people(invoke, service) -> None:
    service("build", MADE)
    assert invoke("build").stdout == "output    data/small\npictures  300\nshare     0.25\n"


def test_show_settings_tells_value_and_origin_and_runs_nothing(invoke, service) -> None:
    fake = service("train", MADE)
    Path("im2latex.toml").write_text("[train]\nclip = 2.0\n")
    result = invoke(
        "train",
        "--epochs=3",
        "--set=decode.beam=7",
        "--show-settings",
        env={"IM2LATEX_MODEL__UNITS": "9"},
    )
    rows = {line.split()[0]: line.split(maxsplit=2)[1:] for line in result.stdout.splitlines()}
    assert rows["train.epochs"] == ["3", "command line --epochs"]
    assert rows["decode.beam"] == ["7", "command line --set"]
    assert rows["train.clip"] == ["2.0", "im2latex.toml"]
    assert rows["model.units"] == ["9", "environment IM2LATEX_MODEL__UNITS"]
    assert rows["train.patience"] == ["unset", "default"]
    assert (result.exit_code, fake.args) == (0, ())


def test_show_settings_as_json(invoke) -> None:
    told = json.loads(invoke("doctor", "--show-settings", "--json", "--seed=3").stdout)
    assert told["result"]["runtime.seed"] == {"value": 3, "origin": "command line --seed"}


def test_bad_settings_stop_a_command_before_its_service(invoke, service) -> None:
    fake = service("doctor", MADE)
    assert invoke("doctor", "--set=decode.beam=0").exit_code == 2
    assert fake.args == ()


def test_a_flag_beats_set(invoke, service) -> None:
    fake = service("train", MADE)
    invoke("train", "--set=train.epochs=2", "--epochs=3")
    assert fake.args[0].settings.train.epochs == 3


def test_named_config_file(invoke, service) -> None:
    fake = service("train", MADE)
    Path("mine.toml").write_text("[train]\nepochs = 4\n")
    invoke("train", "--config", "mine.toml")
    assert fake.args[0].origins["train.epochs"] == "mine.toml"
    missing = invoke("train", "--config", "absent.toml")
    assert (missing.exit_code, "absent.toml" in missing.stderr) == (3, True)


def test_quiet_shows_warnings_only(invoke, service, monkeypatch) -> None:
    import im2latex_cli.services

    fake = service("vocab", MADE)

    def run(_settings: Settings, reporter: Any, **_options: Any) -> Made:
        reporter.info("info")
        reporter.detail("detail")
        reporter.warn("careful")
        return MADE

    monkeypatch.setattr(fake, "run", run)
    assert im2latex_cli.services.vocab is fake
    assert invoke("vocab", "-q").stderr == "warning: careful\n"
    assert invoke("vocab").stderr == "info\nwarning: careful\n"
    assert invoke("vocab", "-v").stderr == "info\ndetail\nwarning: careful\n"
