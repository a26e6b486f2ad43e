"""How ordered the tokens are: of a configuration, and along a run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from noisync import _core
from noisync.base.threads import thread_count
from noisync.errors import ArgumentError
from noisync.measure.configurations import measured
from noisync.measure.observer import Axis, Layers, Observer, Setting

#: All tokens count as one cluster where their mean is this long, as on one line, a cluster or an
#: antipodal pair, where the leading eigenvalue is this large.
ONE_CLUSTER, ONE_LINE = 0.99, 0.98


class OrderValues(NamedTuple):
    """The mean's length, the leading eigenvalue, the effective rank."""

    mean: Any
    leading: Any
    effective_rank: Any


def order_parameters(
    x: npt.ArrayLike, weights: npt.ArrayLike | None = None, *, threads: int | None = None
) -> OrderValues:
    r"""Return how ordered the tokens are.

    With :math:`M = \sum_i w_i x_i x_i^T`, of trace 1 and eigenvalues p_k:

    * ``mean``, :math:`|\sum_i w_i x_i|`: 1 if and only if all tokens coincide;
    * ``leading``, the largest p_k: 1 if and only if all lie on one line, at a point or an
      antipodal pair;
    * ``effective_rank``, :math:`\exp(-\sum_k p_k \log p_k)`: from 1 on a line to dim.

    Parameters
    ----------
    x : (..., n, dim) array_like
        Unit rows; leading axes hold configurations.
    weights : (n,) array_like, optional
        Non-negative, sum 1; uniform by default.

    Returns
    -------
    OrderValues
        Numbers, or arrays of the leading axes.

    References
    ----------
    Effective rank: O. Roy and M. Vetterli, EUSIPCO (2007).
    """
    values = measured(x, weights, lambda n, dim: _core.order_measure(), thread_count(threads))
    if values.ndim == 1:
        return OrderValues(*values.tolist())
    return OrderValues(*np.moveaxis(values, -1, 0))


@dataclass(frozen=True)
class OrderParameters(Observer, key="order"):
    """How ordered the tokens are: see :func:`noisync.measure.order_parameters`.

    Three numbers per observed layer, in a dimension ``parameter``: mean, leading, effective_rank.

    Parameters
    ----------
    name : str, optional
        Name of the result; ``"order"`` by default.
    layers : None, int or sequence of int, optional
        Which layers to observe: all those of the run, every k-th and the last, or the listed ones.
    """

    name: str = "order"
    layers: Layers = None

    def __post_init__(self) -> None:
        self._check()

    def axes(self, setting: Setting) -> tuple[Axis, ...]:
        """Return ``parameter``."""
        return (self._axis("parameter", OrderValues._fields),)

    def measure(self, setting: Setting) -> _core.Measure:
        """Return the core's description."""
        return _core.order_measure()

    @property
    def attributes(self) -> Mapping[str, Any]:
        """What is said of the variable."""
        return {"long_name": "order parameters", "units": "1"}

    @classmethod
    def from_setting(cls, value: Any) -> list[Observer]:
        """Return one where the value is true."""
        if not isinstance(value, bool):
            raise ArgumentError(f"observe.order must be true or false, got {value!r}")
        return [cls()] if value else []
