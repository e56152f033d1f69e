import hashlib
import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import loopback as server
import pytest

from im2latex_cli.data.sources.download import Patience, Published, fetch, verified
from im2latex_cli.data.sources.im2latex100k import (
    FILES,
    IM2LATEX_100K,
    Collection,
    missing,
    obtain,
    open_listing,
)
from im2latex_cli.errors import DownloadError, InputError, UsageError
from im2latex_cli.progress import SilentReporter, SilentStep

QUICK = Patience(stall=0.3, attempts=3, pause=0.0)
CONTENTS = {
    FILES[0]: b"\n".join(b"x_{%d}" % n for n in range(300)) + b"\n",
    FILES[1]: b"".join(b"%d a basic\n" % n for n in range(200)),
    FILES[2]: b"".join(b"%d b basic\n" % n for n in range(200, 250)),
    FILES[3]: b"".join(b"%d c basic\n" % n for n in range(250, 300)),
}
FIRST = FILES[0]


@pytest.fixture
def zenodo() -> Iterator[Any]:
    with server.serving(server.Zenodo(dict(CONTENTS))) as served:
        yield served


def collection(zenodo: Any) -> Collection:
    return Collection("im2latex-100k", server.RECORD, FILES, base=zenodo.base)


def published(zenodo: Any, **changes: Any) -> Published:
    content = CONTENTS[FIRST]
    told = {
        "name": FIRST,
        "url": collection(zenodo).address(FIRST),
        "size": len(content),
        "md5": hashlib.md5(content).hexdigest(),
    }
    return Published(**(told | changes))


def test_all_files_come_and_are_never_fetched_again(zenodo: Any, tmp_path: Path) -> None:
    obtain(collection(zenodo), tmp_path, SilentReporter(), patience=QUICK)
    assert {name: (tmp_path / name).read_bytes() for name in FILES} == CONTENTS
    assert [name for name, _ in zenodo.asked] == list(FILES)
    assert len(list(open_listing(tmp_path).read())) == 300
    obtain(collection(zenodo), tmp_path, SilentReporter(), patience=QUICK)
    assert len(zenodo.asked) == 4
    zenodo.base = "http://127.0.0.1:1"
    obtain(collection(zenodo), tmp_path, SilentReporter(), patience=QUICK)


@pytest.mark.parametrize(
    "trouble", [["drop"], ["drop"] * 6, ["stall", "drop"], ["503", "503"], ["elsewhere"],
                ["at once", "drop", "at once"], ["longer"]],
)  # fmt: skip
def test_it_goes_on_where_it_broke_off(zenodo: Any, tmp_path: Path, trouble: list[str]) -> None:
    zenodo.trouble += trouble
    came: list[int] = []
    target = fetch(published(zenodo), tmp_path, advance=came.append, patience=QUICK)
    assert target.read_bytes() == CONTENTS[FIRST]
    assert sum(came) == len(CONTENTS[FIRST])
    assert sorted(path.name for path in tmp_path.iterdir()) == [FIRST, f"{FIRST}.sha256"]
    if "drop" in trouble:
        assert any(span and span != "bytes=0-" for _, span in zenodo.asked)


def test_a_server_that_ignores_range_sends_all_again(zenodo: Any, tmp_path: Path) -> None:
    zenodo.ranges = False
    zenodo.trouble += ["drop"]
    came: list[int] = []
    fetch(published(zenodo), tmp_path, advance=came.append, patience=QUICK)
    assert (tmp_path / FIRST).read_bytes() == CONTENTS[FIRST]
    assert sum(came) == len(CONTENTS[FIRST])
    assert min(came) < 0


def test_a_server_that_always_drops_at_the_same_place_is_given_up(
    zenodo: Any, tmp_path: Path
) -> None:
    zenodo.ranges = False
    zenodo.trouble += ["drop"] * 50
    with pytest.raises(DownloadError, match="ended after"):
        fetch(published(zenodo), tmp_path, patience=QUICK)
    assert len(zenodo.asked) <= 5


def test_a_later_run_goes_on(zenodo: Any, tmp_path: Path) -> None:
    zenodo.trouble += ["drop", *["at once"] * 3]
    with pytest.raises(DownloadError, match=r"cannot be downloaded.*what came so far is kept"):
        fetch(published(zenodo), tmp_path, patience=QUICK)
    half = (tmp_path / f"{FIRST}.part").stat().st_size
    assert 0 < half < len(CONTENTS[FIRST])
    fetch(published(zenodo), tmp_path, patience=QUICK)
    assert zenodo.asked[-1] == (FIRST, f"bytes={half}-")
    assert verified(tmp_path / FIRST)


def test_wrong_bytes_are_never_kept(zenodo: Any, tmp_path: Path) -> None:
    zenodo.trouble += ["wrong"] * 9
    with pytest.raises(DownloadError, match="has not the published content: MD5"):
        fetch(published(zenodo), tmp_path, patience=QUICK)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("size", [10, 5000])
def test_the_beginning_of_another_file_is_forgotten(zenodo: Any, tmp_path: Path, size: int) -> None:
    (tmp_path / f"{FIRST}.part").write_bytes(bytes(size))
    fetch(published(zenodo), tmp_path, patience=QUICK)
    assert (tmp_path / FIRST).read_bytes() == CONTENTS[FIRST]


def test_a_shorter_file_than_published_is_refused(zenodo: Any, tmp_path: Path) -> None:
    longer = published(zenodo, size=len(CONTENTS[FIRST]) + 9)
    with pytest.raises(DownloadError):
        fetch(longer, tmp_path, patience=QUICK)
    assert not (tmp_path / FIRST).exists()


