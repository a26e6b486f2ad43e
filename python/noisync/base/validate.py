"""Checks of arguments: each error names the argument, the rule and the value."""

from __future__ import annotations

import difflib
import math
import operator
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from noisync.errors import ArgumentError, ArgumentTypeError

#: How far the norm of a token may be from 1 and still count as rounding (float32 included).
NORM_TOLERANCE = 1e-6

FloatArray = npt.NDArray[np.float64]
AnyFloatArray = npt.NDArray[Any]


def integer(name: str, value: object, *, minimum: int, maximum: int | None = None) -> int:
    """Return `value` as an int that is at least `minimum` and at most `maximum`."""
    rule = {0: "a non-negative integer", 1: "a positive integer"}.get(
        minimum, f"an integer of at least {minimum}"
    )
    if isinstance(value, (bool, np.bool_)):
        raise ArgumentTypeError(f"{name} must be {rule}, got {value!r}")
    try:
        number = operator.index(value)  # type: ignore[arg-type]
    except TypeError:
        raise ArgumentTypeError(f"{name} must be {rule}, got {value!r}") from None
    if number < minimum:
        raise ArgumentError(f"{name} must be {rule}, got {number}")
    if maximum is not None and number > maximum:
        raise ArgumentError(f"{name} must be at most {maximum}, got {number}")
    return number


def real(name: str, value: object, *, rule: str = "a finite number") -> float:
    """Return `value` as a finite float; `rule` words the requirement."""
    if isinstance(value, (bool, np.bool_, str, bytes)) or np.iscomplexobj(value):  # type: ignore[arg-type]
        raise ArgumentTypeError(f"{name} must be {rule}, got {shown(value)}")
    try:
        number = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        raise ArgumentTypeError(f"{name} must be {rule}, got {shown(value)}") from None
    if not math.isfinite(number):
        raise ArgumentError(f"{name} must be {rule}, got {number}")
    return number


def positive(name: str, value: object) -> float:
    """Return `value` as a finite float above zero."""
    number = real(name, value, rule="a positive number")
    if number <= 0:
        raise ArgumentError(f"{name} must be a positive number, got {number:g}")
    return number


def non_negative(name: str, value: object) -> float:
    """Return `value` as a finite float that is zero or more."""
    number = real(name, value, rule="a non-negative number")
    if number < 0:
        raise ArgumentError(f"{name} must be a non-negative number, got {number:g}")
    return number


def energy_beta(beta: object, *, scaled: bool = False) -> float:
    """Return the inverse temperature of an energy: positive, and e^β must not overflow."""
    value = positive("beta", beta)
    if value > 700 and not scaled:
        raise ArgumentError(
            f"beta must be at most 700, where e^beta overflows, got {value:g}; "
            "scaled=True gives e^(-beta) times the energy for any beta"
        )
    return value


def path(name: str, value: object) -> Path:
    """Return `value` as a Path."""
    if not isinstance(value, (str, os.PathLike)):
        raise ArgumentTypeError(f"{name} must be the name of a file, got {shown(value)}")
    if "\0" in os.fsdecode(value):
        raise ArgumentError(f"{name} must be the name of a file, got {shown(value)}")
    return Path(os.fsdecode(value))


def shown(value: object) -> str:
    """Write a value for a message: an array by its shape, not its contents."""
    if isinstance(value, np.ndarray):
        return f"an array of shape {value.shape}"
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


def choice(name: str, value: object, choices: Iterable[str]) -> str:
    """Return `value` if it is one of `choices`; else suggest the nearest."""
    known = sorted(choices)
    if not isinstance(value, str):
        raise ArgumentTypeError(f"{name} must be one of {', '.join(known)}, got {value!r}")
    if value not in known:
        raise ArgumentError(
            f"{name} must be one of {', '.join(known)}, got {value!r}{nearest(value, known)}"
        )
    return value


def nearest(value: str, known: Sequence[str]) -> str:
    """Return ' (did you mean ...?)' for the known word closest to `value`, or nothing."""
    other_name = {"swish": "silu", "logistic": "sigmoid"}.get(value.lower())
    if other_name in known:
        return f" (did you mean {other_name!r}?)"
    found = difflib.get_close_matches(value.lower(), known, n=1, cutoff=0.5)
    return f" (did you mean {found[0]!r}?)" if found else ""


