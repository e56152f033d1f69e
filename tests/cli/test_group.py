"""Every way to fail: the exit code, the streams, the JSON."""

import json
import os
import subprocess
import sys

import pytest

from im2latex_cli import errors
from im2latex_cli.errors import Im2LatexError

SEVERAL = errors.SettingsError(["one", "two"])
ERRORS = [
    errors.UsageError("Message.", hint="Hint."),
    errors.SettingsError(["one"]),
    errors.InputError("Message.", hint="Hint."),
    errors.DownloadError("Message."),
    errors.RendererError("Message."),
    errors.CheckpointError("Message."),
    errors.PartialError("Message."),
    errors.Interrupted("Message."),
]


@pytest.mark.parametrize("error", ERRORS, ids=lambda e: type(e).__name__)
def test_error_becomes_message_and_exit_code(invoke, service, error: Im2LatexError) -> None:
    service("vocab", error)
    result = invoke("vocab")
    assert result.exit_code == error.exit_code
    assert result.stdout == ""
    hint = f"hint: {error.hint}\n" if error.hint else ""
    assert result.stderr == f"error: {error.args[0]}\n{hint}"


def test_without_pytorch_it_is_named(invoke, service) -> None:
    service("train", ModuleNotFoundError("No module named 'torch'", name="torch"))
    result = invoke("train")
    assert result.exit_code == 2
    assert "needs PyTorch" in result.stderr
    service("train", ModuleNotFoundError("No module named 'torch_x'", name="torch_x"))
    assert invoke("train").exit_code == 1


def test_several_problems_are_a_list(invoke, service) -> None:
    service("vocab", SEVERAL)
    assert invoke("vocab").stderr == "error: These settings are wrong:\n  one\n  two\n"
    assert json.loads(invoke("vocab", "--json").stdout)["error"]["message"] == "one\ntwo"


@pytest.mark.parametrize("error", ERRORS, ids=lambda e: type(e).__name__)
def test_error_as_json(invoke, service, error: Im2LatexError) -> None:
    service("vocab", error)
    result = invoke("vocab", "--json")
    assert json.loads(result.stdout) == {
        "format": 1,
        "command": "vocab",
        "status": "error",
        "error": {
            "code": error.code,
            "message": error.args[0],
            "hint": error.hint,
            "exit_code": error.exit_code,
        },
    }
    assert result.exit_code == error.exit_code
    assert result.stderr.startswith("error: ")


def test_unknown_exception_is_called_a_bug(invoke, service) -> None:
    service("vocab", ZeroDivisionError("division by zero"))
    result = invoke("vocab")
    assert result.exit_code == 1
    assert "This is a bug in im2latex: ZeroDivisionError: division by zero" in result.stderr
    assert "Traceback" not in result.stderr


def test_refusal_of_the_system_is_no_bug(invoke, service) -> None:
    service("build", PermissionError(13, "Permission denied", "data/small"))
    result = invoke("build")
    assert result.exit_code == 3
    assert result.stderr.startswith("error: data/small: Permission denied.\nhint: Check")


@pytest.mark.parametrize("error", [ZeroDivisionError("x"), errors.InputError("x")])
def test_debug_shows_the_traceback(invoke, service, error: Exception) -> None:
    service("vocab", error)
    result = invoke("vocab", "--debug")
    assert "Traceback (most recent call last)" in result.stderr
    assert result.exit_code == getattr(error, "exit_code", 1)


def test_markup_in_messages_is_text(invoke, service) -> None:
    service("vocab", errors.InputError(r"\left[red] [/red] \frac{1}{2}"))
    assert r"error: \left[red] [/red] \frac{1}{2}" in invoke("vocab").stderr


def test_ctrl_c(invoke, service) -> None:
    service("vocab", KeyboardInterrupt())
    result = invoke("vocab", "--json")
    assert result.exit_code == 130
    assert result.stderr == "error: Interrupted.\n"
    assert json.loads(result.stdout)["error"]["code"] == "interrupted"


@pytest.mark.parametrize(
    ("args", "command", "message"),
    [
        (["predict", "--json", "--bean", "3"], "predict", "No such option: --bean"),
        (["train", "--json", "--epochs", "many"], "train", "Invalid value for '--epochs'"),
        (["config", "init", "x", "--json"], "config init", "unexpected extra argument"),
        (["docto", "--json"], "", "No such command 'docto'. Did you mean 'doctor'?"),
    ],
)
def test_wrong_arguments_as_json(invoke, args: list[str], command: str, message: str) -> None:
    result = invoke(*args)
    told = json.loads(result.stdout)
    assert (result.exit_code, told["command"], told["status"]) == (2, command, "error")
    assert message in told["error"]["message"]
    assert told["error"]["exit_code"] == 2
    assert result.stderr


def test_wrong_arguments_for_people(execute) -> None:
    done = execute("docto")
    assert (done.returncode, done.stdout) == (2, "")
    assert "Did you mean 'doctor'?" in done.stderr


def test_options_after_two_dashes_are_arguments(invoke) -> None:
    result = invoke("doctor", "--", "--json")
    assert (result.exit_code, result.stdout) == (2, "")


def test_bad_settings_are_listed_one_a_line(execute) -> None:
    done = execute("train", "--epochs", "0", "--set", "decode.bem=3", "--set", "train.warmup=3")
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.splitlines()[:4] == [
        "error: These settings are wrong:",
        "  decode.bem: no such setting (command line --set); did you mean decode.beam?",
        "  train.epochs: input should be greater than 0, got 0 (command line --epochs)",
        "  train.warmup: input should be less than or equal to 1, got '3' (command line --set)",
    ]


def test_reader_that_has_gone_ends_quietly(tmp_path) -> None:
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(
        [sys.executable, "-m", "im2latex_cli", "doctor", "--show-settings"],
        stdout=write,
        stderr=subprocess.PIPE,
        text=True,
        cwd=tmp_path,
        check=False,
    )
    os.close(write)
    assert (done.returncode, done.stderr) == (141, "")