def test_no_such_file(zenodo: Any, tmp_path: Path) -> None:
    zenodo.trouble += ["404"]
    with pytest.raises(DownloadError, match="the server answered 404"):
        fetch(published(zenodo), tmp_path, patience=QUICK)
    assert len(zenodo.asked) == 1


@pytest.mark.parametrize("trouble", ["plain http", "file"])
def test_no_redirect_leads_away_from_https(zenodo: Any, tmp_path: Path, trouble: str) -> None:
    zenodo.trouble += [trouble] * 9
    with pytest.raises(DownloadError, match=r"is not an https address|is not allowed"):
        fetch(published(zenodo), tmp_path, patience=QUICK)
    assert len(zenodo.asked) == 1


@pytest.mark.parametrize(
    "url", ["http://example.org/a", "ftp://127.0.0.1/a", "file:///etc/passwd", "//x", "http:///a"]
)
def test_only_https_is_opened(zenodo: Any, tmp_path: Path, url: str) -> None:
    with pytest.raises(DownloadError, match="is not an https address"):
        fetch(published(zenodo, url=url), tmp_path, patience=QUICK)


def test_a_changed_file_is_noticed_ever_after(zenodo: Any, tmp_path: Path) -> None:
    obtain(collection(zenodo), tmp_path, SilentReporter(), patience=QUICK)
    (tmp_path / FIRST).write_bytes(CONTENTS[FIRST].replace(b"7", b"8", 1))
    with pytest.raises(DownloadError, match=r"has changed since.*Delete it"):
        missing(collection(zenodo), tmp_path)
    (tmp_path / FIRST).unlink()
    assert missing(collection(zenodo), tmp_path) == [FIRST]
    obtain(collection(zenodo), tmp_path, SilentReporter(), patience=QUICK)
    assert missing(collection(zenodo), tmp_path) == []


def test_offline_says_what_to_do(tmp_path: Path) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        nowhere = Collection("full", 7, FILES, base=f"http://127.0.0.1:{closed.getsockname()[1]}")
        with pytest.raises(
            DownloadError, match=r"refused.*`build.source` DIR.*_formulas\.lst"
        ) as told:
            obtain(nowhere, tmp_path, SilentReporter(), patience=QUICK)
    assert told.value.exit_code == 4


@pytest.mark.parametrize(
    "listing",
    [
        b"",
        b"<html>",
        b"[]",
        b"{}",
        b'{"files": []}',
        b'{"files": [{"key": "x"}]}',
        b'{"files": {"entries": []}}',
        b"[" * 99_999,
    ],
)
def test_a_record_that_is_none(zenodo: Any, tmp_path: Path, listing: bytes) -> None:
    zenodo.listing = listing
    with pytest.raises(DownloadError, match="is not the record"):
        obtain(collection(zenodo), tmp_path, SilentReporter(), patience=QUICK)


def test_the_other_form_of_a_record(zenodo: Any, tmp_path: Path) -> None:
    rows = {row["key"]: row for row in json.loads(zenodo.record())["files"]}
    zenodo.listing = json.dumps({"files": {"enabled": True, "entries": rows}}).encode()
    obtain(collection(zenodo), tmp_path, SilentReporter(), patience=QUICK)
    assert missing(collection(zenodo), tmp_path) == []


def test_two_processes_never_download_at_once(zenodo: Any, tmp_path: Path) -> None:
    hold = (
        "import sys; from pathlib import Path; from im2latex_cli.files import locked\n"
        "with locked(Path(sys.argv[1]), busy=''): print('held', flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", hold, str(tmp_path / ".lock")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"held\n"
        with pytest.raises(UsageError, match=r"is downloading im2latex-100k\. Wait for it"):
            obtain(collection(zenodo), tmp_path, SilentReporter(), patience=QUICK)
        other.communicate()
    obtain(collection(zenodo), tmp_path, SilentReporter(), patience=QUICK)


def test_the_published_checksum_decides(zenodo: Any, tmp_path: Path) -> None:
    zenodo.published[FILES[2]] = bytes(len(CONTENTS[FILES[2]]))
    with pytest.raises(DownloadError, match=rf"{FILES[2]}.* has not the published content"):
        obtain(collection(zenodo), tmp_path, SilentReporter(), patience=QUICK)
    assert missing(collection(zenodo), tmp_path) == list(FILES[2:])


def test_progress_counts_bytes(zenodo: Any, tmp_path: Path) -> None:
    steps: list[tuple[str, int | None]] = []

    class Watching(SilentReporter):
        @contextmanager
        def step(self, title: str, total: int | None = None) -> Iterator[SilentStep]:
            steps.append((title, total))
            yield SilentStep()

    obtain(collection(zenodo), tmp_path, Watching(), patience=QUICK)
    assert steps == [("Downloading im2latex-100k (0.0 MB)", sum(map(len, CONTENTS.values())))]


def test_a_folder_that_cannot_be_written(zenodo: Any, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="cannot be written"):
        obtain(collection(zenodo), tmp_path / "file", SilentReporter(), patience=QUICK)


def test_what_is_downloaded_by_default() -> None:
    assert IM2LATEX_100K.listing == "https://zenodo.org/api/records/56198"
    assert IM2LATEX_100K.address(FIRST) == (
        "https://zenodo.org/records/56198/files/im2latex_formulas.lst?download=1"
    )
