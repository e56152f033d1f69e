"""What the settings tree says about itself: help texts, TOML files, the reference page."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from im2latex_cli.settings.sections import Section
from im2latex_cli.settings.tree import Settings

_WORDS = {int: "integer", float: "number", str: "text", bool: "true or false"}
_BOUNDS = {"gt": "above", "ge": "at least", "lt": "below", "le": "at most"}

_PRECEDENCE = """A value comes from the first of: the command line (a flag, or
`--set section.name=value`), an environment variable, `im2latex.toml` in the current folder (or
`--config FILE`), the user's own `settings.toml` (`im2latex doctor` says where), the preset that
training uses, the default. `--show-settings` prints every value with its origin.
"""


@dataclass(frozen=True, slots=True)
class Leaf:
    """One setting.

    Attributes:
        name: dotted name, as "train.epochs".
        default: value when nobody gives one.
        help: one sentence.
        type: int, float, bool, str, a Literal or a tuple; never None, never constrained.
        kind: the type in words, with its bounds.
    """

    name: str
    default: Any
    help: str
    type: Any
    kind: str

    @property
    def section(self) -> str:
        """The part before the dot."""
        return self.name.partition(".")[0]

    @property
    def field(self) -> str:
        """The part after the dot."""
        return self.name.partition(".")[2]

    @property
    def variable(self) -> str:
        """The environment variable that sets it."""
        return f"IM2LATEX_{self.section}__{self.field}".upper()


@cache
def leaves() -> Mapping[str, Leaf]:
    """Return every setting by its dotted name, in the order of the tree."""
    found = {}
    for section, model in sections().items():
        for field, info in model.model_fields.items():
            annotation = Annotated[info.annotation, *info.metadata] if info.metadata else None
            plain, bounds = _plain(annotation or info.annotation)
            found[f"{section}.{field}"] = Leaf(
                name=f"{section}.{field}",
                default=info.get_default(call_default_factory=True, validated_data={}),
                help=" ".join((info.description or "").split()),
                type=plain,
                kind=", ".join([_kind(plain), *bounds]),
            )
    return found


@cache
def sections() -> Mapping[str, type[Section]]:
    """Return the sections by name, in the order of the tree."""
    return {name: info.annotation for name, info in Settings.model_fields.items()}  # type: ignore[misc]


def values(settings: Settings) -> dict[str, Any]:
    """Return every leaf's value by its dotted name."""
    return {
        name: getattr(getattr(settings, leaf.section), leaf.field)
        for name, leaf in leaves().items()
    }


def to_toml(settings: Settings, origins: Mapping[str, str] | None = None) -> str:
    """Write every leaf as TOML that resolves to the same settings.

    Args:
        settings: the tree.
        origins: dotted name -> where its value came from, written as a comment.
    """
    held = values(settings)
    blocks = []
    for section in sections():
        lines = [f"[{section}]"]
        for name, leaf in leaves().items():
            if leaf.section == section:
                note = f"  # {origins[name]}" if origins else ""
                lines.append(_assignment(leaf.field, held[name]) + note)
        blocks.append("\n".join(lines) + "\n")
    return "\n".join(blocks)


def template() -> str:
    """Write an im2latex.toml in which every setting stands commented out with its default."""
    blocks = [
        "# Settings of im2latex for this folder. Each line shows a default; uncomment to change.\n"
    ]
    for section, model in sections().items():
        lines = [f"# {_first_line(model)}", f"[{section}]"]
        for leaf in leaves().values():
            if leaf.section == section:
                value = "" if leaf.default is None else f" {to_value(leaf.default)}"
                lines += [f"# {leaf.help} ({leaf.kind})", f"# {leaf.field} ={value}"]
        blocks.append("\n".join(lines) + "\n")
    return "\n".join(blocks)


def markdown() -> str:
    """Write the reference page of all settings."""
    blocks = [
        "# Settings\n",
        "Written from the code by `python -m im2latex_cli.cli.reference`; do not edit.\n",
        _PRECEDENCE,
    ]
    for section, model in sections().items():
        blocks.append(f"## {section}\n\n{_first_line(model)}\n")
        rows = ["| setting | default | type | environment |", "|---|---|---|---|"]
        rows += [
            f"| **{leaf.field}**<br>{_cell(leaf.help)} | {_shown(leaf.default)} "
            f"| {_cell(leaf.kind)} | `{leaf.variable}` |"
            for leaf in leaves().values()
            if leaf.section == section
        ]
        blocks.append("\n".join(rows) + "\n")
    return "\n".join(blocks)


def to_value(value: Any) -> str:
    """Write one value as TOML; None, which TOML lacks, as `unset`."""
    match value:
        case None:
            return "unset"
        case bool():
            return str(value).lower()
        case str():
            return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
        case tuple() | list():
            return f"[{', '.join(to_value(item) for item in value)}]"
        case _:
            return str(value)


def _assignment(field: str, value: Any) -> str:
    return f"# {field} is unset" if value is None else f"{field} = {to_value(value)}"


def _first_line(model: type[Section]) -> str:
    """Return the section's own line without the part for developers: who uses it."""
    line = (model.__doc__ or "").strip().splitlines()[0]
    return line.partition(";")[0].rstrip(".") + "."


def _shown(value: Any) -> str:
    return "" if value is None else f"`{to_value(value)}`"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\\,", "`\\,`").replace("\\quad", "`\\quad`")


def _plain(annotation: Any) -> tuple[Any, list[str]]:
    """Strip None and constraints off an annotation; return the constraints in words."""
    origin = get_origin(annotation)
    if origin is Annotated:
        inner, *constraints = get_args(annotation)
        plain, bounds = _plain(inner)
        return plain, bounds + [text for item in constraints for text in _bounds(item)]
    if origin in (Union, UnionType):
        (inner,) = (item for item in get_args(annotation) if item is not NoneType)
        return _plain(inner)
    return annotation, []


def _bounds(constraint: Any) -> list[str]:
    found = [constraint, *getattr(constraint, "metadata", [])]
    return [
        f"{word} {getattr(item, sign)}"
        for item in found
        for sign, word in _BOUNDS.items()
        if getattr(item, sign, None) is not None
    ]


def _kind(plain: Any) -> str:
    if get_origin(plain) is Literal:
        return " | ".join(str(choice) for choice in get_args(plain))
    if get_origin(plain) is tuple:
        return f"list of {_kind(_plain(get_args(plain)[0])[0])}s"
    return _WORDS[plain]
