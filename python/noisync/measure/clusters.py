"""The clusters of tokens: of a configuration, and along a run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from noisync import _core
from noisync.base import validate
from noisync.measure.configurations import configurations
from noisync.measure.observer import Axis, Layers, Observer, Setting


def clusters(x: npt.ArrayLike, angle: float = 0.1) -> npt.NDArray[np.int64]:
    """Return the cluster of every token.

    A cluster is what chains of tokens connect whose steps are at most `angle` long (single
    linkage).

    Parameters
    ----------
    x : (..., n, dim) array_like
        Unit rows; leading axes hold configurations.
    angle : float
        Radians, positive.

    Returns
    -------
    (..., n) ndarray of int
        Labels 0, 1, ...; 0 is the largest cluster.

    Raises
    ------
    ArgumentError, ArgumentTypeError
        For rows off the sphere or an angle that is not positive.
    """
    states = configurations(x)
    angle = validate.positive("angle", angle)
    labels = [_core.clusters(state, angle) for state in states.reshape(-1, *states.shape[-2:])]
    return np.reshape(labels, states.shape[:-1])


@dataclass(frozen=True)
class Clusters(Observer, key="clusters"):
    """How many clusters there are: see :func:`noisync.measure.clusters`.

    Two numbers per observed layer, in a dimension ``statistic``: the count, and the weight of the
    heaviest cluster.

    Parameters
    ----------
    angle : float
        Largest step within a cluster, in radians.
    name : str, optional
        Name of the result; ``"clusters"`` by default.
    layers : None, int or sequence of int, optional
        Which layers to observe: all those of the run, every k-th and the last, or the listed ones.
    """

    angle: float = 0.1
    name: str = "clusters"
    layers: Layers = None

    def __post_init__(self) -> None:
        self._check()
        object.__setattr__(self, "angle", validate.positive("angle", self.angle))

    def axes(self, setting: Setting) -> tuple[Axis, ...]:
        """Return ``statistic``."""
        return (self._axis("statistic", ("count", "heaviest")),)

    def measure(self, setting: Setting) -> _core.Measure:
        """Return the core's description."""
        return _core.cluster_measure(self.angle)

    @property
    def attributes(self) -> Mapping[str, Any]:
        """What is said of the variable."""
        return {"long_name": "clusters of tokens", "units": "1", "angle": self.angle}
