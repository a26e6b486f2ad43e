"""The sizes over which a study goes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from noisync.base import validate
from noisync.errors import ArgumentError


def increasing(
    name: str, values: Sequence[int], minimum: int = 1, *, least: int = 2
) -> tuple[int, ...]:
    """Return increasing sizes, at least so many (1 or 2), the argument called `name`."""
    listed = np.atleast_1d(np.asarray(values, object))
    chosen = tuple(validate.integer(name, value, minimum=minimum) for value in listed)
    if len(chosen) < least or list(chosen) != sorted(set(chosen)):
        words = "two or more" if least == 2 else "one or more"
        raise ArgumentError(f"{name} must be {words} increasing integers, got {chosen}")
    return chosen
