"""The clipboard, through whichever program this machine has for it."""

from __future__ import annotations

import io
import shutil
import subprocess
import sys

from im2latex_cli.errors import InputError

PASTE = (
    ("wl-paste", "--no-newline", "--type", "image/png"),
    ("xclip", "-selection", "clipboard", "-target", "image/png", "-out"),
    ("pngpaste", "-"),
)
COPY = (
    ("wl-copy",),
    ("xclip", "-selection", "clipboard", "-in"),
    ("pbcopy",),
    ("clip.exe",),
)
INSTALL = "Install wl-clipboard (Wayland), xclip (X11) or pngpaste (macOS)."
SECONDS = 10


def picture() -> bytes:
    """Return the picture on the clipboard as the bytes of a file.

    Raises:
        InputError: there is none, or no program that could tell.
    """
    present = [command for command in PASTE if shutil.which(command[0])]
    reason = ""
    for command in present:
        try:
            done = subprocess.run(
                command, stdin=subprocess.DEVNULL, capture_output=True, timeout=SECONDS, check=False
            )
        except (OSError, subprocess.TimeoutExpired):
            continue
        if done.returncode == 0 and done.stdout:
            return done.stdout
        messages = done.stderr.decode(errors="replace").strip().splitlines()
        reason = f" ({command[0]}: {messages[-1]})" if messages else reason
    if content := _from_pillow():
        return content
    if present or sys.platform in {"darwin", "win32"}:
        raise InputError(
            f"The clipboard holds no picture{reason}.", hint="Copy one, then try again."
        )
    raise InputError("Nothing here can read the clipboard.", hint=INSTALL)


def copy(text: str) -> None:
    """Put a text on the clipboard.

    Raises:
        InputError: no program for that is here, or none succeeds.
    """
    present = [command for command in COPY if shutil.which(command[0])]
    for command in present:
        # the programs of X11 and Wayland stay behind to hand the text out: with our streams, a
        # pipe behind us would never end
        try:
            done = subprocess.run(
                command,
                input=_encoded(text, command[0]),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                timeout=SECONDS,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired):
            continue
        if done.returncode == 0:
            return
    if present:
        raise InputError(f"{present[0][0]} could not copy to the clipboard.")
    raise InputError("Nothing here can write to the clipboard.", hint=INSTALL)


def _encoded(text: str, program: str) -> bytes:
    """Encode for a program: `clip.exe` takes UTF-16 or the machine's code page, others UTF-8."""
    return text.encode("utf-16-le" if program == "clip.exe" and not text.isascii() else "utf-8")


def _from_pillow() -> bytes | None:
    """What Pillow finds, on the platforms that it knows without the programs above."""
    if sys.platform not in {"darwin", "win32"}:
        return None
    from PIL import Image, ImageGrab

    image = ImageGrab.grabclipboard()
    if not isinstance(image, Image.Image):
        return None
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()
