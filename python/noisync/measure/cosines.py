"""The cosines of all pairs of tokens: of a configuration, and along a run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from noisync import _core
from noisync.base import validate
from noisync.base.threads import thread_count
from noisync.base.validate import FloatArray
from noisync.errors import ArgumentTypeError
from noisync.measure.configurations import configurations, measured
from noisync.measure.observer import Axis, Layers, Observer, Setting

#: Tokens count as gathered where their cosines exceed this.
GATHERED = 0.9


class CosineHistogram(NamedTuple):
    """Pairwise cosines: `counts` (..., bins), or masses where tokens have weights, and `edges`."""

    counts: npt.NDArray[Any]
    edges: FloatArray


def cosines(
    x: npt.ArrayLike,
    bins: int = 100,
    weights: npt.ArrayLike | None = None,
    *,
    threads: int | None = None,
) -> CosineHistogram:
    r"""Count the cosines ⟨x_i, x_j⟩ of all unordered pairs i < j in equal bins of [−1, 1].

    With weights it is their law under the measure :math:`\mu = \sum_i w_i \delta_{x_i}`: the mass
    :math:`\sum_{ij} w_i w_j` of all i and j whose cosine is in a bin, each token with itself in the
    last one.

    Parameters
    ----------
    x : (..., n, dim) array_like
        Unit rows; leading axes hold configurations.
    bins : int
        Number of bins; closed on the left, the last one on both sides.
    weights : (n,) array_like, optional
        Non-negative, sum 1.

    Returns
    -------
    CosineHistogram
        `counts` (..., bins) of a configuration sum to n(n−1)/2, with weights to 1; `edges`
        (bins + 1,).

    Raises
    ------
    ArgumentError, ArgumentTypeError
        For rows off the sphere, bins below 1, or weights that break a rule.
    """
    bins = _checked_bins(bins)
    by_mass = weights is not None
    counts = measured(
        x, weights, lambda n, dim: _core.cosine_measure(bins, by_mass), thread_count(threads)
    )
    edges = np.linspace(-1.0, 1.0, bins + 1)
    return CosineHistogram(counts if by_mass else counts.astype(np.int64), edges)


def pair_cosines(x: npt.ArrayLike) -> FloatArray:
    """Return ⟨x_i, x_j⟩ of all pairs i < j, ordered as `scipy.spatial.distance.pdist` does.

    Of shape (..., n(n−1)/2) for configurations x (..., n, dim).
    """
    tokens = configurations(x).astype(np.float64)
    first, second = np.triu_indices(tokens.shape[-2], k=1)
    products = tokens @ np.swapaxes(tokens, -1, -2)
    return np.asarray(np.clip(products, -1.0, 1.0)[..., first, second])


def _checked_bins(bins: int) -> int:
    return validate.integer("bins", bins, minimum=1, maximum=2**24)


@dataclass(frozen=True)
class Cosines(Observer, key="cosines"):
    """Histogram of the cosines of all pairs: see :func:`noisync.measure.cosines`.

    Per observed layer, in a dimension ``cosine`` of the bins' middles: the number of pairs, or
    their mass.

    Parameters
    ----------
    bins : int
        Number of equal bins of [−1, 1].
    name : str, optional
        Name of the result; ``"cosines"`` by default.
    layers : None, int or sequence of int, optional
        Which layers to observe: all those of the run, every k-th and the last, or the listed ones.
    weighted : bool
        Whether to observe the law of the cosines under the weights of the run, in place of counts.
    """

    bins: int = 100
    name: str = "cosines"
    layers: Layers = None
    weighted: bool = False

    def __post_init__(self) -> None:
        self._check()
        object.__setattr__(self, "bins", _checked_bins(self.bins))
        if not isinstance(self.weighted, bool):
            raise ArgumentTypeError(f"weighted must be True or False, got {self.weighted!r}")

    def axes(self, setting: Setting) -> tuple[Axis, ...]:
        """Return ``cosine``."""
        return (self._axis("cosine", (2 * np.arange(self.bins) + 1) / self.bins - 1),)

    def measure(self, setting: Setting) -> _core.Measure:
        """Return the core's description."""
        return _core.cosine_measure(self.bins, self.weighted)

    def finish(self, values: npt.NDArray[Any], time: FloatArray) -> npt.NDArray[Any]:
        """Return masses, or counts as whole numbers."""
        return values if self.weighted else values.astype(np.int64)

    @property
    def attributes(self) -> Mapping[str, Any]:
        """What is said of the variable."""
        what = "mass of the pairs" if self.weighted else "pairs"
        return {"long_name": f"{what} of tokens by their cosine", "units": "1"}
