"""`@command` and the options of commands: shared ones, those of settings, those of `predict`.

The function of a command takes its `Session` and its own arguments, or one dataclass of them; it
returns the result of the service. Flags that only set a setting are not in its signature: their
type, help and default come from the settings tree.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, is_dataclass
from inspect import Parameter
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin

import typer

from im2latex_cli.cli import console
from im2latex_cli.cli.console import register
from im2latex_cli.cli.session import SHARED_PANEL, Session, SharedOptions
from im2latex_cli.settings.reference import Leaf, leaves, to_value
from im2latex_cli.settings.sources import SettingValue, limit_openmp_spinning

Body = Callable[..., Any]

SHARED_SETTINGS = {"runtime.seed": "--seed", "runtime.threads": "--threads"}
TORCH_SETTINGS = {"runtime.device": "--device"}
_METAVARS = {int: "N", float: "NUMBER", str: "TEXT"}

Data = Annotated[Path, typer.Option("--data", metavar="DIR", help="Data set folder.")]
DataOrTar = Annotated[
    Path,
    typer.Option(
        "--data", metavar="DIR|FILE.tar", help="Data set folder, or a .tar of labelled pictures."
    ),
]
Force = Annotated[bool, typer.Option("--force", help="Overwrite existing output.")]
References = Annotated[
    Path | None,
    typer.Option(
        "--references", metavar="FILE", help="References for --hypotheses (.txt, .tsv or .jsonl)."
    ),
]
Hypotheses = Annotated[
    Path | None,
    typer.Option(
        "--hypotheses",
        metavar="FILE",
        help="Evaluate the formulas in this file, such as another program's, instead of a model.",
    ),
]


INPUTS_PANEL = "Input"
OUTPUTS_PANEL = "Output"

Images = Annotated[
    list[Path] | None,
    typer.Argument(
        metavar="IMAGE",
        help="Pictures, PDF files, folders or quoted patterns; - for standard input.",
        show_default=False,
    ),
]
Recursive = Annotated[
    bool,
    typer.Option(
        "--recursive",
        "-r",
        help="Search folders recursively.",
        rich_help_panel=INPUTS_PANEL,
    ),
]
FilesFrom = Annotated[
    Path | None,
    typer.Option(
        "--files-from",
        metavar="FILE|-",
        help="Read paths from this file, one per line, as they arrive; - for standard input.",
        rich_help_panel=INPUTS_PANEL,
    ),
]
Null = Annotated[
    bool,
    typer.Option(
        "--null",
        "-0",
        help="Paths in --files-from are separated by NUL, as from find -print0.",
        rich_help_panel=INPUTS_PANEL,
    ),
]
PdfPages = Annotated[
    str | None,
    typer.Option(
        "--pages",
        metavar="1-3,7",
        help="Pages of PDF files to read; default: all.",
        rich_help_panel=INPUTS_PANEL,
    ),
]
Box = Annotated[
    str | None,
    typer.Option(
        "--box",
        metavar="X0,Y0,X1,Y1",
        help="Read only this part of each picture, in pixels from the upper left corner (PDF "
        "pages: in points, 1/72 inch).",
        rich_help_panel=INPUTS_PANEL,
    ),
]
Clipboard = Annotated[
    bool,
    typer.Option(
        "--clipboard", help="Read the picture on the clipboard.", rich_help_panel=INPUTS_PANEL
    ),
]
Timeout = Annotated[
    float,
    typer.Option(
        "--timeout",
        metavar="SECONDS",
        min=0.0,
        help="Time limit for a picture from a pipe; 0: no limit.",
        rich_help_panel=INPUTS_PANEL,
    ),
]
Watch = Annotated[
    Path | None,
    typer.Option(
        "--watch",
        metavar="DIR",
        help="Watch this folder and read new pictures until Ctrl-C.",
        rich_help_panel=INPUTS_PANEL,
    ),
]
Model = Annotated[
    str | None,
    typer.Option(
        "--model",
        metavar="MODEL",
        help="pretrained, a results folder, a model file, an exported folder, hf://OWNER/NAME or "
        "an https address; #sha256=... behind it pins it. Default: pretrained if the package "
        "includes it, else results/small.",
    ),
]
Format = Annotated[
    Literal["text", "jsonl", "tsv", "markdown", "typst", "mathml", "omml", "docx"] | None,
    typer.Option(
        "--format",
        metavar="text|jsonl|tsv|markdown|typst|mathml|omml|docx",
        show_default="text",
        help="text: one line of LaTeX per picture; jsonl: one JSON object per picture; tsv: path, "
        "LaTeX and confidence, with a header; markdown: $$...$$; typst: one line of Typst per "
        "picture; mathml: one <math> per line; omml: one line of Office MathML per picture; docx: "
        "one Word document.",
        rich_help_panel=OUTPUTS_PANEL,
    ),
]
Style = Annotated[
    Literal["compact", "im2markup", "katex"],
    typer.Option(
        "--style",
        metavar="compact|im2markup|katex",
        help="compact: short LaTeX; im2markup: that project's tokens, separated by spaces; katex: "
        "only what KaTeX and MathJax support.",
        rich_help_panel=OUTPUTS_PANEL,
    ),
]
Tokens = Annotated[
    bool,
    typer.Option(
        "--tokens",
        help="Include tokens and their log-probabilities in jsonl and --json.",
        rich_help_panel=OUTPUTS_PANEL,
    ),
]
Copy = Annotated[
    bool,
    typer.Option(
        "--copy",
        help="Copy the formula to the clipboard, in the format of --format if that is typst, "
        "mathml or omml, else as LaTeX.",
        rich_help_panel=OUTPUTS_PANEL,
    ),
]
Render = Annotated[
    Path | None,
    typer.Option(
        "--render",
        metavar="OUT.png",
        help="Draw picture and rendered LaTeX below each other; {stem}: the picture's name.",
        rich_help_panel=OUTPUTS_PANEL,
    ),
]
Attention = Annotated[
    Path | None,
    typer.Option(
        "--attention",
        metavar="OUT.png|OUT.gif|OUT.html",
        help="Draw the attention of each token: a sheet, an animation or an interactive page; "
        "{stem}: the picture's name.",
        rich_help_panel=OUTPUTS_PANEL,
    ),
]

Find = Annotated[
    Literal["auto", "always", "never"],
    typer.Option(
        "--find",
        metavar="auto|always|never",
        help="Find the displayed formulas of a page and read each. auto: on PDF pages and pictures "
        "with words or several formulas.",
        rich_help_panel=INPUTS_PANEL,
    ),
]
Inline = Annotated[
    bool,
    typer.Option(
        "--inline", help="Find formulas in lines of text too.", rich_help_panel=INPUTS_PANEL
    ),
]
Number = Annotated[
    Literal["cut", "tag"] | None,
    typer.Option(
        "--number",
        metavar="cut|tag",
        help="Cut an equation number off, or keep it as \\tag; default: tag in markdown, else cut.",
        rich_help_panel=OUTPUTS_PANEL,
    ),
]
Overlay = Annotated[
    Path | None,
    typer.Option(
        "--overlay",
        metavar="OUT.png|OUT.pdf",
        help="Draw the pages with the boxes of the formulas that were found; {stem}: the page's "
        "name.",
        rich_help_panel=OUTPUTS_PANEL,
    ),
]

TIMEOUT = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class PredictRequest:
    """Arguments and options of `im2latex predict`; the help of each option is above."""

    images: Images = None
    recursive: Recursive = False
    files_from: FilesFrom = None
    null: Null = False
    pages: PdfPages = None
    box: Box = None
    clipboard: Clipboard = False
    timeout: Timeout = TIMEOUT
    watch: Watch = None
    model: Model = None
    format: Format = None
    style: Style = "compact"
    tokens: Tokens = False
    copy: Copy = False
    render: Render = None
    attention: Attention = None
    find: Find = "auto"
    inline: Inline = False
    number: Number = None
    overlay: Overlay = None

    @property
    def names_input(self) -> bool:
        """Whether anything to read was named."""
        return bool(self.images or self.files_from or self.clipboard or self.watch)


def command(
    title: str,
    *,
    settings: Mapping[str, str] | None = None,
    torch: bool = False,
    checks_settings: bool = True,
) -> Callable[[Body], Callable[..., None]]:
    """Turn a command's function into one that Typer can register.

    Args:
        title: the command as typed, with its group's name if it has one.
        settings: dotted setting name -> its flags, as "--output -o".
        torch: the command runs torch, so it takes `--device`.
        checks_settings: bad settings stop the command; not one that could replace a bad file.
    """
    flags = {**(settings or {}), **(TORCH_SETTINGS if torch else {}), **SHARED_SETTINGS}
    names = {f"set_{setting.replace('.', '_')}": setting for setting in flags}

    def decorate(body: Body) -> Callable[..., None]:
        arguments = list(inspect.signature(body, eval_str=True).parameters.values())[1:]
        annotations = [parameter.annotation for parameter in arguments]
        request = next((a for a in annotations if isinstance(a, type) and is_dataclass(a)), None)
        if request:
            arguments = list(inspect.signature(request, eval_str=True).parameters.values())
        shared = list(inspect.signature(SharedOptions, eval_str=True).parameters.values())

        def run(**values: Any) -> None:
            limit_openmp_spinning()
            options = SharedOptions(**{option.name: values.pop(option.name) for option in shared})
            flag_values = [
                SettingValue(setting, values.pop(key), f"command line {flags[setting].split()[0]}")
                for key, setting in names.items()
            ]
            session = Session(title, flag_values, options)
            if checks_settings:
                session.check_settings()
            if options.show_settings:
                session.show_settings()
            elif (result := _call(body, request, session, values)) is not None:
                session.show(result)
                raise typer.Exit(console.exit_code(result))

        _register(arguments, flags)
        parameters = [
            *arguments,
            *(_flag(key, names[key], flags[names[key]]) for key in names),
            *shared,
        ]
        run.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
            [parameter.replace(kind=Parameter.KEYWORD_ONLY) for parameter in parameters]
        )
        run.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
        run.__doc__ = body.__doc__
        return run

    return decorate


def _call(body: Body, request: type | None, session: Session, values: dict[str, Any]) -> Any:
    return body(session, request(**values)) if request else body(session, **values)


def _register(arguments: list[Parameter], settings: Mapping[str, str]) -> None:
    """Let messages name the flags of a command's arguments and settings."""
    for setting, spelling in settings.items():
        register(setting, spelling.split()[0])
    for parameter in arguments:
        for option in getattr(parameter.annotation, "__metadata__", ()):
            # Typer keeps the first name of an annotated option as if it were the default.
            names = (
                getattr(option, "default", None),
                *(getattr(option, "param_decls", None) or ()),
            )
            flag = next((str(name) for name in names if str(name).startswith("--")), None)
            if flag:
                register(parameter.name, flag)


