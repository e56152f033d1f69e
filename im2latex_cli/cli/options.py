"""Arguments that several commands take and that are no settings: which files, whether to insist."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Data = Annotated[Path, typer.Option("--data", metavar="DIR", help="Data set folder.")]
DataOrTar = Annotated[
    Path, typer.Option("--data", metavar="DIR|FILE.tar", help="Data set folder, or a .tar of one.")
]
Force = Annotated[bool, typer.Option("--force", help="Replace what stands in the way.")]
References = Annotated[
    Path | None,
    typer.Option(
        "--references", metavar="FILE", help="References for --hypotheses: .txt, .tsv or .jsonl."
    ),
]
Hypotheses = Annotated[
    Path | None,
    typer.Option(
        "--hypotheses",
        metavar="FILE",
        help="Score these formulas, such as another system's, and recognise nothing.",
    ),
]
