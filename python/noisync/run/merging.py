"""Ensembles in parts, joined to what one call would have given."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import xarray as xr

from noisync.base import validate
from noisync.errors import ArgumentError, ArgumentTypeError

#: The format of an ensemble's Dataset.
FORMAT = "noisync-ensemble-1"


def merge(datasets: Iterable[xr.Dataset]) -> xr.Dataset:
    """Join parts of an ensemble, such as replicates 0 to 99 and 100 to 199, in any order.

    Parameters
    ----------
    datasets : iterable of xarray.Dataset
        What :func:`noisync.ensemble` returned for consecutive replicates.

    Returns
    -------
    xarray.Dataset
        Equal, bit for bit, to the ensemble of all replicates.

    Raises
    ------
    ArgumentError, ArgumentTypeError
        For no parts, results that are no ensembles, parts of other models or arguments, replicates
        that are in two parts or missing between them, parts that are not finished.

    Examples
    --------
    >>> import noisync as ns
    >>> model = ns.Model(dim=3, noise=ns.MLP("tanh", width=32))
    >>> options = {"replicates": 2, "horizon": 1.0, "layers": 10, "observe": [ns.Energy(1.0)]}
    >>> tokens = ns.sphere.Uniform(8, 3)
    >>> parts = [ns.ensemble(model, tokens, first_replicate=k, **options) for k in (0, 2)]
    >>> ns.merge(parts).sizes["replicate"]
    4
    """
    parts = list(datasets)
    if not parts:
        raise ArgumentError("datasets must hold one or more parts, got none")
    for place, part in enumerate(parts):
        if not isinstance(part, xr.Dataset):
            raise ArgumentTypeError(
                f"datasets[{place}] must be an xarray Dataset, got {validate.shown(part)}"
            )
        if part.attrs.get("format") != FORMAT:
            raise ArgumentError(f"datasets[{place}] must be an ensemble, got another result")
        if not part.attrs["finished"]:
            raise ArgumentError(f"datasets[{place}] is not finished: `resume` goes on with it")
    ordered = sorted(parts, key=lambda part: int(part.replicate[0]))
    for before, after in pairwise(ordered):
        _check_neighbours(before, after)
    return joined(ordered)


def joined(parts: Sequence[xr.Dataset]) -> xr.Dataset:
    """Join parts in the order of their replicates; they are of one call."""
    attributes = {
        name: _JOIN.get(name, _first)([part.attrs[name] for part in parts])
        for name in parts[0].attrs
    }
    whole = xr.concat(
        parts, "replicate", data_vars="minimal", coords="minimal", compat="override",
        combine_attrs="override", join="override",
    )  # fmt: skip
    whole.attrs = attributes
    return whole


def _first(values: Sequence[Any]) -> Any:
    return values[0]


def _texts(values: Sequence[str]) -> str:
    return "; then ".join(dict.fromkeys(values))


#: How attributes of the whole come from those of the parts; others are the same in all.
_JOIN: Mapping[str, Callable[[Sequence[Any]], Any]] = {
    "finished": lambda values: int(all(values)),
    "layers_summed_directly": lambda values: int(sum(values)),
    "method": lambda values: next((v for v in values if v != "direct"), "direct"),
    "start": _texts,
    "level": _texts,
    "versions": _texts,
}


def _check_neighbours(before: xr.Dataset, after: xr.Dataset) -> None:
    last, first = int(before.replicate[-1]), int(after.replicate[0])
    if first <= last:
        raise ArgumentError(f"datasets must not overlap, got replicate {first} in two parts")
    if first > last + 1:
        missing = f"replicate {last + 1}"
        if first > last + 2:
            missing = f"replicates {last + 1} to {first - 1}"
        raise ArgumentError(f"datasets must have no gap, got none with {missing}")
    for name in dict.fromkeys([*before.attrs, *after.attrs]):
        here, there = before.attrs.get(name), after.attrs.get(name)
        if name not in _JOIN and here != there:
            raise ArgumentError(
                f"datasets must be parts of one ensemble, got two with other {name}: "
                f"{validate.shown(here)} and {validate.shown(there)}"
            )
    if set(before.variables) != set(after.variables):
        other = set(before.variables) ^ set(after.variables)
        raise ArgumentError(
            f"datasets must have the same variables, got {sorted(map(str, other))} in one only"
        )
    for name, variable in before.variables.items():
        same = "replicate" in variable.dims or _same(variable, after.variables[name])
        if not same:
            raise ArgumentError(
                f"datasets must be parts of one ensemble, got two with other {name}"
            )


def _same(first: xr.Variable, second: xr.Variable) -> bool:
    return first.dims == second.dims and np.array_equal(first, second, equal_nan=True)
