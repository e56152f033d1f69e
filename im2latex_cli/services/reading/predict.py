"""im2latex predict: read pictures, each as soon as it is there, whatever happens to the others.

Beside the rows it draws files: the attention of the network, and the formula under its picture.
"""

from __future__ import annotations

import re
from collections import Counter, deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from im2latex_cli import files
from im2latex_cli.data.predictions import Hypothesis
from im2latex_cli.errors import Im2LatexError, InputError, UsageError
from im2latex_cli.progress import Reporter, SilentReporter
from im2latex_cli.reading_warning import ReadingWarning
from im2latex_cli.recognition.decoder import TokenAttention
from im2latex_cli.recognition.reader import Grey, InputPicture, Reader, Reading
from im2latex_cli.recognition.recognizer import Recognizer
from im2latex_cli.services.reading.find import FindRequest, FormulaSearch
from im2latex_cli.services.reading.inputs import Entry, Origin, Source, as_entry
from im2latex_cli.settings.sections import Settings
from im2latex_cli.vision.finish import finish

if TYPE_CHECKING:
    from im2latex_cli.render.renderer import Renderer

STEM = "{stem}"
KINDS = {"attention": (".png", ".gif", ".html"), "render": (".png",)}

_Image = TypeVar("_Image")


class Drawings:
    """Where drawings go, and how formulas are rendered for them.

    Args:
        settings: the settings tree.
        attention: .png, .gif or .html to draw where the network looked, or None.
        render: PNG to draw the formula under its picture, or None.

    Raises:
        UsageError: a file is of another kind.
        RendererError: the renderer that the settings name is not here.
    """

    def __init__(self, settings: Settings, *, attention: Path | None, render: Path | None) -> None:
        self._settings = settings
        self._files = {"attention": attention, "render": render}
        self._seen: Counter[str] = Counter()
        for name, file in self._files.items():
            kinds = KINDS[name]
            if file is not None and file.suffix.lower() not in kinds:
                named = " or ".join(kinds)
                raise UsageError(f"`{name}` writes {named} files, not {file.name}.")
        if render:
            _ = self._renderer

    def check(self, images: Iterable[_Image | None]) -> Iterable[_Image | None]:
        """Look whether several pictures would be drawn into one file; return the pictures.

        Raises:
            UsageError: they would.
        """
        single = [(name, f) for name, f in self._files.items() if f and STEM not in f.name]
        if not single:
            return images
        rest = iter(images)
        first = list(_first(rest, 2))
        if len(first) > 1:
            name, file = single[0]
            raise UsageError(
                f"`{name}`: several pictures would all be drawn into {file}.",
                hint=f"Put {STEM} into the name, as in {STEM}{file.suffix}.",
            )
        return chain(first, rest)

    def targets(self, stem: str) -> tuple[Path | None, Path | None]:
        """The files for the next picture, attention and render; equal names are numbered."""
        if not any(self._files.values()):
            return None, None
        self._seen[stem] += 1
        name = stem if self._seen[stem] == 1 else f"{stem}-{self._seen[stem]}"
        attention, render = (
            file and file.with_name(file.name.replace(STEM, name)) for file in self._files.values()
        )
        return attention, render

    def look(self, target: Path, attended: TokenAttention) -> None:
        """Draw where the network looked, as the file's ending says.

        Raises:
            OSError: the file cannot be written.
        """
        from im2latex_cli.report import attention as views

        drawn_by = (views.sheet, views.animation, views.attention_page)
        draw = dict(zip(KINDS["attention"], drawn_by, strict=True))[target.suffix.lower()]
        files.write_bytes(
            target, draw(attended.picture, attended.tokens, attended.weights, cell=attended.cell)
        )

    def compare(self, target: Path, picture: NDArray[np.uint8], latex: str) -> bool:
        """Draw the formula under its picture.

        Returns:
            Whether the formula could be rendered; if not, the sheet says why.

        Raises:
            OSError: the file cannot be written.
        """
        from im2latex_cli.render.renderer import RenderFailure
        from im2latex_cli.report.evaluation import reading_sheet

        render = self._settings.render
        (page,) = self._renderer.render([latex])
        if isinstance(page, RenderFailure):
            files.write_bytes(target, reading_sheet(picture, page.message))
            return False
        below, _ = finish(page.ink, look=render.look, padding=render.padding, buckets=False)
        files.write_bytes(target, reading_sheet(picture, below))
        return True

    @cached_property
    def _renderer(self) -> Renderer:
        from im2latex_cli.render.choose import choose  # brings the renderers

        return choose(self._settings.render.uniform)


