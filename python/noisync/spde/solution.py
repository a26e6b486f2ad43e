"""A solution of the SPDE along one noise path: weighted nodes, and what they stand for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import xarray as xr

from noisync import _core
from noisync.base import validate
from noisync.base.threads import thread_count
from noisync.base.validate import FloatArray
from noisync.model import Model
from noisync.run.trajectory import Trajectory

#: The largest share of the node map in its upper degrees where it still counts as resolved.
RESOLUTION = 1e-6


class Moments(NamedTuple):
    """∫ x dμ_t, (K, d), and ∫ x xᵀ dμ_t, (K, d, d)."""

    mean: FloatArray
    second: FloatArray


@dataclass(frozen=True, eq=False)
class SpdeSolution:
    r"""The solution μ_t of the SPDE: weighted nodes carried by the common flow. Immutable.

    Sums with the weights are integrals against μ_t. With the cut p = degree // 2, the degree to
    which the quadrature resolves coefficients:

    Attributes
    ----------
    trajectory : Trajectory
        The run of the nodes as weighted tokens.
    degree : int
        Of the quadrature.
    nodes, quadrature : (M, d) and (M,) ndarray
        Its nodes, where the tokens start, and its weights, those of the uniform law.
    initial_density : (M,) ndarray
        ρ_0 at the nodes, with respect to the uniform law.
    log_jacobian : (K, M) ndarray
        log |J| at every node, J the Jacobian of the flow from time 0 to t: the factor by which it
        stretches the surface measure of the sphere there.
    min_jacobian : (K,) ndarray
        The least Jacobian of the map of a layer, at any node, up to then; 1 at the start. The exact
        flow never folds the sphere; a layer that is too thick can, and then it is negative.
    """

    trajectory: Trajectory
    degree: int
    nodes: FloatArray
    quadrature: FloatArray
    initial_density: FloatArray
    log_jacobian: FloatArray
    min_jacobian: FloatArray

    def __post_init__(self) -> None:
        for name in ("nodes", "quadrature", "initial_density", "log_jacobian", "min_jacobian"):
            getattr(self, name).setflags(write=False)

    @classmethod
    def of(
        cls,
        run: Trajectory,
        degree: int,
        nodes: FloatArray,
        quadrature: FloatArray,
        initial_density: FloatArray,
    ) -> SpdeSolution:
        """Return the solution that a run of nodes, which observed its Jacobian, stands for."""
        jacobian = run.observed["jacobian"].to_numpy()[: run.layer.size]
        others = {name: series for name, series in run.observed.items() if name != "jacobian"}
        return cls(
            trajectory=replace(run, observed=others),
            degree=degree,
            nodes=nodes,
            quadrature=quadrature,
            initial_density=initial_density,
            log_jacobian=jacobian[:, :-1].copy(),
            min_jacobian=jacobian[:, -1].copy(),
        )

    @property
    def model(self) -> Model:
        """The model; its noise is the sampler that was chosen."""
        return self.trajectory.model

    @property
    def layer(self) -> npt.NDArray[np.int64]:
        """Saved layers, (K,)."""
        return self.trajectory.layer

    @property
    def time(self) -> FloatArray:
        """Times of the saved states, (K,)."""
        return self.trajectory.time

    @property
    def tokens(self) -> npt.NDArray[Any]:
        """The nodes, (K, M, d)."""
        return self.trajectory.tokens

    @property
    def weights(self) -> FloatArray:
        """The masses of the nodes, (M,); they do not change."""
        return self.trajectory.weights

    @property
    def observed(self) -> Mapping[str, xr.DataArray]:
        """What the observers made of the nodes; see :class:`noisync.Trajectory`."""
        return self.trajectory.observed

    def __repr__(self) -> str:
        _, nodes, dim = self.tokens.shape
        until = self.resolved_until
        state = "" if until is None else f", resolved until t = {until:g}"
        return (
            f"SpdeSolution({nodes} nodes of degree {self.degree} in dimension {dim}, "
            f"horizon {self.trajectory.horizon:g}{state})"
        )

    @property
    def node_density(self) -> FloatArray:
        """The density ρ_t at the nodes where they are at time t, (K, M): ρ_0/|J|."""
        return self.initial_density * np.exp(-self.log_jacobian)

    def energy(self, beta: float = 1.0) -> FloatArray:
        """Interaction energy E_β(μ_t) at every saved time, (K,)."""
        return self.trajectory.energy(beta)

    @property
    def moments(self) -> Moments:
        """The mean and the second moments of μ_t at every saved time."""
        x = self.tokens.astype(np.float64, copy=False)
        mean = np.einsum("m,kma->ka", self.weights, x)
        second = np.einsum("m,kma,kmb->kab", self.weights, x, x, optimize=True)
        return Moments(mean, second)

    def harmonics(self, degree: int) -> FloatArray:
        r"""Return the coefficients ∫ Y_nk dμ_t of degrees 0..degree, (K, harmonics).

        Low degrees first, real harmonics with :math:`\int Y^2 = 1` under the uniform law.

        Raises
        ------
        ArgumentError
            Beyond the degree of the quadrature.
        """
        degree = validate.integer("degree", degree, minimum=0, maximum=self.degree)
        return np.array(
            [_analysed(x, self.weights, np.empty((len(x), 0)), degree)[:, 0] for x in self.tokens]
        )

    def density(self, points: npt.ArrayLike) -> FloatArray:
        r"""Return the density of μ_t with respect to the uniform law, (K, ...), at points (..., d).

        .. math:: \rho_t(x) = \sum_{n \le p} \sum_k Y_{nk}(x) \int Y_{nk}\, d\mu_t

        from the harmonics up to the cut p = degree // 2. Where the flow has stretched the sphere
        more than twofold the nodes stand too far apart for the highest of them: then the series
        ends at the degree, for each time, at which it agrees best with `node_density` (in the mean
        square over the sphere). A density that is rougher oscillates, and may fall below 0.
        """
        places = np.asarray(points, dtype=np.float64)
        flat = validate.tokens("points", places.reshape(-1, places.shape[-1]), self.model.dim)
        values = _core.synthesise(
            flat, self._density_coefficients.T.copy(), self._cut, thread_count(None)
        )
        return np.asarray(values.T.reshape(-1, *places.shape[:-1]))

    @cached_property
    def _density_coefficients(self) -> FloatArray:
        """The coefficients of the density, (K, harmonics up to the cut); see `density`."""
        dim, cut = self.model.dim, self._cut
        cuts = np.unique(np.round(cut / 2 ** (np.arange(13) / 4)).astype(int))[::-1]
        ends = [int(_core.harmonics_up_to(int(n), dim)) for n in cuts]
        result = self.harmonics(cut)
        for own, x, node_density, log_jacobian in zip(
            result, self.tokens, self.node_density, self.log_jacobian, strict=True
        ):
            series = np.array([np.where(np.arange(own.size) < end, own, 0.0) for end in ends]).T
            nodes = np.asarray(x, dtype=np.float64)
            values = _core.synthesise(nodes, series.copy(), cut, thread_count(None))
            areas = self.quadrature * np.exp(log_jacobian)
            errors = areas @ (values - node_density[:, None]) ** 2
            own[ends[int(np.argmin(errors))] :] = 0.0
        return result

    @cached_property
    def resolution(self) -> FloatArray:
        r"""The share of the node map Φ_t in its upper degrees, (K,).

        .. math:: \sum_{2p/3<n\le p} |\hat\Phi_n|^2 \Big/ \sum_{1\le n\le p} |\hat\Phi_n|^2,
                  \qquad p = \lfloor degree/2 \rfloor
        """
        cut, (count, nodes, dim) = self._cut, self.tokens.shape
        values = np.moveaxis(self.tokens, 0, 1).reshape(nodes, count * dim).astype(np.float64)
        coefficients = _analysed(self.nodes, self.quadrature, values, cut)[:, :-1]
        squares = (coefficients**2).reshape(-1, count, dim).sum(axis=2)
        first = [int(_core.harmonics_up_to(n, dim)) for n in (0, 2 * cut // 3)]
        return np.asarray(squares[first[1] :].sum(axis=0) / squares[first[0] :].sum(axis=0))

    @property
    def resolved(self) -> npt.NDArray[np.bool_]:
        """Whether gradients are within the degree then, and no layer folded up to then, (K,)."""
        return np.asarray((self.resolution <= RESOLUTION) & (self.min_jacobian > 0))

    @property
    def resolved_until(self) -> float | None:
        """The last saved time until which the solution is resolved; None: not even at the start."""
        count = int(np.logical_and.accumulate(self.resolved).sum())
        return float(self.time[count - 1]) if count else None

    @property
    def _cut(self) -> int:
        return self.degree // 2

    def to_dataset(self) -> xr.Dataset:
        """Return the solution as an xarray Dataset: the run's, and what the nodes stand for.

        Its attribute ``resolved`` is 1 where the whole solution is, else 0, and ``resolved_until``
        the last saved time until which it is.
        """
        until = self.resolved_until
        run: xr.Dataset = self.trajectory.to_dataset()
        data = run.assign(
            nodes=(("token", "component"), self.nodes),
            quadrature=("token", self.quadrature),
            initial_density=("token", self.initial_density),
            node_density=(("time", "token"), self.node_density),
            log_jacobian=(("time", "token"), self.log_jacobian),
            min_jacobian=("time", self.min_jacobian),
            resolution=("time", self.resolution),
            resolved=("time", self.resolved),
        )
        labelled: xr.Dataset = data.assign_attrs(
            format="noisync-spde-1",
            degree=self.degree,
            resolved=int(bool(self.resolved.all())),
            resolved_until=np.nan if until is None else until,
        )
        return labelled


def _analysed(x: FloatArray, weights: FloatArray, values: FloatArray, degree: int) -> FloatArray:
    """Return Σ_j w_j Y_nk(x_j) (v_j, 1) for degrees 0..degree, (harmonics, columns of v + 1)."""
    return _core.analyse(
        np.asarray(x, dtype=np.float64), weights, np.ascontiguousarray(values), degree,
        thread_count(None),
    )  # fmt: skip
