"""im2latex predict: pictures into LaTeX, from files, or from paths typed at a prompt."""

from __future__ import annotations

import glob
import os
import shlex
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, BinaryIO
from urllib.parse import urlsplit

import typer

from im2latex_cli import paths
from im2latex_cli.cli import console, rows
from im2latex_cli.cli.command import PredictRequest, command
from im2latex_cli.cli.session import Session
from im2latex_cli.errors import EXIT_OK, EXIT_PARTIAL, Im2LatexError, InputError, UsageError
from im2latex_cli.progress import SilentReporter

if TYPE_CHECKING:
    from im2latex_cli.recognition.recognizer import Recognizer
    from im2latex_cli.services.reading.inputs import Inputs
    from im2latex_cli.settings.sections import Settings

STDIN = Path("-")

PROMPT = "im2latex> "
HELP = """\
Type or drop paths of pictures, PDF files or folders.
:beam N              set the beam width
:attention OUT.png   draw the attention (also OUT.gif, OUT.html); :attention off
:render OUT.png      draw picture and rendered LaTeX ({stem}: its name); :render off
:help                show this text
:quit                quit (or end of input)"""
PLAIN_WORDS = {"help": "help", "?": "help", "quit": "quit", "exit": "quit", "q": "quit"}
"""Commands that also work without the colon; a file of that name has precedence."""
OFF = "off"
MOST_HISTORY = 1000


@command(
    "predict",
    settings={
        "decode.beam": "--beam",
        "decode.nbest": "--nbest",
        "runtime.backend": "--backend",
    },
    torch=True,
)
def predict(session: Session, request: PredictRequest) -> rows.Predicted | None:
    """Read pictures of formulas as LaTeX. Without arguments, open a prompt."""
    shape = _shape(session, request)
    if not request.names_input:
        if sys.stdin.isatty():
            run_prompt(session, shape, request)
            return None
        request = replace(request, images=[STDIN])
    if request.null and not request.files_from:
        raise UsageError("-0 needs --files-from.", hint="Add --files-from -.")
    if request.files_from == STDIN and STDIN in (request.images or ()):
        raise UsageError("Standard input cannot be both a picture and a list of paths.")
    if request.overlay and request.find == "never":
        raise UsageError("--overlay draws what is found, and --find never finds nothing.")
    shape = replace(shape, copy_each=request.watch is not None)
    return _read(session, shape, request, _inputs(request))


def _shape(session: Session, request: PredictRequest) -> rows.RowFormat:
    if session.as_json and request.format:
        raise UsageError("--json and --format exclude each other.", hint="Use one of them.")
    form: rows.Form = "json" if session.as_json else request.format or "text"
    if request.tokens and form not in {"json", "jsonl"}:
        raise UsageError("--tokens needs JSON output.", hint="Add --format jsonl.")
    number = request.number or ("tag" if form == "markdown" else "cut")
    return rows.RowFormat(
        form, request.style, tokens=request.tokens, copy=request.copy, tag=number == "tag"
    )


def _inputs(request: PredictRequest) -> Inputs:
    from im2latex_cli.services.reading import pdf
    from im2latex_cli.services.reading.inputs import Inputs
    from im2latex_cli.vision.image import Box

    return Inputs(
        sources=[_stdin() if image == STDIN else image for image in request.images or ()],
        listed=_stdin() if request.files_from == STDIN else request.files_from,
        null=request.null,
        recursive=request.recursive,
        pages=pdf.Pages.parse(request.pages) if request.pages else None,
        box=Box.parse(request.box) if request.box else None,
        from_clipboard=request.clipboard,
        timeout=request.timeout or None,
        watched=request.watch,
    )


def _read(
    session: Session, shape: rows.RowFormat, request: PredictRequest, inputs: Inputs
) -> rows.Predicted:
    rows.check(shape)
    from im2latex_cli.services.reading import predict as service
    from im2latex_cli.services.reading.find import FindRequest

    total = inputs.count()
    find = FindRequest(
        request.find,
        inline=request.inline,
        overlay=request.overlay,
        numbers=shape.tag or shape.form in {"json", "jsonl"},
    )
    predicted = service.run(
        session.settings,
        session.reporter,
        images=inputs,
        model=request.model,
        attention=request.attention,
        render=request.render,
        total=total,
        find=find,
    )
    done = rows.write(predicted, shape, session.reporter, lone=total == 1)
    if done.lone_error:
        raise done.lone_error
    code = EXIT_PARTIAL if done.failed else EXIT_OK
    if done.failed and done.failed == done.rows:
        code = InputError.exit_code  # nothing was read at all
    if shape.form != "json":
        raise typer.Exit(code)
    return rows.Predicted(done.pictures, code)


def _stdin() -> BinaryIO:
    return sys.stdin.buffer


def run_prompt(session: Session, shape: rows.RowFormat, request: PredictRequest) -> None:
    """Read paths until the end of input or `:quit`; an error is shown, and the prompt goes on."""
    from im2latex_cli.recognition.recognizer import Recognizer

    rows.check(shape)
    recognizer = Recognizer.from_settings(
        session.settings, request.model, reporter=session.reporter
    )
    dialogue = Dialogue(session.settings, recognizer, shape, request)
    session.reporter.info(f"model: {recognizer.name}   (:help, :quit)")
    save_history = _history()
    for line in map(_add_colon, _lines()):
        if line == ":quit":
            break
        try:
            dialogue.take(line)
        except Im2LatexError as error:
            console.error(str(error.args[0]), error.hint)
        except KeyboardInterrupt:
            console.error("Interrupted.")
        save_history()