def _first(images: Iterator[_Image | None], count: int) -> Iterator[_Image]:
    seen = 0
    for image in images:
        if image is not None:
            seen += 1
            yield image
        if seen == count:
            return


_FENCES = re.compile(r"\\(?:left|right)(?=[\[\]()])")
_UPRIGHT = re.compile(r"\\(?:mathrm|text|textrm|mathbf|operatorname)\{([\w.]*)\}")
_PLAIN = re.compile(r"[\w.*-]+")
Images = Iterable[Source | Entry | None]
"""Pictures; None means that more are waited for, so that what is there must be read now."""


@dataclass(frozen=True, slots=True)
class PredictRow:
    """What became of one picture.

    Attributes:
        path: as it was given; "-" for a stream.
        hypotheses: best first; empty if the picture failed.
        model: the model's name, as it was given.
        error: why the picture failed, or None.
        milliseconds: what it cost: its own opening and its part of the batch.
        warnings: what a person should check.
        place: where the formula was found on a page; None for a whole picture.
        number: its equation number without brackets, such as "3.2"; None if there is none, or it
            was not to be read.
    """

    path: str
    hypotheses: tuple[Hypothesis, ...]
    model: str
    error: Im2LatexError | None = None
    milliseconds: float = 0.0
    warnings: tuple[ReadingWarning, ...] = ()
    place: Origin | None = None
    number: str | None = None

    def where(self) -> dict[str, Any]:
        """Page, box, unit, kind and equation number as JSON has them; of a whole picture less."""
        number = None if self.number is None else f"({self.number})"
        place = self.place
        if place is None:
            return {} if number is None else {"number": number}
        return {
            "page": place.page,
            "box": [round(side, 1) for side in place.box],
            "unit": place.unit,
            "kind": str(place.kind),
            "number": number,
        }


def run(
    settings: Settings,
    reporter: Reporter,
    *,
    images: Images,
    model: str | None = None,
    attention: Path | None = None,
    render: Path | None = None,
    total: int | None = None,
    find: FindRequest | None = None,
) -> Iterator[PredictRow]:
    """Read pictures; one row for each, in their order, as they are done.

    Args:
        settings: the settings tree.
        reporter: where progress goes.
        images: files, streams of one picture each, or entries.
        model: pretrained, a results folder or a model file; None takes pretrained if it is
            bundled, else results/small.
        attention: .png, .gif or .html to draw where the network looked; several pictures need
            {stem} in it.
        render: PNG to draw the formula under its picture; several pictures need {stem} in it.
        total: how many images there are, where that is known.
        find: how formulas are looked for on pages; None reads every picture whole.

    Raises:
        UsageError: `attention`, `render` or the overlay does not fit, or the device is not here.
        CheckpointError: the model cannot be used.
        InputError: there is no such model.
    """
    drawings = Drawings(settings, attention=attention, render=render)
    find = find or FindRequest()
    if find.mode != "never":
        images = FormulaSearch(find)(images)
    images = drawings.check(images)
    recognizer = Recognizer.from_settings(settings, model, reporter=reporter)
    reporter.detail(f"backend: {recognizer.backend} ({recognizer.reason})")
    return read(recognizer, images, reporter, drawings=drawings, total=total, numbers=find.numbers)


