r"""LaTeX as presentation MathML, through latex2mathml where it is installed."""

from __future__ import annotations

from xml.etree import ElementTree as ET

_ENVIRONMENTS = {"aligned": "align*", "alignedat": "alignat*", "gathered": "gather*"}
"""Environments that latex2mathml knows under the names of their outer kin only."""


def mathml(latex: str) -> str | None:
    r"""Write a formula as one `<math>` element on one line.

    Args:
        latex: as `tokenizer.join` gives it.

    Returns:
        The element; None where latex2mathml fails or gives no well-formed XML (about one real
        formula in three thousand).

    Raises:
        ImportError: latex2mathml is not installed.
    """
    from latex2mathml.converter import convert

    for inner, outer in _ENVIRONMENTS.items():
        for edge in ("begin", "end"):
            latex = latex.replace(f"\\{edge}{{{inner}}}", f"\\{edge}{{{outer}}}")
    try:
        element = " ".join(convert(latex, display="block").split())
        ET.fromstring(element)  # noqa: S314 (our own converter's output, no entities)
    except Exception:  # noqa: BLE001  # that parser raises whatever it stumbles over
        return None
    return element
