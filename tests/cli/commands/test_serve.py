import json
from dataclasses import dataclass
from operator import attrgetter

import pytest

from im2latex_cli.errors import UsageError


@dataclass(frozen=True)
class Served:
    address: str = "http://127.0.0.1:1/"
    pictures: int = 3
    failed: int = 1


@pytest.mark.parametrize(
    ("flag", "name", "value"),
    [
        ("--host=::1", "serve.host", "::1"),
        ("--port=0", "serve.port", 0),
        ("--batch=3", "serve.batch", 3),
        ("--queue=3", "serve.queue", 3),
        ("--timeout=1.5", "serve.timeout", 1.5),
        ("--max-bytes=3", "serve.max_bytes", 3),
        ("--beam=3", "decode.beam", 3),
        ("--device=cpu", "runtime.device", "cpu"),
    ],
)
def test_flag_sets_its_setting(invoke, service, flag, name, value) -> None:
    fake = service("serve", Served())
    result = invoke("serve", flag)
    assert result.exit_code == 0, result.stderr
    assert attrgetter(name)(fake.args[0]) == value


def test_model_is_passed_on(invoke, service) -> None:
    fake = service("serve", Served())
    assert invoke("serve", "--model=there").exit_code == 0
    assert fake.options == {"model": "there"}


def test_what_was_done_is_shown_in_the_end(invoke, service) -> None:
    service("serve", Served())
    assert json.loads(invoke("serve", "--json").stdout)["result"]["pictures"] == 3


def test_a_missing_extra_ends_with_exit_code_2(invoke, service) -> None:
    service("serve", UsageError("It needs more.", hint="pip install 'im2latex-cli[serve]'"))
    result = invoke("serve")
    assert result.exit_code == 2
    assert "im2latex-cli[serve]" in result.stderr


@pytest.mark.parametrize("flag", ["--port=65536", "--port=-1", "--queue=0", "--timeout=0"])
def test_wrong_values_are_usage_errors(invoke, flag) -> None:
    assert invoke("serve", flag).exit_code == 2
