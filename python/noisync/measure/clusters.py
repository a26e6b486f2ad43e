"""The clusters of tokens: of a configuration, and along a run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree

from noisync import _core
from noisync.base import validate
from noisync.base.validate import FloatArray
from noisync.measure.configurations import configurations
from noisync.measure.observer import Axis, Layers, Observer, Setting


def clusters(
    x: npt.ArrayLike, angle: float = 0.1, weights: npt.ArrayLike | None = None
) -> npt.NDArray[np.int64]:
    """Return the cluster of every token.

    A cluster is what chains of tokens connect whose steps are at most `angle` long (single
    linkage). A token of weight 0 connects nothing: it belongs to the cluster of the nearest token
    that has a weight, if that is within `angle`, else to none.

    Parameters
    ----------
    x : (..., n, dim) array_like
        Unit rows; leading axes hold configurations.
    angle : float
        Radians, positive.
    weights : (n,) array_like, optional
        Non-negative, sum 1; uniform by default.

    Returns
    -------
    (..., n) ndarray of int
        Labels 0, 1, ...; 0 is the heaviest cluster, without weights the one with most tokens; −1
        is none.

    Raises
    ------
    ArgumentError, ArgumentTypeError
        For rows off the sphere, an angle that is not positive, or weights that break a rule.
    """
    states = configurations(x)
    angle = validate.positive("angle", angle)
    flat = states.reshape(-1, *states.shape[-2:])
    if weights is None:
        labels = [_core.clusters(state, angle) for state in flat]
    else:
        mass = validate.weights(weights, states.shape[-2])
        labels = [_by_mass(state, angle, mass) for state in flat]
    return np.reshape(labels, states.shape[:-1])


def _by_mass(x: npt.NDArray[Any], angle: float, mass: FloatArray) -> npt.NDArray[np.int64]:
    """Return the labels of tokens with weights: the heaviest cluster first."""
    seen = mass > 0
    found = _core.clusters(x[seen], angle)
    order = np.argsort(-np.bincount(found, mass[seen]), kind="stable")
    labels = np.full(len(x), -1)
    labels[seen] = np.argsort(order)[found]
    if not seen.all():
        chord = 2 * np.sin(min(angle, np.pi) / 2)
        distance, nearest = cKDTree(x[seen]).query(x[~seen])
        labels[~seen] = np.where(distance <= chord, labels[seen][nearest], -1)
    return labels


@dataclass(frozen=True)
class Clusters(Observer, key="clusters"):
    """How many clusters there are: see :func:`noisync.measure.clusters`.

    Two numbers per observed layer, in a dimension ``statistic``: the count, and the weight of the
    heaviest cluster. Tokens of weight 0 are left out.

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
