"""A model that reads pictures of formulas: `load()("formula.png").latex`."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from copy import copy
from pathlib import Path
from typing import Literal, Self, TypeVar, overload

from pydantic import ValidationError

from im2latex_cli.data.predictions import Hypothesis
from im2latex_cli.decoding.calibration import Calibration
from im2latex_cli.decoding.engine import Engine
from im2latex_cli.errors import Im2LatexError, InputError, UsageError
from im2latex_cli.latex.vocab import Vocab
from im2latex_cli.progress import Reporter
from im2latex_cli.recognition.decoder import Decoder, TokenAttention
from im2latex_cli.recognition.models import (
    PRETRAINED,
    Backend,
    ModelSource,
    default_model,
    find_model,
    load_model,
)
from im2latex_cli.recognition.reader import (
    Grey,
    InputPicture,
    OpenedPicture,
    Picture,
    Reader,
    Reading,
    name_of,
    to_grey,
)
from im2latex_cli.settings.sections import DecodeSettings, Settings
from im2latex_cli.vision.ink import Ink
from im2latex_cli.vision.layout import split_number
from im2latex_cli.vision.prepare import Preprocessing, prepare

OnError = Literal["raise", "return"]
_Picture = TypeVar("_Picture", bound=Picture)
_logger = logging.getLogger(__name__)


class Recognizer:
    """Reads pictures of formulas. `load` makes one.

    Attributes:
        name: the model, as it was named.
        decode: how hypotheses are searched.
        reason: why this backend computes it.
    """

    def __init__(
        self,
        engine: Engine,
        vocab: Vocab,
        preprocessing: Preprocessing,
        *,
        name: str = "model",
        source: ModelSource | None = None,
        decode: DecodeSettings | None = None,
        calibration: Calibration | None = None,
        reason: str = "given",
    ) -> None:
        self.name = name
        self.decode = decode or DecodeSettings()
        self.reason = reason
        self._preprocessing = preprocessing
        self._calibration = calibration
        self._file = source
        self._decoder = self._decoder_of(engine, vocab)

    def _decoder_of(self, engine: Engine, vocab: Vocab) -> Decoder:
        return Decoder(engine, vocab, grammar=self.decode.grammar, calibration=self._calibration)

    @classmethod
    def load(
        cls,
        model: str | Path = PRETRAINED,
        *,
        device: str = "auto",
        beam: int | None = None,
        backend: Backend = "auto",
        decode: DecodeSettings | None = None,
        threads: int | None = None,
        reporter: Reporter | None = None,
    ) -> Self:
        """Load a model.

        Args:
            model: `"pretrained"`, a results folder, a model file, an exported folder,
                `"hf://owner/name"` or an https address; with `#sha256=...` it must have that
                checksum.
            device: `"auto"`, `"cpu"`, `"cuda"` or `"mps"`.
            beam: hypotheses kept at each step; 1 is greedy and fastest. None leaves it to
                `decode`.
            backend: `"torch"`, `"onnx"` (onnxruntime, on the CPU), or `"auto"`: onnx if it reads
                the same and is installed, else torch.
            decode: how hypotheses are searched; None takes the defaults.
            threads: CPU threads; None leaves them to the library. With torch they are those of
                the whole process.
            reporter: told about a download; None is nobody.

        Returns:
            The model, ready to read.

        Raises:
            CheckpointError: the model cannot be used, or none is bundled.
            DownloadError: the model cannot be downloaded, or is another one.
            InputError: there is no such model.
            UsageError: the device or the backend is not available, the backend has no graph of
                this model, or a setting is out of bounds.
        """
        file = find_model(model, reporter)
        loaded = load_model(file, device=device, threads=threads, backend=backend)
        recognizer = cls(
            loaded.engine,
            loaded.header.vocab,
            loaded.header.preprocessing,
            name=str(model),
            source=ModelSource(file),
            decode=_with_changes(decode or DecodeSettings(), beam=beam),
            calibration=loaded.header.calibration,
            reason=loaded.reason,
        )
        _logger.info("model: %s", recognizer.name)
        _logger.debug("backend: %s (%s)", recognizer.backend, recognizer.reason)
        return recognizer

    @classmethod
    def from_settings(
        cls,
        settings: Settings,
        model: str | None = None,
        *,
        backend: Backend | None = None,
        reporter: Reporter | None = None,
    ) -> Self:
        """Load a model as the settings say.

        Args:
            settings: device, threads, backend and search.
            model: as for `load`; None takes `default_model()`.
            backend: takes the place of the settings' backend.
            reporter: told about a download.

        Raises:
            CheckpointError, DownloadError, InputError, UsageError: as for `load`.
        """
        runtime = settings.runtime
        return cls.load(
            model or default_model(),
            device=runtime.device,
            backend=backend or runtime.backend,
            decode=settings.decode,
            threads=runtime.threads,
            reporter=reporter,
        )

    @property
    def backend(self) -> str:
        """What computes the network: `"torch"` or `"onnx"`."""
        return self._decoder.engine.name

    @property
    def device(self) -> str:
        """Where the network is computed: `"cpu"`, `"cuda"` or `"mps"`."""
        device = self._decoder.engine.device
        return "cpu" if device is None else str(device)

    @property
    def vocab(self) -> Vocab:
        """The tokens that it writes."""
        return self._decoder.vocab

    def __repr__(self) -> str:
        return (
            f"Recognizer({self.name!r}, device={self.device!r}, backend={self.backend!r}, "
            f"beam={self.decode.beam}, tokens={len(self.vocab)})"
        )

    def to(self, device: str) -> Self:
        """Move the network to another device, and return this recogniser.

        The model is loaded again, by torch unless the device is the CPU.

        Args:
            device: as for `load`.

        Raises:
            UsageError: the device is not available, exported graphs run on the CPU only, or the
                model was not loaded from a file.
            CheckpointError: the model file is gone, or was changed since it was loaded.
        """
        if device != self.device:
            loaded = load_model(self._source().check(), device=device, threads=None, backend="auto")
            self._decoder = self._decoder_of(loaded.engine, self.vocab)
            self.reason = loaded.reason
        return self

    def save(self, path: str | Path) -> Path:
        """Copy the model: a model file to a file, exported graphs into a folder.

        Args:
            path: where to; `load` reads it.

        Returns:
            The path.

        Raises:
            UsageError: the model was not loaded from a file.
            CheckpointError: the model file is gone, or was changed since it was loaded.
        """
        return self._source().copy(Path(path))

    def _source(self) -> ModelSource:
        if self._file is None:
            raise UsageError("This recogniser was not loaded from a file.", hint="Use load().")
        return self._file

    @overload
    def __call__(
        self,
        pictures: Picture,
        *,
        beam: int | None = None,
        nbest: None = None,
        errors: Literal["raise"] = "raise",
    ) -> Hypothesis: ...
    @overload
    def __call__(
        self,
        pictures: list[_Picture] | tuple[_Picture, ...],
        *,
        beam: int | None = None,
        nbest: None = None,
        errors: Literal["raise"] = "raise",
    ) -> list[Hypothesis]: ...
    @overload
    def __call__(
        self,
        pictures: Picture,
        *,
        beam: int | None = None,
        nbest: int,
        errors: Literal["raise"] = "raise",
    ) -> list[Hypothesis]: ...
    @overload
    def __call__(
        self,
        pictures: list[_Picture] | tuple[_Picture, ...],
        *,
        beam: int | None = None,
        nbest: int,
        errors: Literal["raise"] = "raise",
    ) -> list[list[Hypothesis]]: ...
    @overload
    def __call__(
        self,
        pictures: Picture,
        *,
        beam: int | None = None,
        nbest: None = None,
        errors: Literal["return"],
    ) -> Hypothesis | Im2LatexError: ...
    @overload
    def __call__(
        self,
        pictures: list[_Picture] | tuple[_Picture, ...],
        *,
        beam: int | None = None,
        nbest: None = None,
        errors: Literal["return"],
    ) -> list[Hypothesis | Im2LatexError]: ...
    @overload
    def __call__(
        self, pictures: Picture, *, beam: int | None = None, nbest: int, errors: Literal["return"]
    ) -> list[Hypothesis] | Im2LatexError: ...
    @overload
    def __call__(
        self,
        pictures: list[_Picture] | tuple[_Picture, ...],
        *,
        beam: int | None = None,
        nbest: int,
        errors: Literal["return"],
    ) -> list[list[Hypothesis] | Im2LatexError]: ...
    def __call__(
        self,
        pictures: Picture | list[_Picture] | tuple[_Picture, ...],
        *,
        beam: int | None = None,
        nbest: int | None = None,
        errors: OnError = "raise",
    ) -> object:
        """Read one picture, or several together, which is faster.

        An equation number beside a formula is cut off, and so is a reading that repeats itself.
        What a person should check is logged as a warning of the logger `im2latex_cli`.

        Args:
            pictures: a picture, or a list or tuple of them: a path, the bytes of a file, a binary
                stream, a Pillow image, or an array, (H, W) grey, (H, W, 3) RGB or (H, W, 4) RGBA.
            beam: hypotheses kept at each step; None takes `decode.beam`.
            nbest: give up to so many hypotheses, best first; None gives the best alone.
            errors: `"raise"` raises the first picture's error; `"return"` gives the error in the
                place of that picture's reading.

        Returns:
            For one picture a `Hypothesis`, with `nbest` a list of them; for several a list of
            that.

        Raises:
            InputError: a picture cannot be read.
            UsageError: `beam` or `nbest` is out of bounds.
        """
        if errors not in {"raise", "return"}:
            raise UsageError(f"errors={errors!r} is unknown.", hint="Use 'raise' or 'return'.")
        several = isinstance(pictures, list | tuple)
        batch: Sequence[Picture] = pictures if several else [pictures]  # type: ignore[list-item, assignment]
        names = [name_of(picture, number) for number, picture in enumerate(batch, start=1)]
        reader = copy(self)
        reader.decode = _with_changes(self.decode, beam=beam, nbest=nbest)
        readings = Reader(reader).read_together(map(InputPicture, batch, names))
        results = list(_results(names, readings, errors, best_only=nbest is None))
        return results if several else results[0]

    def read(self, pictures: Sequence[Grey]) -> list[list[Hypothesis]]:
        """Read pictures that went through `open` or `prepare`.

        Returns:
            For each picture up to `decode.nbest` hypotheses, best first.

        Raises:
            InputError: a picture does not fit into memory.
        """
        return self._decoder.read(pictures, self.decode)

    def log_likelihoods(
        self, pictures: Sequence[Grey], formulas: Sequence[Sequence[str]]
    ) -> list[float]:
        """Natural log-probability of each formula's tokens and its end, given its picture.

        Args:
            pictures: from `open` or `prepare`; they are read at their own size only.
            formulas: tokens; those outside the vocabulary count as the unknown token.
        """
        return self._decoder.log_likelihoods(
            pictures, formulas, batch_pixels=self.decode.batch_pixels
        )

    def attention(self, picture: Grey, hypothesis: Hypothesis) -> TokenAttention:
        """Where the network looks while it writes the tokens of `hypothesis`.

        Args:
            picture: from `open` or `prepare`.
            hypothesis: of that picture.
        """
        return self._decoder.attention(picture, hypothesis)

    def open(self, picture: Picture, *, name: str | None = None) -> OpenedPicture:
        """As `prepare`, and cut off an equation number beside the formula."""
        ink = Ink(self.prepare(picture, name=name))
        parts = split_number(ink)
        if parts is None:
            return OpenedPicture(ink, number_cut=False)
        formula, number = parts
        return OpenedPicture(formula, number_cut=True, number=number)

    def prepare(self, picture: Picture, *, name: str | None = None) -> Grey:
        """Bring a picture into the form that the network was trained on, (H, W) uint8.

        Args:
            picture: the picture.
            name: how error messages call it.

        Raises:
            InputError: it cannot be read, or holds nothing.
        """
        name = name or name_of(picture, 1)
        grey = to_grey(picture, name=name)
        try:
            return prepare(grey, self._preprocessing)
        except InputError as error:
            raise InputError(f"{name}: {error.args[0]}", hint=error.hint) from error


def _results(
    names: Sequence[str], readings: Sequence[Reading], errors: OnError, *, best_only: bool
) -> Iterator[Hypothesis | list[Hypothesis] | Im2LatexError]:
    """What `Recognizer.__call__` gives for each reading; its warnings are logged."""
    for name, reading in zip(names, readings, strict=True):
        for warning in reading.warnings:
            _logger.warning("%s: %s: %s.", name, warning, warning.advice)
        if reading.error is None:
            yield reading.hypotheses[0] if best_only else list(reading.hypotheses)
        elif errors == "raise":
            raise reading.error
        else:
            _logger.warning("%s", reading.error)
            yield reading.error


def _with_changes(decode: DecodeSettings, **changes: int | None) -> DecodeSettings:
    """The settings with those changes that are not None, validated.

    Raises:
        UsageError: a value is out of bounds.
    """
    given = {name: value for name, value in changes.items() if value is not None}
    if not given:
        return decode
    try:
        return DecodeSettings.model_validate({**decode.model_dump(), **given})
    except ValidationError as error:
        problem = error.errors()[0]
        raise UsageError(f"{problem['loc'][0]}: {problem['msg']}.") from None


load = Recognizer.load
