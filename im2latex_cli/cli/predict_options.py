"""The arguments and options of `im2latex predict`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

INPUTS_PANEL = "What is read"
OUTPUTS_PANEL = "What is written"

Images = Annotated[
    list[Path] | None,
    typer.Argument(
        metavar="IMAGE...",
        help="Pictures, PDF files, folders or quoted patterns; - is standard input.",
        show_default=False,
    ),
]
Recursive = Annotated[
    bool,
    typer.Option(
        "--recursive",
        "-r",
        help="Take the pictures of folders inside folders too.",
        rich_help_panel=INPUTS_PANEL,
    ),
]
FilesFrom = Annotated[
    Path | None,
    typer.Option(
        "--files-from",
        metavar="FILE|-",
        help="Read the paths in this list, one a line, as it is written.",
        rich_help_panel=INPUTS_PANEL,
    ),
]
Null = Annotated[
    bool,
    typer.Option(
        "--null",
        "-0",
        help="The paths of --files-from end with NUL, as from find -print0.",
        rich_help_panel=INPUTS_PANEL,
    ),
]
PdfPages = Annotated[
    str | None,
    typer.Option(
        "--pages",
        metavar="1-3,7",
        help="Pages of PDF files to read; all where not given.",
        rich_help_panel=INPUTS_PANEL,
    ),
]
Box = Annotated[
    str | None,
    typer.Option(
        "--box",
        metavar="X0,Y0,X1,Y1",
        help="Part of each picture to read, in pixels from its upper left corner; of PDF pages, "
        "in points (1/72 inch).",
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
        help="Longest wait for a picture that comes through a pipe; 0 waits for ever.",
        rich_help_panel=INPUTS_PANEL,
    ),
]
Watch = Annotated[
    Path | None,
    typer.Option(
        "--watch",
        metavar="DIR",
        help="Read new pictures in this folder as they appear, until Ctrl-C.",
        rich_help_panel=INPUTS_PANEL,
    ),
]
Model = Annotated[
    str | None,
    typer.Option(
        "--model",
        metavar="MODEL",
        help="pretrained, a results folder, a model file or an exported folder; by default "
        "pretrained where this package bundles it, else results/small.",
    ),
]
Format = Annotated[
    Literal["text", "jsonl", "tsv", "markdown", "typst", "mathml", "omml", "docx"] | None,
    typer.Option(
        "--format",
        metavar="text|jsonl|tsv|markdown|typst|mathml|omml|docx",
        show_default="text",
        help="text: a line of LaTeX per picture; jsonl: a JSON object per picture; tsv: path, "
        "LaTeX and confidence under a header; markdown: $$...$$; typst: a line of Typst; mathml: a "
        "<math> element a line; omml: a line of Office MathML; docx: a Word document.",
        rich_help_panel=OUTPUTS_PANEL,
    ),
]
Style = Annotated[
    Literal["compact", "im2markup", "katex"],
    typer.Option(
        "--style",
        metavar="compact|im2markup|katex",
        help="compact: as a person would write; im2markup: that project's spaced tokens; katex: "
        "what KaTeX and MathJax read.",
        rich_help_panel=OUTPUTS_PANEL,
    ),
]
Tokens = Annotated[
    bool,
    typer.Option(
        "--tokens",
        help="Add tokens and their log-probabilities to jsonl and --json.",
        rich_help_panel=OUTPUTS_PANEL,
    ),
]
Copy = Annotated[
    bool,
    typer.Option(
        "--copy",
        help="Put the formula on the clipboard too: in Typst, MathML or Office MathML if that is "
        "the --format, else LaTeX.",
        rich_help_panel=OUTPUTS_PANEL,
    ),
]
Render = Annotated[
    Path | None,
    typer.Option(
        "--render",
        metavar="OUT.png",
        help="Draw the formula under its picture; {stem} in the name stands for the picture's.",
        rich_help_panel=OUTPUTS_PANEL,
    ),
]
Attention = Annotated[
    Path | None,
    typer.Option(
        "--attention",
        metavar="OUT.png|OUT.gif|OUT.html",
        help="Draw where the model looked for each token: a sheet, an animation, or a page to "
        "point at; {stem} as for --render.",
        rich_help_panel=OUTPUTS_PANEL,
    ),
]
