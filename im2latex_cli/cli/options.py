"""Options that several commands share and that are not settings."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

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
