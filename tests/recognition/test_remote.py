"""Models at an address, from a server on loopback that misbehaves."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import loopback
import pytest

from im2latex_cli import load
from im2latex_cli.data.sources import download
from im2latex_cli.data.sources.download import Patience
from im2latex_cli.errors import CheckpointError, DownloadError, InputError, UsageError
from im2latex_cli.progress import SilentReporter
from im2latex_cli.recognition import remote
from im2latex_cli.recognition.models import bundled_model, find_model, short_name

QUICK = Patience(stall=0.3, attempts=3, pause=0.0)


def model_file(body: bytes) -> bytes:
    """What begins like a safetensors file."""
    return (2).to_bytes(8, "little") + b"{}" + body


CONTENT = model_file(bytes(range(256)) * 700)
DIGEST = sha256(CONTENT).hexdigest()
OTHER = "0" * 64


class Listening(SilentReporter):
    """Keeps what it is told."""

    def __init__(self) -> None:
        super().__init__()
        self.said: list[str] = []

    def info(self, message: str) -> None:
        self.said.append(message)

    detail = info


@pytest.fixture
def server() -> Iterator[Any]:
    files = {"model.safetensors": CONTENT}
    with loopback.serving(loopback.Zenodo(files, tag='"one"')) as served:
        yield served


def obtain(server: Any, pin: str | None = None, reporter: Any = None) -> Path:
    address = remote.parse(f"{server.base}/tuned/model.safetensors")
    assert address is not None
    return remote.obtain(address, pin, reporter or SilentReporter(), patience=QUICK)


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote, "PATIENT", QUICK)


def test_it_comes_once_and_its_checksum_is_said(server: Any) -> None:
    reporter = Listening()
    path = obtain(server, reporter=reporter)
    assert path.read_bytes() == CONTENT
    server.base, asked = server.base, len(server.asked)
    assert obtain(server, reporter=reporter) == path
    assert len(server.asked) == asked == 1
    assert all(DIGEST in line for line in reporter.said)
    assert len(reporter.said) == 2


@pytest.mark.parametrize("pin", [DIGEST, DIGEST.upper()])
def test_the_pinned_file_is_taken(server: Any, pin: str) -> None:
    path = find_model(f"{server.base}/tuned/model.safetensors#sha256={pin}")
    assert path.read_bytes() == CONTENT


def test_another_file_than_the_pinned_is_not_kept(server: Any) -> None:
    with pytest.raises(DownloadError, match=rf"not the pinned file: .*{DIGEST} instead of {OTHER}"):
        obtain(server, OTHER)
    path = obtain(server)
    assert [item.name for item in path.parent.iterdir() if item.is_file()].count(path.name) == 1
    with pytest.raises(DownloadError, match="not the pinned file"):
        obtain(server, OTHER)
    assert obtain(server, DIGEST).read_bytes() == CONTENT


def test_a_new_pin_fetches_the_new_file(server: Any) -> None:
    obtain(server)
    server.files["model.safetensors"] = new = model_file(b"new")
    assert obtain(server).read_bytes() == CONTENT
    assert obtain(server, sha256(new).hexdigest()).read_bytes() == new


@pytest.mark.parametrize(
    "trouble", [["drop", "drop"], ["stall", "503"], ["elsewhere"], ["at once"]]
)
@pytest.mark.parametrize("tag", ['"one"', None, 'W/"weak"'])
def test_a_cut_connection_goes_on(server: Any, trouble: list[str], tag: str | None) -> None:
    server.trouble, server.tag = list(trouble), tag
    assert obtain(server).read_bytes() == CONTENT
    if "drop" in trouble:
        assert server.asked[1][1] == f"bytes={len(CONTENT) // 2}-"


def broken_off(server: Any) -> None:
    server.trouble = ["drop", "at once", "at once"]
    with pytest.raises(DownloadError, match=r"ended after .* what came so far is kept"):
        obtain(server)
    server.asked.clear()


def test_a_later_run_goes_on(server: Any) -> None:
    broken_off(server)
    assert obtain(server).read_bytes() == CONTENT
    assert server.asked == [("model.safetensors", f"bytes={len(CONTENT) // 2}-")]


def test_a_later_run_begins_anew_if_the_file_is_another_one(server: Any) -> None:
    broken_off(server)
    other = model_file(bytes(len(CONTENT)))
    server.files["model.safetensors"], server.tag = other, '"two"'
    assert obtain(server).read_bytes() == other


def test_a_later_run_begins_anew_if_nothing_marks_the_version(server: Any) -> None:
    server.tag = None
    broken_off(server)
    server.files["model.safetensors"] = short = model_file(b"")
    assert obtain(server).read_bytes() == short


def test_a_pinned_file_goes_on_without_a_mark(server: Any) -> None:
    server.tag = None
    server.trouble = ["drop", "at once", "at once"]
    with pytest.raises(DownloadError):
        obtain(server, DIGEST)
    server.asked.clear()
    assert obtain(server, DIGEST).read_bytes() == CONTENT
    assert server.asked[0][1] == f"bytes={len(CONTENT) // 2}-"


def test_a_length_that_never_comes_is_given_up(server: Any) -> None:
    server.ranges = False
    server.trouble = ["drop"] * 9
    with pytest.raises(
        DownloadError, match=rf"ended after {len(CONTENT) // 2:,} of {len(CONTENT):,}"
    ):
        obtain(server)


def test_a_file_without_a_length_comes(server: Any) -> None:
    server.lengths = False
    assert obtain(server).read_bytes() == CONTENT


def test_no_such_file(server: Any) -> None:
    with pytest.raises(DownloadError, match="the server answered 404"):
        find_model(f"{server.base}/tuned/other.safetensors")
    assert len(server.asked) == 1


def test_nobody_answers() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        address = remote.parse(f"http://127.0.0.1:{closed.getsockname()[1]}/a.safetensors")
        assert address is not None
        with pytest.raises(DownloadError, match="refused"):
            remote.obtain(address, None, SilentReporter(), patience=QUICK)


def test_a_changed_cache_is_noticed(server: Any) -> None:
    path = obtain(server)
    path.write_bytes(b"changed")
    with pytest.raises(DownloadError, match=r"has changed since it was downloaded.*Delete it"):
        obtain(server)


def test_the_cache_cannot_be_written(
    server: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    with pytest.raises(InputError, match="cannot be written"):
        obtain(server)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"<!DOCTYPE html><title>Sign in</title>", "a web page of 37 bytes"),
        (b'\n{"error": "no"}', "JSON of 16 bytes"),
        (b"version https://git-lfs.github.com/spec/v1\noid", "a pointer of Git LFS of 46 bytes"),
        (bytes(range(200)), "a file of 200 bytes"),
    ],
)
def test_what_is_sent_instead_of_a_model_is_not_kept(
    server: Any, content: bytes, said: str
) -> None:
    server.files["model.safetensors"] = content
    for _ in range(2):
        with pytest.raises(DownloadError, match=f"not a safetensors file: the server sent {said}"):
            obtain(server)
    server.files["model.safetensors"] = CONTENT
    assert obtain(server).read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("trouble", "said"), [("404", "answered 404 Not Found. Check the address"), ("loop", "loop")]
)
def test_why_it_does_not_come_is_one_line(server: Any, trouble: str, said: str) -> None:
    server.trouble = [trouble] * 20
    with pytest.raises(DownloadError, match=said) as refused:
        obtain(server)
    assert "\n" not in str(refused.value)


def test_what_is_no_model_is_said_after_the_download(server: Any) -> None:
    with pytest.raises(CheckpointError, match="truncated or damaged"):
        load(f"{server.base}/tuned/model.safetensors")


@pytest.mark.parametrize(
    ("model", "url", "name"),
    [
        (
            "hf://we/euler",
            "https://huggingface.co/we/euler/resolve/main/model.safetensors",
            "euler",
        ),
        (
            "hf://we/euler@v1.0/old/best one.safetensors",
            "https://huggingface.co/we/euler/resolve/v1.0/old/best%20one.safetensors",
            "euler",
        ),
        (
            "https://we.org/a/tuned.safetensors?x=1",
            "https://we.org/a/tuned.safetensors?x=1",
            "tuned",
        ),
    ],
)
def test_addresses(model: str, url: str, name: str) -> None:
    address = remote.parse(model)
    assert address is not None
    assert (address.text, address.url, address.name) == (model, url, name)
    assert short_name(f"{model}#sha256={DIGEST}") == name


@pytest.mark.parametrize(
    "model", ["results/small", "pretrained", r"C:\models\best.safetensors", "a#b"]
)
def test_paths_are_no_addresses(model: str) -> None:
    assert remote.parse(model) is None
    assert remote.split_pin(model) == (model, None)


@pytest.mark.parametrize(
    ("model", "message"),
    [
        ("hf://we", r"not hf://owner/name"),
        ("hf://we/../x/y", r"not hf://owner/name"),
        ("s3://bucket/best.safetensors", "models come from hf://"),
        ("https://we.org/encoder.onnx", "does not name a .safetensors file"),
        ("https://we.org/", "does not name a .safetensors file"),
        ("hf://we/euler#sha256=12ab", "64 hexadecimal digits"),
        ("best.safetensors#sha256=", "64 hexadecimal digits"),
    ],
)
def test_wrong_names_are_one_line(model: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        find_model(model)


def test_only_https_is_opened() -> None:
    with pytest.raises(DownloadError, match="is not an https address"):
        find_model("http://we.org/a.safetensors")


def test_a_file_of_any_name_stays_in_its_folder(server: Any) -> None:
    address = remote.parse(f"{server.base}/x/..%2F..%2Fbad name.safetensors")
    assert address is not None
    assert address.file == "bad_name.safetensors"


def test_local_models_can_be_pinned() -> None:
    bundled = bundled_model()
    assert bundled is not None
    digest = sha256(bundled.read_bytes()).hexdigest()
    assert find_model(f"pretrained#sha256={digest}") == bundled
    assert find_model(f"{bundled}#sha256={digest}") == bundled
    with pytest.raises(CheckpointError, match=f"is not the pinned file: its SHA-256 is {digest}"):
        find_model(f"{bundled}#sha256={OTHER}")


def test_without_an_address_there_is_no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_socket(*_: Any, **__: Any) -> None:
        raise AssertionError("a connection")

    monkeypatch.setattr(socket.socket, "connect", no_socket)
    monkeypatch.setattr(download, "_open", no_socket)
    assert load().name == "pretrained"
    with pytest.raises(InputError, match="no model at"):
        find_model("owner/name")


@pytest.mark.usefixtures("here")
def test_a_model_from_the_hub_reads(server: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    bundled = bundled_model()
    assert bundled is not None
    server.files["model.safetensors"] = bundled.read_bytes()
    monkeypatch.setattr(remote, "HUB", server.base)
    formula = Path(__file__).parents[2] / "docs" / "formula.png"
    recognizer = load("hf://we/euler", device="cpu", backend="onnx")
    assert recognizer(formula) == load(device="cpu", backend="onnx")(formula)
    assert recognizer.name == "hf://we/euler"
