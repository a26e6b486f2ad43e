"""Synchronisation by noise: mean energies beside the theorem, and where noise beats attention."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from functools import partial
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from noisync.base import validate
from noisync.base.progress import Bar
from noisync.base.version import __version__
from noisync.errors import ArgumentError
from noisync.run.checkpoint import Checkpoint
from noisync.studies.cells import Cells, Values
from noisync.studies.synchronization.cells import ENDS, Cell, Conditions, Grid, Noise, Phase
from noisync.theory.activations import NAMES

if TYPE_CHECKING:
    from distributed import Client


def _steps(step: float, count: int) -> tuple[float, ...]:
    return tuple(round(step * k, 6) + 0.0 for k in range(count))


#: What ``--quick`` runs instead of the defaults.
QUICK = {
    "activations": ("relu", "tanh", "sigmoid"), "dims": (5, 16), "sigmas": (0.0, 0.3),
    "tokens": 16, "replicates": 24, "horizon": 6.0, "layers": 80,
    "phase_sigmas": _steps(0.1, 9), "phase_replicates": 12,
    "phase_values": _steps(-0.25, 9),
}  # fmt: skip


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
    checkpoint: Checkpoint | str | os.PathLike[str] | None = None,
    stop_after: float | None = None,
    client: Client | None = None,
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
    checkpoint, stop_after
        As in :func:`noisync.simulate`; a checkpoint holds whole ensembles.
    client : dask.distributed.Client, optional
        Compute on its workers, as in :func:`noisync.ensemble`, cell by cell.

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
    KeyboardInterrupt
        With the ensembles until then in its ``dataset``, NaN for the others.

    References
    ----------
    arXiv:2604.26898, §1.3 and §4.
    """
    grid = Grid(
        activations=tuple(validate.choice("activations", a, NAMES) for a in activations),
        dims=tuple(validate.integer("dims", d, minimum=2) for d in dims),
        sigmas=_numbers("sigmas", sigmas),
        values=_numbers("values", values, negative=True),
    )
    conditions = Conditions(
        tokens=validate.integer("tokens", tokens, minimum=2),
        horizon=validate.positive("horizon", horizon),
        layers=validate.integer("layers", layers, minimum=1),
        thickness=validate.positive("thickness", thickness),
        replicates=validate.integer("replicates", replicates, minimum=2),
        seed=validate.integer("seed", seed, minimum=0, maximum=2**64 - 1),
        threads=threads,
    )
    beta = validate.energy_beta(beta)
    phase = Phase(
        Noise(
            validate.choice("phase_activation", phase_activation, NAMES),
            validate.integer("phase_dim", phase_dim, minimum=2),
        ),
        _numbers("phase_sigmas", phase_sigmas),
        _numbers("phase_values", phase_values, negative=True),
        validate.integer("phase_replicates", phase_replicates, minimum=2),
    )
    asked = {
        "activations": grid.activations, "dims": grid.dims, "sigmas": grid.sigmas,
        "values": grid.values, "beta": beta, "tokens": conditions.tokens,
        "horizon": conditions.horizon, "layers": conditions.layers,
        "thickness": conditions.thickness, "replicates": conditions.replicates,
        "phase_activation": phase.noise.activation, "phase_dim": phase.noise.dim,
        "phase_sigmas": phase.sigmas, "phase_values": phase.values,
        "phase_replicates": phase.replicates, "seed": conditions.seed,
    }  # fmt: skip
    found: dict[str, Values] = {}
    steps = grid.size + len(phase.sigmas) * len(phase.values)
    kept = Cells("synchronization", asked, checkpoint, stop_after)

    def dataset() -> xr.Dataset:
        data = xr.Dataset()
        if any(key.startswith("grid") for key in found):
            data = xr.merge([_grid_dataset(grid, found, conditions), _phase_dataset(phase, found)])
        data.attrs = {
            "study": "synchronization", "version": __version__, "beta": beta, "tokens": tokens,
            "horizon": conditions.horizon, "thickness": conditions.thickness,
            "replicates": replicates, "phase_activation": phase.noise.activation,
            "phase_dim": phase.noise.dim, "phase_replicates": phase.replicates, "seed": str(seed),
            "finished": int(len(found) == steps),
        }  # fmt: skip
        return data

    with Bar(steps, "ensemble", shown=progress) as bar, kept.running(dataset):
        points = grid.cells(beta)
        planned = [(f"grid {k}", partial(one.measured, conditions)) for k, one in enumerate(points)]
        for place, (sigma, value) in enumerate(product(phase.sigmas, phase.values)):
            cell = Cell(phase.noise._replace(sigma=sigma), value, beta)
            share = partial(cell.phase, conditions, phase.replicates)
            planned.append((f"phase {place}", share))
        for key, measured in kept.each(planned, client):
            found[key] = measured
            bar.update()
    return dataset()


def _numbers(name: str, values: Sequence[float], *, negative: bool = False) -> tuple[float, ...]:
    check = validate.real if negative else validate.non_negative
    chosen = tuple(check(name, value) for value in np.asarray(values, object).ravel())
    if not chosen or len(set(chosen)) < len(chosen):
        raise ArgumentError(f"{name} must be one or more different numbers, got {chosen}")
    return chosen


def _grid_dataset(grid: Grid, found: Mapping[str, Values], conditions: Conditions) -> xr.Dataset:
    noises = ("activation", "dim", "sigma")
    extra: dict[str, tuple[str, ...]] = {
        "mean_energy": ("time", "bound"), "exact_energy": ("time",), "energy_bound": ("time",),
        "rate": ("bound",), "share": ("end",),
    }  # fmt: skip
    shape = (len(grid.activations), len(grid.dims), len(grid.sigmas))
    variables: dict[str, Any] = {}
    cells = [found.get(f"grid {k}") for k in range(grid.size)]  # None: the study was stopped
    for name, known in next(cell for cell in cells if cell).items():
        unknown = np.full(np.shape(known), np.nan)
        values = np.array([unknown if cell is None else cell[name] for cell in cells])
        full = values.reshape(*shape, len(grid.values), *values.shape[1:])
        variables[name] = ((*noises, "value", *extra.get(name, ())), full)

    def by_law(values: list[float]) -> tuple[tuple[str, ...], npt.NDArray[Any]]:
        return noises, np.reshape(values, shape)

    kernels = [noise.kernel for noise in grid.noises()]
    best = [noise.best_bound() for noise in grid.noises()]
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
            "time": conditions.times,
            "bound": ["estimate", "low", "high"],
            "end": list(ENDS),
        },
    )


def _phase_dataset(phase: Phase, found: Mapping[str, Values]) -> xr.Dataset:
    shape = (len(phase.sigmas), len(phase.values), len(ENDS))
    full = np.full(shape, np.nan)
    for k, row in enumerate(full.reshape(-1, len(ENDS))):
        row[:] = found.get(f"phase {k}", {}).get("share", row)
    line = [phase.noise._replace(sigma=sigma).kernel.lyapunov_exponent for sigma in phase.sigmas]
    return xr.Dataset(
        {
            "phase_share": (("phase_sigma", "phase_value", "end"), full),
            "phase_line": ("phase_sigma", line),
        },
        {
            "phase_sigma": list(phase.sigmas),
            "phase_value": list(phase.values),
            "end": list(ENDS),
        },
    )
