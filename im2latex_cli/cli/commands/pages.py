"""`im2latex pages`: typeset pages, train the finder of formulas on them, and score it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from im2latex_cli.cli.command import Force, command
from im2latex_cli.cli.group import CommandGroup, PlainFlagsCommand
from im2latex_cli.cli.session import Session
from im2latex_cli.runs import DATA, RESULTS

app = typer.Typer(
    cls=CommandGroup,
    no_args_is_help=True,
    help="Typeset pages, train the finder of formulas on them, and evaluate it.",
)

PAGES = DATA / "pages"
FINDER = RESULTS / "pages" / "finder.safetensors"

Output = Annotated[
    Path, typer.Option("--output", "-o", metavar="DIR", help="Folder of the data set.")
]
Count = Annotated[int, typer.Option("--pages", metavar="N", min=1, help="Number of pages.")]
Formulas = Annotated[
    str,
    typer.Option(
        "--formulas",
        metavar="NAME|PATH",
        help="Formulas on the pages: small, synthetic, or a file or folder with formulas.",
    ),
]
Dpi = Annotated[
    int,
    typer.Option("--dpi", metavar="N", min=50, max=600, help="Resolution in dots per inch."),
]
Layouts = Annotated[
    list[str] | None,
    typer.Option("--layout", metavar="NAME", help="Use only this layout; can be repeated."),
]
Typefaces = Annotated[
    list[str] | None,
    typer.Option("--typeface", metavar="NAME", help="Use only this typeface; can be repeated."),
]
OnlyTest = Annotated[bool, typer.Option("--only-test", help="Put all pages into the split test.")]
Jobs = Annotated[
    int | None,
    typer.Option(
        "--jobs", metavar="N", min=1, help="Number of worker processes; default: all cores."
    ),
]

DataFolder = Annotated[Path, typer.Option("--data", metavar="DIR", help="Data set of pages.")]
Model = Annotated[
    Path, typer.Option("--output", "-o", metavar="FILE", help="File for the trained finder.")
]
Steps = Annotated[int, typer.Option("--steps", metavar="N", min=1, help="Training steps.")]
BatchSize = Annotated[
    int, typer.Option("--batch-size", metavar="N", min=1, help="Crops of pages per step.")
]
Rate = Annotated[
    float, typer.Option("--learning-rate", metavar="NUMBER", help="Peak learning rate.")
]
Init = Annotated[
    Path | None,
    typer.Option("--init", metavar="FILE", help="Start from this finder, not from random weights."),
]
Minutes = Annotated[
    float,
    typer.Option("--max-minutes", metavar="NUMBER", min=0.0, help="Time limit of the training."),
]
Split = Annotated[
    Literal["train", "val", "test"],
    typer.Option("--split", metavar="train|val|test", help="Split to evaluate."),
]
FinderFile = Annotated[
    Path | None,
    typer.Option(
        "--finder", metavar="FILE", help="File of a finder; default: the one of this package."
    ),
]
Limit = Annotated[
    int | None,
    typer.Option("--limit", metavar="N", min=1, help="Evaluate only the first N pages."),
]


@command("pages build")
def build(
    session: Session,
    *,
    output: Output = PAGES,
    pages: Count = 2000,
    formulas: Formulas = "small",
    dpi: Dpi = 120,
    layout: Layouts = None,
    typeface: Typefaces = None,
    only_test: OnlyTest = False,
    jobs: Jobs = None,
    force: Force = False,
) -> Any:
    """Typeset pages whose formulas are known, with LaTeX."""
    from im2latex_cli.services import build_pages as service

    request = service.PagesRequest(
        output=output,
        pages=pages,
        formulas=formulas,
        dpi=dpi,
        layouts=tuple(layout or ()),
        typefaces=tuple(typeface or ()),
        only_test=only_test,
        jobs=jobs,
        force=force,
    )
    return service.run(session.settings, session.reporter, request)


@command("pages train")
def train(
    session: Session,
    *,
    data: DataFolder = PAGES,
    output: Model = FINDER,
    steps: Steps = 4000,
    batch_size: BatchSize = 4,
    learning_rate: Rate = 3e-3,
    max_minutes: Minutes = 60.0,
    init: Init = None,
    force: Force = False,
) -> Any:
    """Train the finder of formulas on a data set of pages."""
    from im2latex_cli.services import train_finder as service

    request = service.FinderRequest(
        data=data,
        output=output,
        steps=steps,
        batch=batch_size,
        learning_rate=learning_rate,
        max_minutes=max_minutes,
        init=init,
        force=force,
    )
    return service.run(session.settings, session.reporter, request)


@command("pages eval")
def evaluate(
    session: Session,
    *,
    data: DataFolder = PAGES,
    split: Split = "test",
    finder: FinderFile = None,
    limit: Limit = None,
) -> Any:
    """Score the finder on a data set of pages, beside the layout rules alone."""
    from im2latex_cli.services import eval_pages as service

    return service.run(session.reporter, data=data, split=split, model=finder, limit=limit)


app.command("build", cls=PlainFlagsCommand)(build)
app.command("train", cls=PlainFlagsCommand)(train)
app.command("eval", cls=PlainFlagsCommand)(evaluate)
