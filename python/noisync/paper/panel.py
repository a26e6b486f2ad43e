"""One panel of the published figures: a configuration, its runs, and what theory says of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from noisync import sphere
from noisync.attention.exponential import Softmax
from noisync.base.validate import FloatArray
from noisync.bounds import attention_growth
from noisync.figures.report import number
from noisync.measure.cosines import GATHERED, pair_cosines
from noisync.measure.observer import Observer
from noisync.model import Model
from noisync.noise.mlp import MLP
from noisync.run.ensemble import ensemble
from noisync.run.simulation import simulate
from noisync.run.trajectory import Trajectory
from noisync.theory.kernel import Kernel
from noisync.theory.layer_exponent import attention_exponent


@dataclass(frozen=True)
class Panel:
    """Configuration of a panel: activation (None: no MLP), d, σ = σ_U = σ_W, V = aI."""

    activation: str | None
    dim: int
    sigma: float
    scale: float
    width: int
    beta: float = 1.0

    @property
    def model(self) -> Model:
        """The model; a = 0 leaves the attention out."""
        attention = Softmax(beta=self.beta, value=self.scale) if self.scale else None
        noise = (
            MLP(self.activation, self.width, self.sigma, self.sigma) if self.activation else None
        )
        return Model(dim=self.dim, attention=attention, noise=noise)

    def ensemble(self, depth: Depth, replicates: int, observe: Sequence[Observer]) -> xr.Dataset:
        """Run the panel from the same uniform tokens with several noise paths."""
        count = replicates if self.activation else 1  # without noise all replicates are one
        return ensemble(*self._start(depth), replicates=count, observe=observe, **depth.arguments)

    def run(self, depth: Depth, replicate: int) -> Trajectory:
        """Run one of them again and keep all its states."""
        return simulate(*self._start(depth), replicate=replicate, **depth.arguments)

    def _start(self, depth: Depth) -> tuple[Model, FloatArray]:
        return self.model, sphere.uniform(depth.tokens, self.dim, seed=0)


@dataclass(frozen=True)
class Depth:
    """How the panels of a figure are run: N, T and L."""

    tokens: int
    horizon: float
    layers: int

    @property
    def step(self) -> float:
        """The thickness Δ of a layer."""
        return self.horizon / self.layers

    @property
    def arguments(self) -> dict[str, Any]:
        """What runs of this depth are told."""
        return {"horizon": self.horizon, "layers": self.layers, "seed": 1}


@lru_cache(maxsize=64)
def rates(activation: str, dim: int, sigma: float, beta: float) -> tuple[Kernel, float]:
    """Return the kernel of a noise law and its λ̄'(β): shared by the panels of different a."""
    kernel = Kernel(activation, dim, sigma, sigma)
    return kernel, kernel.dissipation_rate(beta)


@dataclass(frozen=True)
class Theory:
    """What theory says of a panel; NaN for what does not exist without noise."""

    lyapunov: float  # λ_1 of the noise
    coercivity: float  # λ̄ of the noise
    cluster: float  # λ_1 − a: exponent of one cluster
    layered: float  # the same at the depth of the run
    spread: float  # 4(κ(1) + κ'(1)): variance per time of the logarithm of a pair's 1 − u
    bound: float  # ε + λ̄'(β): rate of the bound on the mean energy
    applies: bool  # whether the theorem's condition λ̄ < 0 holds (without noise: ε = 0)


def theory(panel: Panel, step: float) -> Theory:
    """Compute the rates of §1.3 and §4.2 of arXiv:2604.26898 for a panel with layers of `step`."""
    pull = attention_exponent(panel.scale, step)
    growth = attention_growth(panel.model.attention, panel.beta)
    assert growth is not None  # softmax with V = aI always has one
    if panel.activation is None:
        nan = float("nan")
        return Theory(nan, nan, -panel.scale, pull, 0.0, growth, growth == 0)
    kernel, dissipation = rates(panel.activation, panel.dim, panel.sigma, panel.beta)
    return Theory(
        lyapunov=kernel.lyapunov_exponent,
        coercivity=kernel.coercivity,
        cluster=kernel.lyapunov_exponent - panel.scale,
        layered=kernel.layer_exponent(step) + pull,
        spread=4 * (kernel.variance + kernel.slope),
        bound=growth + dissipation,
        applies=kernel.coercivity < 0,
    )


def end_state(tokens: npt.ArrayLike) -> str:
    """Name the configuration: one cluster, antipodal pair, or spread, with its cosines."""
    u = pair_cosines(tokens)
    if u.size == 0:
        return "one token"
    low, high = float(u.min()), float(u.max())
    if low > GATHERED:
        return f"one cluster (cosines ≥ {_below_one(low)})"
    if float(np.abs(u).min()) > GATHERED:
        return f"antipodal pair (absolute cosines ≥ {_below_one(float(np.abs(u).min()))})"
    return f"spread (cosines {number(low)} to {_below_one(high)})"


def _below_one(u: float) -> str:
    """Write a cosine so that it never rounds up to 1."""
    gap = 1 - u
    return f"1 − {gap:.0e}" if 0 <= gap < 5e-3 else number(u)
