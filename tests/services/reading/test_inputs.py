from __future__ import annotations

import io
import os
import sys
import threading
import time
from pathlib import Path

import pytest

from im2latex_cli.errors import InputError, UsageError
from im2latex_cli.services.reading import clipboard, pdf
from im2latex_cli.services.reading.inputs import Inputs
from im2latex_cli.vision.image import Box

POSIX = pytest.mark.skipif(sys.platform == "win32", reason="needs pipes and links of POSIX")


def touch(*paths: Path) -> None:
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")


def paths(tmp_path: Path, inputs: Inputs) -> list[str]:
    return [one.path.removeprefix(f"{tmp_path}{os.sep}") for one in inputs if one is not None]


def error(inputs: Inputs) -> str:
    (entry,) = [one for one in inputs if one is not None]
    assert isinstance(entry.error, InputError)
    assert entry.picture is None
    return str(entry.error)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    touch(*(tmp_path / name for name in ("b.PNG", "a.jpeg", "notes.txt", ".hidden.png")))
    touch(tmp_path / "deep" / "c.gif", tmp_path / "deep" / "er" / "d.bmp")
    (tmp_path / "folder.png").mkdir()
    return tmp_path


def test_a_folder_is_its_pictures_by_name(tree):
    assert paths(tree, Inputs([tree])) == ["a.jpeg", "b.PNG"]


def test_recursive_takes_folders_inside_too(tree):
    found = ["a.jpeg", "b.PNG", "deep/c.gif", "deep/er/d.bmp"]
    assert paths(tree, Inputs([tree], recursive=True)) == found


def test_a_folder_without_pictures_says_so(tree):
    assert "folder.png: a folder without pictures" in error(Inputs([tree / "folder.png"]))


def test_patterns_match_files_in_order(tree):
    assert paths(tree, Inputs([tree / "*.[jP]*"])) == ["a.jpeg", "b.PNG"]
    assert paths(tree, Inputs([f"{tree}/**/*.gif"])) == ["deep/c.gif"]
    assert "no file matches" in error(Inputs([tree / "*.webp"]))


def test_a_file_whose_name_is_a_pattern_is_that_file(tree):
    touch(tree / "[a].png")
    assert paths(tree, Inputs([tree / "[a].png"])) == ["[a].png"]


def test_missing_files_stay_in_the_order(tree):
    named = [tree / "a.jpeg", tree / "missing.png", tree / "b.PNG"]
    assert paths(tree, Inputs(named)) == ["a.jpeg", "missing.png", "b.PNG"]


@POSIX
def test_circles_of_links_end(tree):
    (tree / "deep" / "up").symlink_to(tree, target_is_directory=True)
    (tree / "one.png").symlink_to(tree / "two.png")
    (tree / "two.png").symlink_to(tree / "one.png")
    found = paths(tree, Inputs([tree], recursive=True))
    assert found == ["a.jpeg", "b.PNG", "one.png", "two.png", "deep/c.gif", "deep/er/d.bmp"]


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read all")
def test_a_folder_that_may_not_be_read_is_an_error(tree):
    (tree / "deep").chmod(0)
    try:
        found = [one for one in Inputs([tree], recursive=True) if one.error]
    finally:
        (tree / "deep").chmod(0o700)
    assert [one.path for one in found] == [str(tree / "deep")]


def test_a_list_names_paths(tree):
    content = b"a.png\r\n\nb c.png\n*.png"
    listed = tree / "list"
    listed.write_bytes(content)
    assert paths(tree, Inputs(listed=listed)) == ["a.png", "b c.png", "*.png"]
    assert paths(tree, Inputs(listed=io.BytesIO(content))) == ["a.png", "b c.png", "*.png"]
    nul = io.BytesIO(b"a\n.png\0b.png\0")
    assert paths(tree, Inputs(listed=nul, null=True)) == ["a\n.png", "b.png"]


def test_a_list_that_is_not_there_is_an_error(tree):
    with pytest.raises(InputError, match=r"none: cannot be read"):
        list(Inputs(listed=tree / "none"))


