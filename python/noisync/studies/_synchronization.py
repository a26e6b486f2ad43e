"""Synchronisation by noise: mean energies beside the theorem, and where noise beats attention."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import xarray as xr
from scipy import optimize
from tqdm.auto import tqdm

from noisync import _validate
from noisync._decay import measured_rate
from noisync._validate import FloatArray
from noisync._version import __version__
from noisync.activations import NAMES
from noisync.attention import Softmax
from noisync.bounds import attention_growth
from noisync.ensembles import ensemble
from noisync.errors import ArgumentError
from noisync.gaussian_field import GaussianField
from noisync.kernel import Kernel
from noisync.model import Model
from noisync.observers import Energy, OrderParameters
from noisync.sphere import Uniform
from noisync.studies._bootstrap import mean_interval


def _steps(step: float, count: int) -> tuple[float, ...]:
    return tuple(round(step * k, 6) + 0.0 for k in range(count))


#: What ``--quick`` runs instead of the defaults.
QUICK = {
    "activations": ("relu", "tanh", "sigmoid"), "dims": (5, 16), "sigmas": (0.0, 0.3),
    "tokens": 16, "replicates": 24, "horizon": 6.0, "layers": 80,
    "phase_sigmas": _steps(0.1, 9), "phase_replicates": 12,
    "phase_values": _steps(-0.25, 9),
}  # fmt: skip

#: One cluster: all tokens so near that their mean is this long. One line, a cluster or an antipodal
#: pair: the leading eigenvalue is this large.
ONE_CLUSTER, ONE_LINE = 0.99, 0.98

_TIMES = 40


def synchronization(
    activations: Sequence[str] = ("relu", "gelu", "silu", "tanh", "sigmoid"),
    *,
    dims: Sequence[int] = (5, 16, 64),
    sigmas: Sequence[float] = (0.0, 0.1, 0.3),
    values: Sequence[float] = (1.0, 0.0, -1.0),
    beta: float = 1.0,
    tokens: int = 32,
    horizon: float = 10.0,
    layers: int = 200,
    thickness: float = 0.1,
    replicates: int = 96,
    phase_activation: str = "relu",
    phase_dim: int = 16,
    phase_sigmas: Sequence[float] = _steps(0.05, 17),
    phase_values: Sequence[float] = _steps(-0.125, 17),
    phase_replicates: int = 24,
    seed: int = 0,
    threads: int | None = None,
    progress: bool = False,
) -> xr.Dataset:
    r"""Measure when the common noise synchronises the tokens, how fast, and against what.

    For every activation, dimension, σ = σ_U = σ_W and V = aI an ensemble of uniform tokens runs
    through layers of softmax attention and the Gaussian field (the limit of wide MLPs), beside

    .. math:: E[E_\beta(\mu_t)] \le e^{(\varepsilon + \bar\lambda'(\beta))t} E[E_\beta(\mu_0)]

    (:func:`noisync.energy_bound`), the exact mean where a = 0, and the exponent of one cluster
    :math:`2(\lambda_1 - a)`. A phase diagram in (σ, a), for one activation and dimension, shows
    which share of runs ends in one cluster; theory has λ_1 = a as the line where one cluster turns
    from attracting to repelling.

    Parameters
    ----------
    activations, dims, sigmas, values
        The grid: names of φ, d, σ and a.
    beta : float
        Inverse temperature of the attention and of the energy.
    tokens : int
        N, drawn uniformly for every replicate.
    horizon : float
        T.
    layers : int
        L at least; there are more where the noise is strong.
    thickness : float
        Largest Δκ(1)(d − 1) of a layer: twice the rate at which the noise turns tokens, times Δ.
    replicates : int
        Runs of every cell.
    phase_activation, phase_dim, phase_sigmas, phase_values, phase_replicates
        The phase diagram's φ, d, σ, a, and runs of every point.
    seed : int
    threads : int, optional
        Default: all cores.
    progress : bool
        Show a progress bar.

    Returns
    -------
    xarray.Dataset
        Over (activation, dim, sigma, value): ``mean_energy`` (time, bound: estimate, low, high; a
        95 % interval by bootstrap over replicates), ``exact_energy`` and ``energy_bound`` (time;
        NaN where there is none), ``rate`` (bound; slope of log E near one cluster, over the runs
        that have come near) with ``rate_runs`` of them, ``cluster_exponent`` 2(λ_1 − a),
        ``layered_exponent`` of layers that thick, ``bound_rate``, ``time_to_cluster`` (its median;
        infinite if fewer than half come), ``share`` (end: one cluster, antipodal pair, neither),
        ``layer_bias`` (log of the mean energy at T with half the layers over that with all, on the
        same noise) and ``layers``. Over (activation, dim, sigma): ``lyapunov_exponent``,
        ``coercivity``, ``best_rate``, the least λ̄'(β), and ``best_beta``, the largest β up to 100
        that has it. Over (phase_sigma,
        phase_value): ``phase_share``; over phase_sigma: ``phase_line``, the a = λ_1.

    Raises
    ------
    ArgumentError, ArgumentTypeError
        For arguments that break a rule.

    References
    ----------
    arXiv:2604.26898, §1.3 and §4.
    """
    grid = Grid(
        activations=tuple(_validate.choice("activations", a, NAMES) for a in activations),
        dims=tuple(_validate.integer("dims", d, minimum=2) for d in dims),
        sigmas=_numbers("sigmas", sigmas),
        values=_numbers("values", values, negative=True),
    )
    protocol = Protocol(
        tokens=_validate.integer("tokens", tokens, minimum=2),
        horizon=_validate.positive("horizon", horizon),
        layers=_validate.integer("layers", layers, minimum=1),
        thickness=_validate.positive("thickness", thickness),
        replicates=_validate.integer("replicates", replicates, minimum=2),
        seed=_validate.integer("seed", seed, minimum=0, maximum=2**64 - 1),
        threads=threads,
    )
    beta = _validate.energy_beta(beta)
    phase = Phase(
        Law(
            _validate.choice("phase_activation", phase_activation, NAMES),
            _validate.integer("phase_dim", phase_dim, minimum=2),
        ),
        _numbers("phase_sigmas", phase_sigmas),
        _numbers("phase_values", phase_values, negative=True),
        _validate.integer("phase_replicates", phase_replicates, minimum=2),
    )
    steps = grid.size + len(phase.sigmas) * len(phase.values)
    with tqdm(total=steps, disable=not progress, unit="ensemble") as bar:
        cells = []
        for cell in grid.cells(beta):
            cells.append(cell.measured(protocol))
            bar.update()
        shares = []
        for sigma, value in product(phase.sigmas, phase.values):
            cell = Cell(phase.law._replace(sigma=sigma), value, beta)
            shares.append(cell.shares(protocol, phase.replicates))
            bar.update()
    data = xr.merge([_grid_dataset(grid, cells, protocol), _phase_dataset(phase, shares)])
    data.attrs = {
        "study": "synchronization", "version": __version__, "beta": beta, "tokens": tokens,
        "horizon": protocol.horizon, "thickness": protocol.thickness, "replicates": replicates,
        "phase_activation": phase.law.activation, "phase_dim": phase.law.dim,
        "phase_replicates": phase.replicates, "seed": str(seed),
    }  # fmt: skip
    return data


class Law(NamedTuple):
    """A noise law: φ, d and σ = σ_U = σ_W."""

    activation: str
    dim: int
    sigma: float = 0.0

    @property
    def kernel(self) -> Kernel:
        """Its covariance kernel."""
        return self.field.kernel(self.dim)

    @property
    def field(self) -> GaussianField:
        """The Gaussian field itself."""
        return GaussianField(self.activation, self.sigma, self.sigma)

    def best_bound(self) -> tuple[float, float]:
        """Return the least λ̄'(β) over β in [1e-3, 100], and the largest β that has it."""
        kernel = self.kernel
        logs = np.linspace(np.log(1e-3), np.log(100.0), 41)

        def rate(log: float) -> float:
            return kernel.dissipation_rate(float(np.exp(log)))

        rates = np.array([rate(log) for log in logs])
        least = float(rates.min())
        as_low = least + 1e-6 * kernel.variance * kernel.dim
        last = int(np.flatnonzero(rates <= as_low).max())
        if last == logs.size - 1:
            return least, 100.0
        end = optimize.brentq(lambda log: rate(log) - as_low, logs[last], logs[last + 1], xtol=1e-6)
        return least, float(np.exp(end))


class Phase(NamedTuple):
    """What the phase diagram covers."""

    law: Law
    sigmas: tuple[float, ...]
    values: tuple[float, ...]
    replicates: int


@dataclass(frozen=True)
class Protocol:
    """How every ensemble is run."""

    tokens: int
    horizon: float
    layers: int
    thickness: float
    replicates: int
    seed: int
    threads: int | None

    def depth(self, kernel: Kernel) -> int:
        """Return the layers of a run: a multiple of twice the number of observed times."""
        turning = self.horizon * kernel.variance * (kernel.dim - 1) / self.thickness
        unit = 2 * _TIMES
        return unit * max(math.ceil(self.layers / unit), math.ceil(turning / unit))

    @property
    def times(self) -> FloatArray:
        """The observed times."""
        return np.linspace(0.0, self.horizon, _TIMES + 1)


@dataclass(frozen=True)
class Grid:
    """The cells of the study."""

    activations: tuple[str, ...]
    dims: tuple[int, ...]
    sigmas: tuple[float, ...]
    values: tuple[float, ...]

    @property
    def size(self) -> int:
        """Their number."""
        return len(self.activations) * len(self.dims) * len(self.sigmas) * len(self.values)

    def laws(self) -> list[Law]:
        """Return all noise laws."""
        return [Law(*law) for law in product(self.activations, self.dims, self.sigmas)]

    def cells(self, beta: float) -> list[Cell]:
        """Return all cells, the attention's value fastest."""
        return [Cell(law, value, beta) for law in self.laws() for value in self.values]


@dataclass(frozen=True)
class Cell:
    """A noise law with attention of QᵀK = βI, V = aI."""

    law: Law
    value: float
    beta: float

    @cached_property
    def model(self) -> Model:
        """The model of a layer."""
        attention = Softmax(beta=self.beta, value=self.value) if self.value else None
        return Model(self.law.dim, attention, self.law.field)

    def _run(self, protocol: Protocol, replicates: int, depth: int, path_layers: int) -> xr.Dataset:
        return ensemble(
            self.model,
            Uniform(protocol.tokens, self.law.dim),
            replicates=replicates,
            horizon=protocol.horizon,
            layers=depth,
            path_layers=path_layers,
            save=depth // _TIMES,
            observe=[Energy(self.beta), OrderParameters()],
            seed=protocol.seed,
            threads=protocol.threads,
        )

    def shares(self, protocol: Protocol, replicates: int) -> FloatArray:
        """Return the shares of runs that end in one cluster, in an antipodal pair, in neither."""
        depth = protocol.depth(self.law.kernel)
        return _shares(self._run(protocol, replicates, depth, depth))

    def measured(self, protocol: Protocol) -> dict[str, Any]:
        """Run the ensemble and set everything measured beside what theory says."""
        kernel, times = self.law.kernel, protocol.times
        depth = protocol.depth(kernel)
        data = self._run(protocol, protocol.replicates, depth, depth)
        coarse = self._run(protocol, protocol.replicates, depth // 2, depth)
        energy = data.energy.to_numpy()
        start = energy[:, 0].mean()
        growth = attention_growth(self.model.attention, self.beta)
        assert growth is not None  # softmax at the energy's β, V = aI, has one
        bound_rate = growth + kernel.dissipation_rate(self.beta)
        exact = np.full(times.size, np.nan)
        if self.value == 0:  # a token with itself, one pair in N, has no energy
            exact = (1 - 1 / protocol.tokens) * kernel.mean_energy(self.beta, times)
        rates = [measured_rate(times, run) for run in energy]
        near = np.array([rate for rate, _, clustered in rates if clustered])
        step = protocol.horizon / depth
        pull = -math.log1p(self.value * step) / step if self.value * step > -1 else np.nan
        return {
            "mean_energy": np.stack(mean_interval(energy), axis=-1),
            "exact_energy": exact,
            "energy_bound": start * np.exp(bound_rate * times),
            "rate": np.stack(mean_interval(near)) if near.size > 1 else np.full(3, np.nan),
            "rate_runs": near.size,
            "cluster_exponent": 2 * (kernel.lyapunov_exponent - self.value),
            "layered_exponent": 2 * (kernel.layer_exponent(step) + pull),
            "bound_rate": bound_rate,
            "time_to_cluster": _median_time(times, data),
            "share": _shares(data),
            "layer_bias": np.log(coarse.energy[:, -1].mean() / data.energy[:, -1].mean()).item(),
            "layers": depth,
        }


def _shares(data: xr.Dataset) -> FloatArray:
    mean, leading, _ = data.order[:, -1].to_numpy().T
    one = mean > ONE_CLUSTER
    pair = ~one & (leading > ONE_LINE)
    return np.array([one.mean(), pair.mean(), 1 - one.mean() - pair.mean()])


def _median_time(times: FloatArray, data: xr.Dataset) -> float:
    """Return the median over runs of the first time with all tokens in one cluster."""
    arrived = data.order.sel(parameter="mean").to_numpy() > ONE_CLUSTER
    first = np.where(arrived.any(axis=1), times[arrived.argmax(axis=1)], np.inf)
    return float(np.sort(first)[first.size // 2])


def _numbers(name: str, values: Sequence[float], *, negative: bool = False) -> tuple[float, ...]:
    check = _validate.real if negative else _validate.non_negative
    chosen = tuple(check(name, value) for value in np.asarray(values, object).ravel())
    if not chosen or len(set(chosen)) < len(chosen):
        raise ArgumentError(f"{name} must be one or more different numbers, got {chosen}")
    return chosen


_ENDS = ("one cluster", "antipodal pair", "neither")


def _grid_dataset(grid: Grid, cells: list[dict[str, Any]], protocol: Protocol) -> xr.Dataset:
    laws = ("activation", "dim", "sigma")
    extra: dict[str, tuple[str, ...]] = {
        "mean_energy": ("time", "bound"), "exact_energy": ("time",), "energy_bound": ("time",),
        "rate": ("bound",), "share": ("end",),
    }  # fmt: skip
    shape = (len(grid.activations), len(grid.dims), len(grid.sigmas))
    variables: dict[str, Any] = {}
    for name in cells[0]:
        values = np.array([cell[name] for cell in cells])
        full = values.reshape(*shape, len(grid.values), *values.shape[1:])
        variables[name] = ((*laws, "value", *extra.get(name, ())), full)

    def by_law(values: list[float]) -> tuple[tuple[str, ...], npt.NDArray[Any]]:
        return laws, np.reshape(values, shape)

    kernels = [law.kernel for law in grid.laws()]
    best = [law.best_bound() for law in grid.laws()]
    variables["lyapunov_exponent"] = by_law([kernel.lyapunov_exponent for kernel in kernels])
    variables["coercivity"] = by_law([kernel.coercivity for kernel in kernels])
    variables["best_rate"] = by_law([rate for rate, _ in best])
    variables["best_beta"] = by_law([beta for _, beta in best])
    return xr.Dataset(
        variables,
        {
            "activation": list(grid.activations),
            "dim": list(grid.dims),
            "sigma": list(grid.sigmas),
            "value": list(grid.values),
            "time": protocol.times,
            "bound": ["estimate", "low", "high"],
            "end": list(_ENDS),
        },
    )


def _phase_dataset(phase: Phase, shares: list[FloatArray]) -> xr.Dataset:
    shape = (len(phase.sigmas), len(phase.values), len(_ENDS))
    line = [phase.law._replace(sigma=sigma).kernel.lyapunov_exponent for sigma in phase.sigmas]
    return xr.Dataset(
        {
            "phase_share": (("phase_sigma", "phase_value", "end"), np.reshape(shares, shape)),
            "phase_line": ("phase_sigma", line),
        },
        {
            "phase_sigma": list(phase.sigmas),
            "phase_value": list(phase.values),
            "end": list(_ENDS),
        },
    )
