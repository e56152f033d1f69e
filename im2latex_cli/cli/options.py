"""Options: those that several commands share, and those of `im2latex predict`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import typer

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