def read(
    recognizer: Recognizer,
    images: Images,
    reporter: Reporter,
    *,
    drawings: Drawings | None = None,
    total: int | None = None,
    numbers: bool = False,
) -> Iterator[PredictRow]:
    """Read pictures with a loaded model; one row for each, in their order, as they are done."""
    quiet = SilentReporter()  # one picture needs no bar
    entries: deque[Entry] = deque()
    with (quiet if total == 1 else reporter).step("Read", total=total) as step:
        for reading in Reader(recognizer).read(_pictures(images, entries)):
            entry = entries.popleft()
            step.advance()
            row = PredictRow(
                entry.path,
                reading.hypotheses,
                recognizer.name,
                reading.error,
                reading.milliseconds,
                worth_saying(reading.warnings, on_page=entry.place is not None, numbers=numbers),
                entry.place,
                _number(recognizer, entry, reading) if numbers else None,
            )
            yield _draw_row(recognizer, entry, row, reading.picture, drawings)


def worth_saying(
    warnings: Iterable[ReadingWarning], *, on_page: bool, numbers: bool
) -> tuple[ReadingWarning, ...]:
    """The warnings of a reading without those that say nothing.

    Args:
        warnings: all of them.
        on_page: the formula was found on a page, so that what stands around it is cut off.
        numbers: equation numbers are read, not lost.
    """
    needless = {ReadingWarning.NUMBER_CUT} if numbers else set()
    if on_page:
        needless |= {ReadingWarning.TEXT_AROUND, ReadingWarning.SEVERAL_FORMULAS}
    return tuple(warning for warning in warnings if warning not in needless)


def _number(recognizer: Recognizer, entry: Entry, reading: Reading) -> str | None:
    return equation_number(recognizer, entry.place.numbers if entry.place else (), reading)


def equation_number(
    recognizer: Recognizer, numbers: Iterable[Grey], reading: Reading
) -> str | None:
    """Read the equation numbers of a formula, several separated by commas; without brackets.

    Args:
        recognizer: reads them.
        numbers: pictures (H, W) of those that were found on the page.
        reading: of the formula; a number may have been cut off.
    """
    pictures = list(numbers)
    if reading.number is not None:
        pictures.append(reading.number)
    if not pictures:
        return None
    readings = Reader(recognizer, check=False).read_together(
        InputPicture(picture, "equation number") for picture in pictures
    )
    texts = [as_tag(one.hypotheses[0].latex) for one in readings if one.hypotheses]
    return ", ".join(text for text in texts if text) or None


def as_tag(latex: str) -> str:
    r"""What `\tag` takes for an equation number that was read as a formula.

    >>> as_tag("(3.2)")
    '3.2'
    """
    text = _FENCES.sub("", "".join(latex.split()))
    for opening, closing in ("()", "[]"):
        if text.startswith(opening) and text.endswith(closing):
            text = text[1:-1]
    text = _UPRIGHT.sub(r"\1", text)
    return text if _PLAIN.fullmatch(text) or not text else f"${text}$"


def _pictures(images: Images, entries: deque[Entry]) -> Iterator[InputPicture | None]:
    """The pictures to read; `entries` gets each without its picture, which may be large."""
    for image in images:
        if image is None:
            yield None
            continue
        entry = as_entry(image)
        entries.append(replace(entry, picture=None))
        yield InputPicture(entry.content, entry.title)


def _draw_row(
    recognizer: Recognizer,
    entry: Entry,
    row: PredictRow,
    picture: Grey | None,
    drawings: Drawings | None,
) -> PredictRow:
    """Draw what was asked for; a file that cannot be written is the row's error."""
    if drawings is None or picture is None or not row.hypotheses:
        return row
    best = row.hypotheses[0]
    sheet, comparison = drawings.targets(entry.stem)
    try:
        if sheet:
            drawings.look(sheet, recognizer.attention(picture, best))
        if comparison and not drawings.compare(comparison, picture, best.latex):
            return replace(row, warnings=(*row.warnings, ReadingWarning.DOES_NOT_RENDER))
    except OSError as error:
        target = error.filename or sheet or comparison
        reason = error.strerror or error
        return replace(row, error=InputError(f"{target} cannot be written ({reason})."))
    return row
