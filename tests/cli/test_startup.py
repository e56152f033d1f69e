"""`--help` answers at once: it loads neither torch nor anything else that is heavy."""

import subprocess
import sys
from pathlib import Path

import pytest
import typer

from im2latex_cli.cli.app import app

FORMULA = Path(__file__).parents[2] / "docs" / "formula.png"
HEAVY = {"torch", "nltk", "PIL", "numpy", "scipy", "rapidfuzz", "pydantic_settings", "tensorboard"}
COMMANDS = [
    [],
    *[[name] for name in typer.main.get_command(app).commands],
    ["config", "init"],
    ["cache", "path"],
    ["cache", "clear"],
]
PROBE = """\
import sys
from im2latex_cli.cli.app import main
for args in {commands!r}:
    sys.argv = ["im2latex", *args, "--help"]
    try:
        main()
    except SystemExit as end:
        assert not end.code, (args, end.code)
print("LOADED", *sorted({{name.partition(".")[0] for name in sys.modules}}))
"""


def test_help_loads_nothing_heavy() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROBE.format(commands=COMMANDS)],
        capture_output=True,
        text=True,
        check=True,
    )
    loaded = set(done.stdout.splitlines()[-1].split())
    assert "typer" in loaded
    assert not loaded & HEAVY


def processor_seconds(*arguments: str) -> float:
    """Least processor time of three runs of Python, so that a busy machine does not count."""
    resource = pytest.importorskip("resource", reason="measures processor time, as Unix has it")
    seconds = []
    for _ in range(3):
        begun = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, *arguments], capture_output=True, check=True)
        ended = resource.getrusage(resource.RUSAGE_CHILDREN)
        seconds.append(ended.ru_utime + ended.ru_stime - begun.ru_utime - begun.ru_stime)
    return min(seconds)


def test_help_is_quick() -> None:
    libraries = processor_seconds("-c", "import pydantic, rich.markdown, typer.rich_utils")
    ours = processor_seconds("-m", "im2latex_cli", "train", "--help")
    assert ours < 3 * libraries


@pytest.mark.parametrize("args", COMMANDS, ids=" ".join)
def test_help_names_the_command(invoke, args: list[str]) -> None:
    result = invoke(*args, "--help")
    assert result.exit_code == 0
    assert " ".join(["Usage: im2latex", *args]) in result.stdout


def test_version(execute) -> None:
    done = execute("--version")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("im2latex 0.")


def test_no_argument_shows_the_help(invoke) -> None:
    result = invoke()
    assert "Usage: im2latex" in result.output


def test_completion_offers_commands(execute, environment) -> None:
    environment |= {
        "_IM2LATEX_COMPLETE": "complete_bash",
        "COMP_WORDS": "im2latex eval-",
        "COMP_CWORD": "1",
    }
    assert execute(env=environment).stdout.split() == ["eval-text", "eval-image"]


@pytest.mark.parametrize(
    ("shell", "file"),
    [
        ("bash", ".bash_completions/im2latex.sh"),
        ("zsh", ".zfunc/_im2latex"),
        ("fish", ".config/fish/completions/im2latex.fish"),
    ],
)
def test_one_command_installs_completion(
    execute, environment, tmp_path, shell: str, file: str
) -> None:
    """Typer asks which shell runs it; here it is told, since not every shell is installed."""
    environment |= {"HOME": str(tmp_path), "_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1"}
    done = execute("--install-completion", shell, env=environment)
    assert done.returncode == 0, done.stderr
    assert "_IM2LATEX_COMPLETE" in (tmp_path / file).read_text()


def test_a_start_loads_what_its_command_needs() -> None:
    """No other command, nothing that downloads, draws or finds formulas on pages."""
    code = (
        "import sys\n"
        "from im2latex_cli.cli.app import main\n"
        f"sys.argv = ['im2latex', 'predict', '--backend', 'onnx', {str(FORMULA)!r}]\n"
        "try: main()\n"
        "finally: print(*sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    latex, loaded = done.stdout.splitlines()
    assert latex
    commands = {one for one in loaded.split() if one.startswith("im2latex_cli.cli.commands.")}
    assert commands == {"im2latex_cli.cli.commands.predict"}
    needless = {"ssl", "rich", "torch", "mathra", "freetype", "im2latex_cli.pages.finder"}
    assert not needless & set(loaded.split())
    assert "onnxruntime" in loaded.split()


def test_every_command_has_its_name() -> None:
    root = typer.main.get_command(app)
    assert [command.name for command in root.commands.values()] == list(root.commands)
    assert "nothing" not in root.commands
