import io
import sys

import pytest
from rich.console import Console

from im2latex_cli.cli import console
from im2latex_cli.cli.session import TerminalReporter


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    """Make stderr a terminal whose screen can be read."""
    screen = io.StringIO()
    drawn = Console(file=screen, force_terminal=True, width=100, markup=False, highlight=False)
    monkeypatch.setattr(console, "stderr", lambda: drawn)
    return screen


def test_a_bar_on_a_terminal(terminal: io.StringIO) -> None:
    with TerminalReporter().step("Render", total=3) as step:
        step.advance(2)
        step.note("12 a second")
        step.advance()
    assert "Render" in terminal.getvalue()
    assert "3/3" in terminal.getvalue()
    assert "12 a second" in terminal.getvalue()


def test_steps_may_nest_and_speak(terminal: io.StringIO) -> None:
    reporter = TerminalReporter()
    with reporter.step("Outer", total=1) as outer:
        with reporter.step("Inner"):
            reporter.info("halfway")
        outer.advance()
    with reporter.step("Later", total=1):
        pass
    shown = terminal.getvalue()
    assert all(word in shown for word in ("Outer", "Inner", "halfway", "Later"))


def test_results_pass_by_a_live_bar(
    terminal: io.StringIO, capsys: pytest.CaptureFixture[str]
) -> None:
    before = sys.stdout
    with TerminalReporter().step("Read", total=1):
        console.out("x^{2}")
    assert capsys.readouterr().out == "x^{2}\n"
    assert "x^{2}" not in terminal.getvalue()
    assert sys.stdout is before


def test_a_line_elsewhere(capsys: pytest.CaptureFixture[str]) -> None:
    with TerminalReporter().step("Render", total=3) as step:
        step.advance(3)
        step.note("unseen")
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("Render: 3 in 0.")
    assert "\x1b" not in said.err


def test_quiet_is_silent_but_for_warnings(capsys: pytest.CaptureFixture[str]) -> None:
    reporter = TerminalReporter(quiet=True)
    with reporter.step("Render", total=3) as step:
        step.advance(3)
    reporter.info("unseen")
    reporter.metrics({"loss": 1.0})
    reporter.warn("careful")
    assert capsys.readouterr().err == "warning: careful\n"


def test_metrics_are_a_table_with_one_header(capsys: pytest.CaptureFixture[str]) -> None:
    reporter = TerminalReporter()
    reporter.metrics({"step": 1, "loss": 2.5})
    reporter.metrics({"step": 2, "loss": 1.23456})
    assert capsys.readouterr().err.splitlines() == [
        "      step        loss",
        "         1         2.5",
        "         2       1.235",
    ]
