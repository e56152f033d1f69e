"""The real executable where there is nothing to work on: one message, one exit code."""

import json

import pytest

EMPTY = [
    (["vocab"], 3),
    (["eval-image"], 3),
    (["compare", "absent", "absent"], 3),
    (["build", "--dataset", "absent.txt"], 3),
    (["build", "--renderer", "texx"], 2),
    (["vocab", "--config", "absent.toml"], 3),
]
EMPTY_WITH_TORCH = [
    (["train"], 3),
    (["eval-text"], 3),
    (["predict", "absent.png", "--model", "absent"], 3),
]


def check(execute, args: list[str], code: int) -> None:
    done = execute(*args)
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    assert "bug" not in done.stderr
    assert done.stderr.strip()


@pytest.mark.parametrize(("args", "code"), EMPTY, ids=str)
def test_nothing_to_work_on(execute, args: list[str], code: int) -> None:
    check(execute, args, code)


@pytest.mark.slow
@pytest.mark.parametrize(("args", "code"), EMPTY_WITH_TORCH, ids=str)
def test_nothing_to_work_on_with_torch(execute, args: list[str], code: int) -> None:
    check(execute, args, code)


def test_build_and_vocab(execute) -> None:
    built = execute("build", "--limit", "20", "--renderer", "embedded", "--json", "-q")
    assert (built.returncode, built.stderr) == (0, "")
    told = json.loads(built.stdout)
    assert (told["command"], told["status"]) == ("build", "success")
    assert sum(told["result"]["counts"].values()) == 20
    counted = execute("vocab", "--json")
    assert json.loads(counted.stdout)["result"]["size"] > 10
    changed = execute("build", "--limit", "20", "--renderer", "embedded", "--look", "smooth")
    assert changed.returncode == 2
    assert "--force" in changed.stderr


@pytest.mark.parametrize("command", ["eval-text", "eval-image"])
def test_hypotheses_that_are_not_there_are_a_wrong_path(execute, command: str) -> None:
    done = execute(command, "--hypotheses", "absent.txt")
    assert (done.returncode, done.stdout) == (3, "")
    assert "There is no file of hypotheses at absent.txt." in done.stderr
    assert "eval-text first" not in done.stderr


def test_doctor(execute) -> None:
    told = json.loads(execute("doctor", "--json").stdout)
    assert told["status"] == "success"
    assert {"python", "devices", "renderer", "cache", "parts", "install"} <= set(told["result"])
