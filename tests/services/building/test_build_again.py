"""Builds into a folder that holds something: done already, changed, or not a data set."""

import dataclasses
import os
from pathlib import Path

import pytest
import stub_build as stub
from stub_build import run, small

from im2latex_cli.errors import InputError, UsageError
from im2latex_cli.services.building import build, request
from im2latex_cli.settings.sections import Settings


@pytest.mark.usefixtures("boxes")
def test_again_nothing_is_built(source: Path, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tree = stub.settings(source, root)
    first = run(tree)
    times = {path: path.stat().st_mtime_ns for path in root.rglob("*")}
    monkeypatch.setattr(request, "choose", None)
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
    with pytest.raises(UsageError, match=r"render\.look was im2latex, now smooth.*`force`"):
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
    with pytest.raises(UsageError, match=r"formulas\.txt has changed.*`force`"):
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
