"""What a person should check about one reading, by name, with what to do about it."""

from __future__ import annotations

from enum import StrEnum
from typing import Self


class ReadingWarning(StrEnum):
    """A reason to look at a reading; its value is the name in JSON.

    Attributes:
        advice: what happened and what to do, as the end of a sentence.
    """

    advice: str

    def __new__(cls, name: str, advice: str) -> Self:
        """Make a member of a name and its advice."""
        warning = str.__new__(cls, name)
        warning._value_ = name
        warning.advice = advice
        return warning

    NOT_A_FORMULA = "not-a-formula", "the picture does not look like a formula"
    TEXT_AROUND = "text-around", "there are words around or beside the formula; crop it"
    SEVERAL_FORMULAS = "several-formulas", "there is more than one formula; crop each"
    OUT_OF_VOCABULARY = (
        "out-of-vocabulary",
        "something there is no printed formula: handwriting, another script",
    )
    NUMBER_CUT = "number-cut", "the equation number beside it was cut off"
    LOW_CONFIDENCE = "low-confidence", "more likely wrong than right; compare it with the picture"
    REPETITION_CUT = "repetition-cut", "repeated itself and was cut short"
    TRUNCATED = "truncated", "cut off at decode.max_tokens"
    DOES_NOT_RENDER = "does-not-render", "the LaTeX cannot be rendered"
