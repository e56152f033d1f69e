"""Every error a user can meet, and the exit code it ends with.

A message says what happened and the likely cause; the hint says what to do.
"""

from __future__ import annotations

EXIT_OK = 0
EXIT_PARTIAL = 7
EXIT_INTERRUPTED = 130


class Im2LatexError(Exception):
    """Root of the tree: a bug unless a subclass says otherwise.

    Attributes:
        exit_code: status of the process.
        code: short stable name for machines, as in predict's JSON lines.
        hint: what the user can do, or None.
    """

    exit_code = 1
    code = "bug"

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.hint = hint

    def __str__(self) -> str:
        """Message and hint in one line."""
        message = str(self.args[0])
        return f"{message} {self.hint}" if self.hint else message


class UsageError(Im2LatexError):
    """Flags or arguments that do not fit together."""

    exit_code = 2
    code = "usage"


class SettingsError(UsageError):
    """Settings that do not validate; `problems` holds one line each."""

    code = "settings"

    def __init__(self, problems: list[str], *, hint: str | None = None) -> None:
        super().__init__("\n".join(problems), hint=hint)
        self.problems = problems


class InputError(Im2LatexError):
    """An input that is missing, unreadable or empty."""

    exit_code = 3
    code = "input"


class DownloadError(Im2LatexError):
    """A download that failed or did not match its checksum."""

    exit_code = 4
    code = "download"


class RendererError(Im2LatexError):
    """A renderer that is absent or cannot run at all."""

    exit_code = 5
    code = "renderer"


class CheckpointError(Im2LatexError):
    """A model file that cannot be used: damaged, of another format, or not fitting its data."""

    exit_code = 6
    code = "checkpoint"


class PartialError(Im2LatexError):
    """Some of the work failed; the rest is done and kept."""

    exit_code = EXIT_PARTIAL
    code = "partial"


class Interrupted(Im2LatexError):  # noqa: N818 (in the tree for its exit code, no error)
    """Ctrl-C, after everything worth keeping was saved."""

    exit_code = EXIT_INTERRUPTED
    code = "interrupted"
