"""What the parts of a model share: they compare by value and become a dict and back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, fields
from typing import Any, ClassVar, TypeVar

import numpy as np

from noisync.base import validate
from noisync.errors import ArgumentError, ArgumentTypeError

P = TypeVar("P", bound="Part")


class Part:
    """A part of a model: a frozen dataclass that compares arrays by value and becomes a dict.

    A direct subclass is a room of parts, one of which may stand in its place in a model; a subclass
    of that with a `kind`, the name that a dict or TOML gives it, is one of them.
    """

    kind: ClassVar[str]
    kinds: ClassVar[dict[str, type[Any]]]

    #: The rooms of parameters that are parts themselves.
    inner: ClassVar[Mapping[str, type[Part]]] = {}

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        if Part in cls.__bases__:
            cls.kinds = {}
        if "kind" in vars(cls):
            cls.kinds[cls.kind] = cls

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
            if isinstance(value, Part):
                value = value.to_dict()
            if value is not None:
                result[field.name] = value
        return result

    @classmethod
    def from_table(cls: type[P], where: str, table: object) -> P:
        """Return the part of this room that :meth:`to_dict` described; `where` names the table."""
        if not isinstance(table, Mapping):
            raise ArgumentTypeError(f"{where} must be a table, got {table!r}")
        if "type" not in table:
            raise ArgumentError(
                f"{where}: the key 'type' is missing ({', '.join(sorted(cls.kinds))})"
            )
        part: type[P] = cls.kinds[validate.choice(f"{where}.type", table["type"], cls.kinds)]
        parameters = fields(part)  # type: ignore[arg-type]
        names = [field.name for field in parameters]
        validate.keys(where, table, ["type", *names])
        for field in parameters:
            if field.default is MISSING and field.name not in table:
                raise ArgumentError(f"{where}: the key {field.name!r} is missing")
        given = {name: table[name] for name in names if name in table}
        for name, room in part.inner.items():
            if name in given:
                given[name] = room.from_table(f"{where}.{name}", given[name])
        return part(**given)

    @classmethod
    def from_tables(cls: type[P], where: str, tables: object) -> P | tuple[P, ...]:
        """Return the part, or the parts of a list, that :meth:`to_dict` described."""
        if not isinstance(tables, list | tuple):
            return cls.from_table(where, tables)
        return tuple(cls.from_table(f"{where}[{i}]", table) for i, table in enumerate(tables))

    @classmethod
    def check_parts(cls: type[P], name: str, value: object) -> P | tuple[P, ...] | None:
        """Return `value`: a part of this room, several that add as a tuple, or None.

        Anything else is refused.
        """
        if not isinstance(value, list | tuple):
            cls.check(name, value, optional=True)
            return value  # type: ignore[return-value]
        if not value:
            raise ArgumentError(f"{name} must hold at least one part, got an empty list")
        for i, part in enumerate(value):
            cls.check(f"{name}[{i}]", part)
        return tuple(value)

    @classmethod
    def check(cls, name: str, value: object, *, optional: bool = False) -> None:
        """Refuse what is no part of this room, nor None if `optional`."""
        if isinstance(value, cls) or (optional and value is None):
            return
        names = [part.__name__ for part in cls.kinds.values()] + ["None"] * optional
        allowed = " or ".join([", ".join(names[:-1]), names[-1]])
        raise ArgumentTypeError(f"{name} must be {allowed}, got {validate.shown(value)}")
