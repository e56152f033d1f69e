from pathlib import Path

from im2latex_cli import paths


def test_folders_follow_the_environment(tmp_path: Path) -> None:
    assert tmp_path in paths.cache_folder().parents
    assert paths.user_settings().name == "settings.toml"


def test_cache_is_tagged_once() -> None:
    tag = paths.make_cache() / "CACHEDIR.TAG"
    assert tag.read_text().startswith("Signature: 8a477f597d28d172789f06886806bc55")
    tag.write_text("kept")
    assert (paths.make_cache() / "CACHEDIR.TAG").read_text() == "kept"


def test_size_counts_files_at_every_depth(tmp_path: Path) -> None:
    folder = tmp_path / "sized"
    assert paths.folder_size(folder) == 0
    (folder / "deep").mkdir(parents=True)
    (folder / "deep" / "a").write_bytes(b"12345")
    (folder / "b").write_bytes(b"123")
    assert paths.folder_size(folder) == 8


def test_clearing_removes_the_cache_and_nothing_else() -> None:
    folder = paths.make_cache()
    (folder / "a").write_bytes(b"12345")
    neighbour = folder.parent / "neighbour"
    neighbour.mkdir()
    assert paths.clear_cache() > 5
    assert not folder.exists()
    assert neighbour.exists()
    assert paths.clear_cache() == 0