def keys(where: str, table: Mapping[str, Any], known: Iterable[str]) -> None:
    """Refuse keys of `table` that are not `known`."""
    allowed = sorted(known)
    for key in table:
        if key not in allowed:
            raise ArgumentError(
                f"{where}: unknown key {key!r}{nearest(key, allowed)}; "
                f"known keys: {', '.join(allowed)}"
            )


def finite_array(name: str, value: npt.ArrayLike) -> AnyFloatArray:
    """Return `value` as a float32 or float64 array without NaN, infinity or masked entries."""
    masked = int(np.sum(np.ma.getmaskarray(value))) if isinstance(value, np.ma.MaskedArray) else 0
    if masked:
        raise ArgumentError(f"{name} must have no masked entries, got {masked}")
    try:
        array = np.asarray(value)
        if array.dtype != np.float32:
            array = array.astype(
                np.float64, casting="same_kind" if array.dtype.kind in "fiu" else "safe"
            )
    except (TypeError, ValueError):
        kind = getattr(value, "dtype", type(value).__name__)
        raise ArgumentTypeError(f"{name} must be an array of real numbers, got {kind}") from None
    if not np.all(np.isfinite(array)):
        where = tuple(int(i) for i in np.argwhere(~np.isfinite(array))[0])
        place = f" at index {where[0] if len(where) == 1 else where}" if where else ""
        raise ArgumentError(f"{name} must be finite, got {array[where]}{place}")
    return array


def matrix(name: str, value: npt.ArrayLike) -> FloatArray:
    """Return `value` as a read-only, finite, float64 matrix."""
    array = np.array(finite_array(name, value), dtype=np.float64)
    if array.ndim != 2 or 0 in array.shape:
        raise ArgumentError(f"{name} must be a matrix, got shape {array.shape}")
    array.setflags(write=False)
    return array


def rows(name: str, value: npt.ArrayLike, dim: int | None = None) -> AnyFloatArray:
    """Return `value` as a finite (n, dim) array with n >= 1 and dim >= 2."""
    array = finite_array(name, value)
    if array.ndim != 2:
        raise ArgumentError(f"{name} must have shape (n, dim), got shape {array.shape}")
    if array.shape[0] == 0:
        raise ArgumentError(f"{name} must hold at least one token, got shape {array.shape}")
    if array.shape[1] < 2:
        raise ArgumentError(f"{name} must have dim of at least 2, got shape {array.shape}")
    if dim is not None and array.shape[1] != dim:
        raise ArgumentError(f"{name} must have dim {dim} like the model, got shape {array.shape}")
    return array


def tokens(name: str, value: npt.ArrayLike, dim: int | None = None) -> AnyFloatArray:
    """Return `value` as an (n, dim) array of unit rows."""
    array = rows(name, value, dim)
    norms = np.linalg.norm(array.astype(np.float64, copy=False), axis=1)
    off = np.flatnonzero(np.abs(norms - 1) > NORM_TOLERANCE)
    if off.size:
        more = f" ({off.size} rows are off)" if off.size > 1 else ""
        raise ArgumentError(
            f"{name}: row {off[0]} has norm {norms[off[0]]:.6g}, expected 1 "
            f"(see ns.sphere.normalize){more}"
        )
    return array


def weights(value: npt.ArrayLike | None, count: int, name: str = "weights") -> FloatArray:
    """Return token weights: uniform for None, else non-negative with sum 1."""
    if value is None:
        return np.full(count, 1.0 / count)
    array = np.array(finite_array(name, value), dtype=np.float64)
    if array.shape != (count,):
        raise ArgumentError(f"{name} must have shape ({count},), got shape {array.shape}")
    if np.any(array < 0):
        where = int(np.flatnonzero(array < 0)[0])
        raise ArgumentError(f"{name} must be non-negative, got {array[where]:g} at index {where}")
    if abs(array.sum() - 1) > 1e-9 * max(1, count**0.5):
        raise ArgumentError(f"{name} must sum to 1, got {array.sum():.12g}")
    return array