@POSIX
def test_a_list_is_read_as_it_is_written(tmp_path):
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb") as listed:
        found = iter(Inputs(listed=listed))
        os.write(writing, b"a.png\nb")
        entry = next(one for one in found if one)
        assert entry.path == "a.png"
        assert next(found) is None
        os.write(writing, b".png\n")
        os.close(writing)
        assert [one.path for one in found if one] == ["b.png"]


@POSIX
def test_a_pipe_that_never_ends_is_given_up(tmp_path):
    fifo = tmp_path / "never.png"
    os.mkfifo(fifo)
    begun = time.monotonic()
    assert "did not end within 0.2 s" in error(Inputs([fifo], timeout=0.2))
    assert time.monotonic() - begun < 5
    with fifo.open("wb"):  # lets the thread that waits for a writer end
        pass


@POSIX
def test_a_pipe_is_a_picture(tmp_path):
    fifo = tmp_path / "pipe.png"
    os.mkfifo(fifo)
    writer = threading.Thread(target=fifo.write_bytes, args=(b"content",))
    writer.start()
    (entry,) = Inputs([fifo], timeout=20)
    writer.join()
    assert (entry.path, entry.stem, entry.picture) == (str(fifo), "pipe", b"content")


def test_folders_pass_by_pipes_and_count_knows_single_pictures(tree):
    if hasattr(os, "mkfifo"):
        os.mkfifo(tree / "pipe.png")
    assert "pipe.png" not in paths(tree, Inputs([tree]))
    assert Inputs([tree / "a.jpeg", tree / "missing.png"]).count() == 2
    assert Inputs([tree]).count() is Inputs([tree / "*.png"]).count() is None
    assert Inputs([tree / "a.pdf"]).count() is Inputs(listed=io.BytesIO()).count() is None
    assert Inputs([tree / "a.jpeg"], from_clipboard=True).count() == 2


def pages(*sizes: tuple[int, int]) -> bytes:
    """Return a PDF with white pages of these sizes in points."""
    pypdfium2 = pytest.importorskip("pypdfium2")
    document = pypdfium2.PdfDocument.new()
    for width, height in sizes:
        document.new_page(width, height)
    content = io.BytesIO()
    document.save(content)
    document.close()
    return content.getvalue()


@pytest.fixture
def paper(tmp_path: Path) -> Path:
    path = tmp_path / "paper.pdf"
    path.write_bytes(pages((72, 144), (144, 72), (36, 36)))
    return path


def test_each_page_is_a_picture(tmp_path, paper):
    found = list(Inputs([paper]))
    assert [one.path for one in found] == [f"{paper}#page={n}" for n in (1, 2, 3)]
    assert [one.stem for one in found] == ["paper-1", "paper-2", "paper-3"]
    assert [one.picture.shape for one in found] == [(400, 200), (200, 400), (100, 100)]
    assert found[0].picture.min() == 255


def test_pages_are_chosen_and_one_too_many_is_an_error(tmp_path, paper):
    found = list(Inputs([paper], pages=pdf.Pages.parse("3,1-2,9")))
    assert [one.path[-1] for one in found] == ["3", "1", "2", "9"]
    assert "no page 9; the last is 3" in str(found[-1].error)


def test_a_box_is_cut_from_the_upper_left_corner(tmp_path):
    pypdfium2 = pytest.importorskip("pypdfium2")
    from PIL import Image

    dark = Image.new("RGB", (200, 400), "white")
    dark.paste("black", (0, 0, 100, 100))  # the upper left quarter inch and more
    path = tmp_path / "drawn.pdf"
    dark.save(path, resolution=200)
    assert pypdfium2.PdfDocument(path)[0].get_size() == (72, 144)
    (corner,) = Inputs([path], box=Box(0, 0, 36, 36))
    assert corner.picture.shape == (100, 100)
    assert corner.picture.max() < 100
    (below,) = Inputs([path], box=Box(0, 72, 72, 144))
    assert below.picture.shape == (200, 200)
    assert below.picture.min() > 200
    assert "outside of page 1 (72 x 144 points)" in error(Inputs([path], box=Box(100, 0, 200, 5)))


