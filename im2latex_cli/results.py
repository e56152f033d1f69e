"""What a service can say about the fields of its result beside their names and types.

JSON output has every field. For people, a field marked with `DETAIL`
(`groups: tuple[Group, ...] = field(metadata=DETAIL)`) is shown with --verbose only.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any

DETAIL: Mapping[str, bool] = {"detail": True}


def is_detail(result: Any, name: str) -> bool:
    """Whether the field of that name is a detail; mappings have none."""
    if not is_dataclass(result):
        return False
    return any(item.name == name and item.metadata.get("detail", False) for item in fields(result))
