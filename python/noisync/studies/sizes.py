"""The sizes over which a study goes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from noisync.base import validate
from noisync.errors import ArgumentError


def increasing(name: str, values: Sequence[int], minimum: int = 1) -> tuple[int, ...]:
    """Return two or more increasing sizes, the argument called `name`."""
    listed = np.atleast_1d(np.asarray(values, object))
    chosen = tuple(validate.integer(name, value, minimum=minimum) for value in listed)
    if len(chosen) < 2 or list(chosen) != sorted(set(chosen)):
        raise ArgumentError(f"{name} must be two or more increasing integers, got {chosen}")
    return chosen