def test_a_box_of_a_picture_is_in_pixels(tmp_path):
    from PIL import Image

    image = Image.new("L", (60, 40), "white")
    image.paste("black", (10, 5, 30, 15))
    path = tmp_path / "a.png"
    image.save(path)
    for source in (path, io.BytesIO(path.read_bytes())):
        (part,) = Inputs([source], box=Box(8, 5, 30.5, 99))
        assert part.picture.shape == (35, 23)
        assert not part.picture[:10, 2:22].any()
        assert (part.picture[10:] == 255).all()
    (entry,) = Inputs([path], box=Box(-5, -5, 9e9, 9e9))
    assert entry.picture.shape == (40, 60)
    outside = error(Inputs([path], box=Box(60, 0, 90, 40)))
    assert "a.png: the box lies outside of the picture (60 x 40 pixels)" in outside
    assert "absent.png: no such file" in error(Inputs(["absent.png"], box=Box(0, 0, 9, 9)))


def test_a_pdf_may_come_through_standard_input(tmp_path):
    (entry,) = Inputs([io.BytesIO(pages((72, 72)))])
    assert entry.path == "-#page=1"


@pytest.mark.parametrize("content", [b"", b"%PDF-1.7 cut", b"no PDF"])
def test_a_broken_pdf_is_an_error(tmp_path, content):
    pytest.importorskip("pypdfium2")
    path = tmp_path / "broken.pdf"
    path.write_bytes(content)
    assert "broken.pdf: the" in error(Inputs([path]))


def test_a_damaged_pdf_does_not_fail_for_ever(tmp_path):
    content = pages((72, 72))
    assert content.count(b"/Count 1") == 1
    path = tmp_path / "many.pdf"
    path.write_bytes(content.replace(b"/Count 1", b"/Count 99999"))
    found = list(Inputs([path]))
    assert found[0].error is None
    assert len(found) <= 25
    assert "given up" in str(found[-1].error)


def test_without_pypdfium2_the_extra_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pypdfium2", None)
    path = tmp_path / "a.pdf"
    path.write_bytes(b"%PDF")
    assert 'pip install "im2latex-cli[pdf]"' in error(Inputs([path]))


@pytest.mark.parametrize("text", ["", "0", "3-1", "1;2", "-", "x-y", "1--2"])
def test_bad_page_lists_are_usage_errors(text):
    with pytest.raises(UsageError, match="no list of pages"):
        pdf.Pages.parse(text)


def test_open_page_ranges_go_to_the_end():
    assert pdf.Pages.parse("2-").of(4) == [2, 3, 4]
    assert pdf.Pages.parse("1-1000000000").of(3) == [1, 2, 3]


@pytest.fixture
def programs(tmp_path, monkeypatch):
    """Let PATH hold only the scripts that a test writes."""
    folder = tmp_path / "programs"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))

    def write(name: str, script: str) -> None:
        path = folder / name
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)

    return write


@POSIX
def test_the_clipboard_is_a_picture(programs, tmp_path):
    programs("wl-paste", "exit 1")
    programs("xclip", '[ "$*" = "-selection clipboard -target image/png -out" ] && printf picture')
    (entry,) = Inputs(from_clipboard=True)
    assert (entry.path, entry.stem, entry.picture) == ("clipboard", "clipboard", b"picture")


@pytest.mark.skipif(sys.platform in {"win32", "darwin"}, reason="Pillow reads the clipboard here")
def test_a_clipboard_without_a_picture_or_a_reader_is_an_error(programs):
    assert "Nothing here can read the clipboard. Install wl-clipboard" in error(
        Inputs(from_clipboard=True)
    )
    programs("wl-paste", "exit 1")
    assert "The clipboard holds no picture." in error(Inputs(from_clipboard=True))


@POSIX
def test_text_is_copied(programs, tmp_path):
    programs("wl-copy", "exit 1")
    programs("xclip", f'/bin/cat > "{tmp_path}/copied"')
    clipboard.copy(r"\alpha")
    assert (tmp_path / "copied").read_text() == r"\alpha"


@POSIX
def test_text_that_cannot_be_copied_is_an_error(programs):
    with pytest.raises(InputError, match="Nothing here can write to the clipboard"):
        clipboard.copy("x")
    programs("xclip", "exit 1")
    with pytest.raises(InputError, match="xclip could not copy"):
        clipboard.copy("x")
