"""The user's folders: where the cache and the user's settings file live."""

from __future__ import annotations

import shutil
from pathlib import Path

import platformdirs

APPLICATION = "im2latex"
_TAG = (
    "Signature: 8a477f597d28d172789f06886806bc55\n"
    "# This folder is a cache of im2latex; backups may leave it out.\n"
)


def user_settings() -> Path:
    """Return where the user's settings file is looked for; it need not exist."""
    return Path(platformdirs.user_config_dir(APPLICATION, appauthor=False)) / "settings.toml"


def history_file() -> Path:
    """Return where the prompt keeps what was typed; it need not exist."""
    return Path(platformdirs.user_state_dir(APPLICATION, appauthor=False)) / "history"


def cache_folder() -> Path:
    """Return where downloads and other remakeable files go; it need not exist."""
    return Path(platformdirs.user_cache_dir(APPLICATION, appauthor=False))


def make_cache() -> Path:
    """Create the cache folder, tagged so that backups skip it, and return it."""
    folder = cache_folder()
    folder.mkdir(parents=True, exist_ok=True)
    tag = folder / "CACHEDIR.TAG"
    if not tag.exists():
        tag.write_text(_TAG, encoding="ascii")
    return folder


def folder_size(folder: Path) -> int:
    """Return the bytes of all files under `folder`, 0 where it does not exist."""
    return sum(path.lstat().st_size for path in folder.rglob("*") if path.is_file())


def clear_cache() -> int:
    """Remove the cache folder and return how many bytes it held."""
    folder = cache_folder()
    held = folder_size(folder)
    if folder.exists():
        shutil.rmtree(folder)
    return held
