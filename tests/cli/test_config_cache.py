"""`config init` and `cache` for real, in temporary folders."""

import json
from pathlib import Path

from im2latex_cli import paths
from im2latex_cli.settings.reference import leaves, template


def test_init_writes_the_template(invoke) -> None:
    result = invoke("config", "init")
    assert result.exit_code == 0
    assert Path("im2latex.toml").read_text(encoding="utf-8") == template()
    assert str(len(leaves())) in result.stdout


def test_init_keeps_a_file_that_is_there(invoke) -> None:
    Path("im2latex.toml").write_text("# mine\n")
    result = invoke("config", "init")
    assert result.exit_code == 2
    assert "hint: Use --force to overwrite it." in result.stderr
    assert Path("im2latex.toml").read_text() == "# mine\n"
    assert invoke("config", "init", "--force").exit_code == 0
    assert Path("im2latex.toml").read_text(encoding="utf-8") == template()


def test_init_replaces_a_broken_file(invoke) -> None:
    Path("im2latex.toml").write_text("[broken\n")
    assert invoke("config", "init", "--force").exit_code == 0


def test_cache_path_is_one_bare_line(invoke) -> None:
    assert invoke("cache", "path").stdout == f"{paths.cache_folder()}\n"
    told = json.loads(invoke("cache", "path", "--json").stdout)
    assert (told["command"], told["result"]["path"]) == ("cache path", str(paths.cache_folder()))


def test_cache_clear_tells_what_it_freed(invoke) -> None:
    (paths.make_cache() / "big").write_bytes(b"x" * 1000)
    held = paths.folder_size(paths.cache_folder())
    told = json.loads(invoke("cache", "clear", "--json").stdout)
    assert told["result"]["freed_bytes"] == held > 1000
    assert not paths.cache_folder().exists()
    assert json.loads(invoke("cache", "clear", "--json").stdout)["result"]["freed_bytes"] == 0
