"""An ensemble of the study of synchronisation: its noise, how it is run, what is measured."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from typing import Any, NamedTuple

import numpy as np
import xarray as xr
from scipy import optimize

from noisync.attention.exponential import Softmax
from noisync.base.validate import FloatArray
from noisync.bounds import attention_growth
from noisync.measure.decay import measured_rate
from noisync.measure.energy import Energy
from noisync.measure.order import ONE_CLUSTER, ONE_LINE, OrderParameters
from noisync.model import Model
from noisync.noise.gaussian_field import GaussianField
from noisync.run.ensemble import ensemble
from noisync.sphere import Uniform
from noisync.studies.bootstrap import mean_interval
from noisync.theory.kernel import Kernel
from noisync.theory.layer_exponent import attention_exponent

#: How runs end, in this order.
ENDS = ("one cluster", "antipodal pair", "neither")

_TIMES = 40


class Noise(NamedTuple):
    """A noise: φ, d and σ = σ_U = σ_W."""

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

    noise: Noise
    sigmas: tuple[float, ...]
    values: tuple[float, ...]
    replicates: int


@dataclass(frozen=True)
class Conditions:
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

    def noises(self) -> list[Noise]:
        """Return all noises."""
        return [Noise(*noise) for noise in product(self.activations, self.dims, self.sigmas)]

    def cells(self, beta: float) -> list[Cell]:
        """Return all cells, the attention's value fastest."""
        return [Cell(noise, value, beta) for noise in self.noises() for value in self.values]


@dataclass(frozen=True)
class Cell:
    """A noise with attention of QᵀK = βI, V = aI."""

    noise: Noise
    value: float
    beta: float

    @cached_property
    def model(self) -> Model:
        """The model of a layer."""
        attention = Softmax(beta=self.beta, value=self.value) if self.value else None
        return Model(self.noise.dim, attention, self.noise.field)

    def _run(
        self, conditions: Conditions, replicates: int, depth: int, path_layers: int
    ) -> xr.Dataset:
        return ensemble(
            self.model,
            Uniform(conditions.tokens, self.noise.dim),
            replicates=replicates,
            horizon=conditions.horizon,
            layers=depth,
            path_layers=path_layers,
            save=depth // _TIMES,
            observe=[Energy(self.beta), OrderParameters()],
            seed=conditions.seed,
            threads=conditions.threads,
        )

    def phase(self, conditions: Conditions, replicates: int) -> dict[str, Any]:
        """Run a point of the phase diagram: the shares of runs by where they end."""
        depth = conditions.depth(self.noise.kernel)
        return {"share": _shares(self._run(conditions, replicates, depth, depth))}

    def measured(self, conditions: Conditions) -> dict[str, Any]:
        """Run the ensemble and set everything measured beside what theory says."""
        kernel, times = self.noise.kernel, conditions.times
        depth = conditions.depth(kernel)
        data = self._run(conditions, conditions.replicates, depth, depth)
        coarse = self._run(conditions, conditions.replicates, depth // 2, depth)
        energy = data.energy.to_numpy()
        start = energy[:, 0].mean()
        growth = attention_growth(self.model.attention, self.beta)
        assert growth is not None  # softmax at the energy's β, V = aI, has one
        bound_rate = growth + kernel.dissipation_rate(self.beta)
        exact = np.full(times.size, np.nan)
        if self.value == 0:  # a token with itself, one pair in N, has no energy
            exact = (1 - 1 / conditions.tokens) * kernel.mean_energy(self.beta, times)
        rates = [measured_rate(times, run) for run in energy]
        near = np.array([rate for rate, _, clustered in rates if clustered])
        step = conditions.horizon / depth
        pull = attention_exponent(self.value, step)
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
    """Return the shares of runs that end in one cluster, in an antipodal pair, in neither."""
    mean, leading, _ = data.order[:, -1].to_numpy().T
    one = mean > ONE_CLUSTER
    pair = ~one & (leading > ONE_LINE)
    return np.array([one.mean(), pair.mean(), 1 - one.mean() - pair.mean()])


def _median_time(times: FloatArray, data: xr.Dataset) -> float:
    """Return the median over runs of the first time with all tokens in one cluster."""
    arrived = data.order.sel(parameter="mean").to_numpy() > ONE_CLUSTER
    first = np.where(arrived.any(axis=1), times[arrived.argmax(axis=1)], np.inf)
    return float(np.sort(first)[first.size // 2])
