import dataclasses
import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from PIL import Image

from im2latex_cli.data import store
from im2latex_cli.errors import InputError, Interrupted, RendererError, UsageError
from im2latex_cli.progress import SilentReporter
from im2latex_cli.services import build, identity, pictures
from im2latex_cli.settings.tree import Settings

STUB = Path(__file__).with_name("stub_build.py")
LINES = ["x", "y^2", "", "fail", "x", "{", r"\frac{a}{b}", "z_1", "q", "r+s", "t", "u", "v"]


def load_stub() -> ModuleType:
    spec = importlib.util.spec_from_file_location("stub_build", STUB)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


stub = load_stub()


@pytest.fixture
def boxes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Render with painted boxes instead of a real renderer."""
    monkeypatch.setattr(pictures, "render_all", stub.render_all)
    monkeypatch.setattr(identity, "choose", lambda _settings: stub.BoxRenderer())


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "formulas.txt"
    path.write_text("\n".join(LINES) + "\n")
    return path


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "set"


def run(tree: Settings, *, force: bool = False) -> build.BuildResult:
    return build.run(tree, SilentReporter(), force=force)


def small(root: Path, renderer: str, **more: Any) -> Settings:
    return Settings.model_validate(
        {"build": {"output": str(root), **more}, "render": {"renderer": renderer}}
    )


@pytest.mark.parametrize("renderer", [pytest.param("tex", marks=pytest.mark.tex), "embedded"])
def test_the_small_set_renders_whole(root: Path, renderer: str) -> None:
    result = run(small(root, renderer))
    assert result.counts == {"train": 240, "val": 30, "test": 30}
    assert (result.failed, result.duplicates, result.overlaps) == (0, 0, 0)
    assert (result.built, result.exit_code) == (True, 0)
    assert result.renderer.startswith(renderer)
    assert sorted(path.name for path in root.iterdir()) == [
        "failures.jsonl", "manifest.json", "test", "train", "val", "vocab.json",
    ]  # fmt: skip
    for split in store.splits(root):
        for record in store.read(root, split):
            with Image.open(record.image) as picture:
                assert (picture.mode, picture.size) == ("L", (record.width, record.height))
                assert np.asarray(picture).min() < 64


@pytest.mark.parametrize("renderer", [pytest.param("tex", marks=pytest.mark.tex), "embedded"])
def test_generated_formulas_render(root: Path, renderer: str) -> None:
    result = run(small(root, renderer, dataset="synthetic", size=300))
    assert result.failed_share <= 0.01
    assert sum(result.counts.values()) + result.failed + result.duplicates == 300


@pytest.mark.usefixtures("boxes")
def test_every_line_ends_as_a_picture_or_a_row(source: Path, root: Path) -> None:
    result = run(stub.settings(source, root, max_failures=0.2))
    rows = [json.loads(line) for line in (root / "failures.jsonl").read_bytes().splitlines()]
    assert [(row["line"], row["reason"]) for row in rows] == [
        (3, "empty"),
        (4, "tex-error"),
        (5, "duplicate"),
        (6, "unsound"),
    ]
    assert rows[1]["formula"] == "fail"
    assert rows[1]["message"] == "Undefined control sequence."
    assert sum(result.counts.values()) + len(rows) == len(LINES)
    assert result.failures == {"empty": 1, "tex-error": 1, "unsound": 1}
    assert (result.failed, result.duplicates, result.exit_code) == (3, 1, 7)
    assert run(stub.settings(source, root, max_failures=0.3)).exit_code == 0


@pytest.mark.usefixtures("boxes")
def test_metadata_keeps_where_formulas_come_from(root: Path, tmp_path: Path) -> None:
    table = tmp_path / "formulas.tsv"
    table.write_text("split\tsource\tformula\ntest\tbook\tx\ntest\t\ty\n", encoding="utf-8")
    run(stub.settings(table, root))
    assert [(row.formula, row.source) for row in store.read(root, "test")] == [
        ("x", "book"), ("y", ""),
    ]  # fmt: skip
    assert '"source"' not in (root / "test/metadata.jsonl").read_text().splitlines()[1]


@pytest.mark.usefixtures("boxes")
def test_metadata_tells_source_formula_and_normal_form(source: Path, root: Path) -> None:
    run(stub.settings(source, root, val_share=0, test_share=0))
    (record,) = [r for r in store.read(root, "train") if r.formula == "y^2"]
    assert record.tokens == ("y", "^", "{", "2", "}")
    assert record.id == "train/000001"
    assert store.splits(root) == ["train"]


@pytest.mark.usefixtures("boxes")
def test_again_nothing_is_built(source: Path, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tree = stub.settings(source, root)
    first = run(tree)
    times = {path: path.stat().st_mtime_ns for path in root.rglob("*")}
    monkeypatch.setattr(identity, "choose", None)
    monkeypatch.setattr(build, "make_plan", None)
    second = run(tree)
    assert not second.built
    assert dataclasses.replace(second, built=True, seconds=first.seconds) == first
    assert {path: path.stat().st_mtime_ns for path in root.rglob("*")} == times


@pytest.mark.usefixtures("boxes")
def test_changed_settings_are_refused_and_forced(source: Path, root: Path) -> None:
    tree = stub.settings(source, root)
    run(tree)
    before = stub.snapshot(root)
    changed = Settings.model_validate(
        {**tree.model_dump(exclude_unset=True), "render": {"look": "smooth", "renderer": "tex"}}
    )
    with pytest.raises(UsageError, match=r"render\.look was im2latex, now smooth.*--force"):
        run(changed)
    assert stub.snapshot(root) == before
    (root / "notes.txt").write_text("mine")
    assert run(changed, force=True).built
    after = stub.snapshot(root)
    assert after["manifest.json"] != before["manifest.json"]
    assert after["notes.txt"] == b"mine"
    assert not run(changed).built


@pytest.mark.usefixtures("boxes")
def test_auto_accepts_the_renderer_that_is_there(source: Path, root: Path) -> None:
    tree = stub.settings(source, root)
    run(tree)
    for renderer in ("auto", "tex"):
        render = tree.render.model_copy(update={"renderer": renderer})
        assert not run(tree.model_copy(update={"render": render})).built
    render = tree.render.model_copy(update={"renderer": "embedded"})
    with pytest.raises(UsageError, match="renderer was tex, now embedded"):
        run(tree.model_copy(update={"render": render}))


@pytest.mark.usefixtures("boxes")
def test_changed_formulas_are_refused(source: Path, root: Path) -> None:
    run(stub.settings(source, root))
    source.write_text("w\n" + source.read_text())
    with pytest.raises(UsageError, match=r"formulas\.txt has changed.*--force"):
        run(stub.settings(source, root))


@pytest.mark.usefixtures("boxes")
def test_place_and_workers_leave_no_trace(source: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere" / source.name
    elsewhere.parent.mkdir()
    elsewhere.write_bytes(source.read_bytes())
    run(stub.settings(source, tmp_path / "a", jobs=1))
    run(stub.settings(elsewhere, tmp_path / "b", jobs=2))
    assert stub.snapshot(tmp_path / "a") == stub.snapshot(tmp_path / "b")
    assert str(tmp_path) not in (tmp_path / "a" / "manifest.json").read_text()


@pytest.mark.skipif(sys.platform == "win32", reason="needs fork")
@pytest.mark.parametrize("mode", ["anew", "over"])
def test_killed_at_any_change_the_next_build_ends_the_same(
    source: Path, tmp_path: Path, mode: str
) -> None:
    scratch = tmp_path / "scratch"
    command = [sys.executable, str(STUB), str(source), str(scratch), mode]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 50


@pytest.mark.usefixtures("boxes")
@pytest.mark.parametrize(
    "case",
    [
        (KeyboardInterrupt(), Interrupted),
        (RendererError("LaTeX is not on PATH."), RendererError),
        (OSError(28, "No space left on device"), InputError),
    ],
    ids=["ctrl-c", "renderer gone", "disk full"],
)
def test_trouble_half_way_keeps_what_is_done(
    source: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    case: tuple[BaseException, type[Exception]],
) -> None:
    trouble, seen = case
    root = tmp_path / "set"
    asked: list[Any] = []

    def faulty(settings: Any, formulas: Iterator[Any], **more: Any) -> Iterator[Any]:
        for number, formula in enumerate(formulas):
            if number == 3:
                raise trouble
            asked.append(formula)
            yield from stub.render_all(settings, [formula], **more)

    run(stub.settings(source, tmp_path / "undisturbed"))
    with monkeypatch.context() as patch:
        patch.setattr(pictures, "render_all", faulty)
        for _ in range(2):
            with pytest.raises(seen) as caught:
                run(stub.settings(source, root))
            assert "\n" not in str(caught.value)
    assert len(asked) == len(set(asked)) == 6
    assert run(stub.settings(source, root)).built
    assert stub.snapshot(root) == stub.snapshot(tmp_path / "undisturbed")


@pytest.mark.usefixtures("boxes")
def test_full_disk(source: Path, root: Path, tmp_path: Path) -> None:
    resource = pytest.importorskip("resource")
    run(stub.settings(source, tmp_path / "undisturbed"))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (300, hard))
    try:
        with pytest.raises(InputError, match=r"cannot be written.*What is done is kept"):
            run(stub.settings(source, root))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    run(stub.settings(source, root))
    assert stub.snapshot(root) == stub.snapshot(tmp_path / "undisturbed")


@pytest.mark.usefixtures("boxes")
def test_unfinished_build_keeps_its_settings(
    source: Path, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(build, "draw", lambda *_args, **_more: (_ for _ in [1 / 0]))
        with pytest.raises(ZeroDivisionError):
            run(stub.settings(source, root))
    with pytest.raises(UsageError, match=r"unfinished .* build\.limit was None, now 5.*--force"):
        run(stub.settings(source, root, limit=5))
    assert run(stub.settings(source, root, limit=5), force=True).built


@pytest.mark.usefixtures("boxes")
def test_two_builds_at_once(source: Path, root: Path) -> None:
    code = (
        "import sys, pathlib\n"
        "from im2latex_cli.data.lock import locked\n"
        f"with locked(pathlib.Path({str(root / '.build')!r}), busy=''):\n"
        "    print('held', flush=True)\n"
        "    sys.stdin.read()\n"
    )
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-c", code], stdin=pipe, stdout=pipe) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"held\n"
        with pytest.raises(UsageError, match="Another process is building"):
            run(stub.settings(source, root))
        other.kill()
    assert run(stub.settings(source, root)).built
    assert not (root / ".build").exists()


@pytest.mark.usefixtures("boxes")
def test_a_folder_of_other_things_is_left_alone(source: Path, root: Path) -> None:
    root.mkdir()
    (root / "thesis.tex").write_text("precious")
    for force in (False, True):
        with pytest.raises(InputError, match=r"not a data set.*thesis\.tex.*Nothing was touched"):
            run(stub.settings(source, root), force=force)
    assert stub.snapshot(root) == {"thesis.tex": b"precious"}


@pytest.mark.usefixtures("boxes")
def test_formulas_and_output_in_one_folder(root: Path) -> None:
    root.mkdir()
    (root / "metadata.jsonl").touch()
    with pytest.raises(UsageError, match="one folder"):
        run(stub.settings(root, root), force=True)


@pytest.mark.usefixtures("boxes")
def test_output_may_have_the_name_of_a_built_in_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(small(Path("small"), "tex")).built
    assert not run(small(Path("small"), "tex")).built


@pytest.mark.usefixtures("boxes")
@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="needs POSIX paths")
def test_output_where_nothing_can_be_written(source: Path) -> None:
    with pytest.raises(InputError, match=r"cannot be written to /proc/nowhere"):
        run(stub.settings(source, Path("/proc/nowhere")))


@pytest.mark.usefixtures("boxes")
def test_a_failure_before_the_start_leaves_nothing(root: Path, tmp_path: Path) -> None:
    (tmp_path / "empty.txt").touch()
    with pytest.raises(InputError, match=r"no formulas in empty\.txt"):
        run(stub.settings(tmp_path / "empty.txt", root))
    assert not root.exists()


def test_glyphs_need_tex(root: Path) -> None:
    with pytest.raises(UsageError, match="glyphs"):
        run(small(root, "embedded", glyphs=True))
    assert not root.exists()


@pytest.mark.tex
def test_glyphs_stand_on_the_ink(root: Path) -> None:
    run(small(root, "tex", glyphs=True, limit=60))
    text = (root / "train" / "glyphs.jsonl").read_text(encoding="utf-8")
    rows = [json.loads(line) for line in text.splitlines()]
    records = store.read(root, "train")
    assert [row["file_name"] for row in rows] == [record.image.name for record in records]
    named = total = 0
    for row, record in zip(rows, records, strict=True):
        picture = np.asarray(Image.open(record.image))
        for font, code, x, y, width, height, token in row["glyphs"]:
            assert (type(font), type(code)) == (str, int)
            top, left = int(y - height / 2), int(x - width / 2)
            box = picture[top : int(y + height / 2) + 1, left : int(x + width / 2) + 1]
            assert box.min() < 200, (record.formula, font, code)
            assert -1 <= token < len(record.tokens)
            named += token >= 0
            total += 1
    assert named > 0.95 * total


def test_pictures_are_imported(root: Path, tmp_path: Path) -> None:
    folder = tmp_path / "given"
    (folder / "train").mkdir(parents=True)
    picture = np.full((20, 30), 255, np.uint8)
    picture[5:15, 5:25] = 0
    Image.fromarray(picture).convert("RGB").save(folder / "train" / "a.jpg", quality=100)
    (folder / "train" / "b.png").write_text("no picture")
    rows = [{"file_name": name, "formula": name[0]} for name in ("a.jpg", "b.png", "c.png")]
    lines = "".join(json.dumps(row) + "\n" for row in rows)
    (folder / "train" / "metadata.jsonl").write_text(lines)
    result = run(small(root, "auto", dataset=str(folder)))
    assert (result.renderer, result.counts["train"]) == ("imported", 1)
    assert result.failures == {"unreadable-picture": 2}
    (record,) = store.read(root, "train")
    assert (record.formula, record.width, record.height) == ("a", 30, 20)
    with Image.open(record.image) as stored:
        assert (stored.format, stored.mode) == ("PNG", "L")
        assert np.abs(np.asarray(stored).astype(int) - picture).max() < 16
    assert not run(small(root, "embedded", dataset=str(folder))).built


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="needs kill -9")
@pytest.mark.parametrize("renderer", [pytest.param("tex", marks=pytest.mark.tex), "embedded"])
def test_real_kills(tmp_path: Path, renderer: str) -> None:
    def command(root: Path, jobs: int) -> list[str]:
        tree = small(root, renderer, dataset="synthetic", size=2500, jobs=jobs)
        code = (
            "from im2latex_cli.progress import SilentReporter\n"
            "from im2latex_cli.services import build\n"
            "from im2latex_cli.settings.tree import Settings\n"
            "if __name__ == '__main__':\n"
            f"    tree = Settings.model_validate_json({tree.model_dump_json()!r})\n"
            "    build.run(tree, SilentReporter())\n"
        )
        script = root.with_suffix(".py")
        script.write_text(code)
        return [sys.executable, str(script)]

    subprocess.run(command(tmp_path / "undisturbed", jobs=1), check=True)
    rng = np.random.default_rng(os.getpid())
    killed = tmp_path / "killed"
    deaths = 0
    for _ in range(8):
        with subprocess.Popen(command(killed, jobs=2)) as child:
            try:
                child.wait(rng.uniform(0.3, 2.5))
            except subprocess.TimeoutExpired:
                child.kill()
                deaths += 1
    subprocess.run(command(killed, jobs=2), check=True)
    assert deaths >= 2
    assert stub.snapshot(killed) == stub.snapshot(tmp_path / "undisturbed")


@pytest.mark.usefixtures("boxes")
def test_full_from_a_folder_at_hand(tmp_path: Path, root: Path) -> None:
    folder = tmp_path / "copy"
    folder.mkdir()
    (folder / "im2latex_formulas.lst").write_bytes(b"a\nb%\xe9\nc\nfail\n")
    for split, numbers in {"train": (0, 1), "validate": (2,), "test": (3,)}.items():
        lines = "".join(f"{number} name basic\n" for number in numbers)
        (folder / f"im2latex_{split}.lst").write_text(lines)
    tree = small(root, "tex", dataset="full", source=str(folder))
    reporter = SilentReporter()
    result = build.run(tree, reporter)
    assert result.counts == {"train": 2, "val": 1, "test": 0}
    assert reporter.warnings == ["Not UTF-8, so read as Latin-1: im2latex_formulas.lst, lines 2."]
    assert json.loads((root / "manifest.json").read_bytes())["source"]["name"] == "im2latex-100k"
    assert not run(tree).built
    (folder / "im2latex_test.lst").unlink()
    with pytest.raises(InputError, match=r"no im2latex_test\.lst"):
        run(tree)


def test_full_is_downloaded_only_without_a_folder(
    tmp_path: Path, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []
    monkeypatch.setattr(build, "obtain", lambda *request: asked.append(request[1]))
    with pytest.raises(InputError, match=r"has no im2latex_formulas\.lst"):
        run(small(root, "tex", dataset="full"))
    assert [path.name for path in asked] == ["im2latex-100k"]
    with pytest.raises(InputError, match=r"has no im2latex_formulas\.lst"):
        run(small(root, "tex", dataset="full", source=str(tmp_path)))
    assert len(asked) == 1
    with pytest.raises(UsageError, match="--dataset full"):
        run(small(root, "tex", source=str(tmp_path)))


@pytest.mark.usefixtures("boxes")
def test_split_by_a_column_is_part_of_the_data_set(tmp_path: Path, root: Path) -> None:
    table = tmp_path / "formulas.tsv"
    lines = "".join(f"author {n % 20}\tx_{{{n}}}\n" for n in range(200))
    table.write_text("author\tformula\n" + lines)
    tree = stub.settings(table, root, split_by="author", val_share=0.3, test_share=0.3)
    run(tree)
    where: dict[int, set[str]] = {}
    for split in store.splits(root):
        for record in store.read(root, split):
            number = int(record.formula.strip("x_{}"))
            where.setdefault(number % 20, set()).add(split)
    assert all(len(splits) == 1 for splits in where.values())
    with pytest.raises(UsageError, match=r"build\.split_by was author, now None"):
        run(stub.settings(table, root, val_share=0.3, test_share=0.3))


@pytest.mark.usefixtures("boxes")
def test_formulas_of_a_text_share_lines_and_none_is_mixed_up(tmp_path: Path, root: Path) -> None:
    text = tmp_path / "paper.tex"
    text.write_text("$a$ $fail$ $b$ \\[ fail 2 \\]\n$c$ $a$ $}$\n")
    result = run(stub.settings(text, root, val_share=0, test_share=0))
    assert [record.formula for record in store.read(root, "train")] == ["a", "b", "c"]
    assert (result.failures, result.duplicates) == ({"tex-error": 2}, 1)
    assert sorted(json.loads((root / "vocab.json").read_bytes())["tokens"][4:]) == ["a", "b", "c"]


@pytest.mark.usefixtures("boxes")
def test_the_report_is_written_also_when_nothing_is_to_do(
    source: Path, root: Path, tmp_path: Path
) -> None:
    path = tmp_path / "pages" / "report.html"
    first = run(stub.settings(source, root, report=str(path)))
    page = path.read_text()
    assert first.report == str(path)
    for text in ("<svg", "data:image/png", "tex-error", "Undefined control sequence.", "r+s"):
        assert text in page
    assert page.count("<article>") == min(40, sum(first.counts.values()))
    path.unlink()
    assert not run(stub.settings(source, root, report=str(path))).built
    assert path.read_text() == page
    with pytest.raises(InputError, match=r"report cannot be written.*is built"):
        run(stub.settings(source, root, report=str(root)))


@pytest.mark.usefixtures("boxes")
def test_the_report_of_nothing_but_failures(tmp_path: Path, root: Path) -> None:
    path = tmp_path / "formulas.txt"
    path.write_text("fail\nfail 2\n")
    page = tmp_path / "report.html"
    run(stub.settings(path, root, report=str(page)))
    assert "100.00" in page.read_text()