def _add_colon(line: str) -> str:
    """The line, with a colon before a command that was typed without one."""
    line = line.strip()
    command = PLAIN_WORDS.get(line.removeprefix(":"))
    return f":{command}" if command and not os.path.lexists(line) else line


class Dialogue:
    """The state of the prompt from one line to the next."""

    def __init__(
        self,
        settings: Settings,
        recognizer: Recognizer,
        shape: rows.RowFormat,
        request: PredictRequest,
    ) -> None:
        self.recognizer = recognizer
        self._settings = settings
        form = "text" if shape.form == "json" else shape.form
        self._shape = replace(shape, form=form, gaps=not sys.stdout.isatty())
        self._request = request

    def take(self, line: str) -> None:
        """Execute one line.

        Raises:
            UsageError: there is no such command.
        """
        line = line.strip()
        if line.startswith(":"):
            self._command(*line[1:].split(maxsplit=1))
        elif names := split_paths(line):
            self._read(names)

    def _command(self, name: str = "", value: str = "") -> None:
        match name:
            case "beam":
                self._beam(value.strip())
            case "attention":
                self._request = replace(self._request, attention=_target(name, value))
                _show_state(name, self._request.attention or OFF)
            case "render":
                self._request = replace(self._request, render=_target(name, value))
                _show_state(name, self._request.render or OFF)
            case "help":
                console.out(HELP)
            case _:
                raise UsageError(f"Unknown command :{name}.", hint="Type :help for a list.")

    def _beam(self, value: str) -> None:
        if not (value.isdecimal() and int(value)):
            raise UsageError(f":beam {value}: not a number above 0.", hint="Type :beam 5.")
        self.recognizer.decode = self.recognizer.decode.model_copy(update={"beam": int(value)})
        _show_state("beam", value)

    def _read(self, names: list[str]) -> None:
        from im2latex_cli.services.reading.inputs import Inputs
        from im2latex_cli.services.reading.predict import Drawings, read

        drawings = Drawings(
            self._settings, attention=self._request.attention, render=self._request.render
        )
        inputs = Inputs(sources=names)
        images = drawings.check(inputs)
        readings = read(self.recognizer, images, SilentReporter(), drawings=drawings)
        outcome = rows.write(readings, self._shape, _Warnings(), lone=inputs.count() == 1)
        if outcome.lone_error:
            raise outcome.lone_error


class _Warnings(SilentReporter):
    """Shows warnings only."""

    def warn(self, message: str) -> None:
        console.stderr().print(f"warning: {message}", style="yellow")


def _show_state(name: str, value: object) -> None:
    """Show the new state on stderr; stdout is for results."""
    console.stderr().print(f"{name}: {value}", style="dim", markup=False, highlight=False)


def _target(name: str, value: str) -> Path | None:
    if value.strip() == OFF:
        return None
    target = Path(*split_paths(value)[:1])
    if target == Path():
        raise UsageError(f":{name} needs a file.", hint=f"Type :{name} OUT.png.")
    return target


def split_paths(line: str) -> list[str]:
    """Return the paths in a line, as typed or as a terminal writes files dropped on it.

    Quotes, backslashes before spaces, `~` and `file://` addresses are understood. A line that
    as a whole is an existing path is that path.
    """
    line = line.strip()
    if not line or os.path.lexists(line):
        return [line] if line else []
    try:
        parts = _split(line)
    except ValueError:  # a lone quote or a backslash at the end
        parts = [line]
    return [_plain(part) for part in parts]


def _split(line: str) -> list[str]:
    words = shlex.shlex(line, posix=True)
    words.whitespace_split, words.commenters = True, ""
    if sys.platform == "win32":
        words.escape = ""  # a backslash separates folders there
    return list(words)


def _plain(part: str) -> str:
    if part.startswith("file://"):
        from urllib.request import url2pathname

        return url2pathname(urlsplit(part).path)
    return str(Path(part).expanduser())


def _lines() -> Iterator[str]:
    """Lines from the terminal; Ctrl-C drops one, the end of input ends them all."""
    while True:
        try:
            yield _line()
        except KeyboardInterrupt:
            sys.stderr.write("\n")
        except EOFError:
            sys.stderr.write("\n")
            return


def _line() -> str:
    """One line; if stdout is no terminal, the prompt goes to stderr."""
    if sys.stdout.isatty():
        return input(PROMPT)
    sys.stderr.write(PROMPT)
    sys.stderr.flush()
    line = sys.stdin.readline()
    if not line:
        raise EOFError
    return line


def _history() -> Callable[[], None]:
    """Load the history of earlier prompts; return a function that saves it."""
    if sys.platform == "win32":  # readline does not exist there
        return lambda: None
    try:
        import readline
    except ImportError:  # Python was built without it
        return lambda: None
    file = paths.history_file()
    try:
        readline.read_history_file(file)
    except OSError:
        readline.clear_history()
    readline.set_history_length(MOST_HISTORY)
    _complete_paths(readline)

    def save() -> None:
        with suppress(OSError):  # a history that cannot be kept is no reason to stop
            file.parent.mkdir(parents=True, exist_ok=True)
            readline.write_history_file(file)

    return save


def _complete_paths(readline: ModuleType) -> None:
    def complete(text: str, state: int) -> str | None:
        start = glob.escape(os.path.expanduser(text))  # noqa: PTH111 (keeps the last slash)
        matches = sorted(glob.glob(f"{start}*"))  # noqa: PTH207
        completions = [f"{match}/" if Path(match).is_dir() else match for match in matches]
        return completions[state] if state < len(completions) else None

    readline.set_completer_delims(" \t\n")
    readline.set_completer(complete)
    libedit = "libedit" in (readline.__doc__ or "")
    readline.parse_and_bind("bind ^I rl_complete" if libedit else "tab: complete")