def _flag(key: str, setting: str, flags: str) -> Parameter:
    """Return the parameter that takes `flags`; None, its default, means not given."""
    leaf = leaves()[setting]
    if leaf.type is bool:
        flags = f"{flags}/--no-{flags.removeprefix('--')}"
    choices = get_args(leaf.type) if get_origin(leaf.type) is Literal else ()
    # Typer reads text choices only; validation checks the numbers.
    numbers = bool(choices) and all(isinstance(choice, int) for choice in choices)
    option = typer.Option(
        *flags.split(),
        help=_help(leaf),
        show_default=False,
        metavar="|".join(map(str, choices)) or _METAVARS.get(_item(leaf.type)),
        rich_help_panel=SHARED_PANEL if setting in SHARED_SETTINGS | TORCH_SETTINGS else None,
    )
    kind = int if numbers else leaf.type
    if get_origin(kind) is tuple:
        kind = list[_item(kind)]  # type: ignore[misc]
    return Parameter(
        key, Parameter.KEYWORD_ONLY, default=None, annotation=Annotated[kind | None, option]
    )


def _item(kind: Any) -> Any:
    """The type of one value of a flag that can be repeated."""
    return get_args(kind)[0] if get_origin(kind) is tuple else kind


def _help(leaf: Leaf) -> str:
    """Return the setting's help with its default, which Typer does not know."""
    if leaf.default is None:
        return leaf.help
    repeated = get_origin(leaf.type) is tuple
    default = ", ".join(leaf.default) if repeated else to_value(leaf.default).strip('"')
    return f"{leaf.help}{' Can be repeated.' if repeated else ''} (default: {default})"
