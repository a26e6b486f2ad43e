"""What the parts of a model share: they compare by value and become a dict and back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, fields
from typing import Any, ClassVar

import numpy as np

from noisync import _validate
from noisync.errors import ArgumentError, ArgumentTypeError


class Part:
    """A part of a model: a frozen dataclass that compares arrays by value and becomes a dict."""

    kind: ClassVar[str]

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and self.to_dict() == other.to_dict()

    def __hash__(self) -> int:
        return hash(repr(sorted(self.to_dict().items())))

    def to_dict(self) -> dict[str, Any]:
        """Return plain numbers, strings and nested lists; parameters that are None are left out."""
        result: dict[str, Any] = {"type": self.kind}
        for field in fields(self):  # type: ignore[arg-type]
            value = getattr(self, field.name)
            if isinstance(value, np.ndarray):
                value = value.tolist()
            if value is not None:
                result[field.name] = value
        return result


def from_table(where: str, table: object, kinds: Mapping[str, Any]) -> Any:
    """Return the part that :meth:`Part.to_dict` described, or None; `where` names the table."""
    if table is None:
        return None
    if not isinstance(table, Mapping):
        raise ArgumentTypeError(f"{where} must be a table, got {table!r}")
    if "type" not in table:
        raise ArgumentError(f"{where}: the key 'type' is missing ({', '.join(sorted(kinds))})")
    part = kinds[_validate.choice(f"{where}.type", table["type"], kinds)]
    parameters = [field.name for field in fields(part)]
    _validate.keys(where, table, ["type", *parameters])
    required = [f.name for f in fields(part) if f.default is MISSING]
    for name in required:
        if name not in table:
            raise ArgumentError(f"{where}: the key {name!r} is missing")
    return part(**{name: table[name] for name in parameters if name in table})
