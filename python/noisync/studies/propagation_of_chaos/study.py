"""Propagation of chaos: how fast N tokens approach the SPDE, under the same common noise."""

from __future__ import annotations

import inspect
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import xarray as xr

from noisync.base.progress import Bar
from noisync.model import Model
from noisync.run.checkpoint import Checkpoint
from noisync.studies.cells import Cells, with_effect
from noisync.studies.propagation_of_chaos.cost import estimate
from noisync.studies.propagation_of_chaos.design import DEFAULT_MODELS, Design
from noisync.studies.propagation_of_chaos.found import Found
from noisync.studies.propagation_of_chaos.growth import GROWTH_MODELS, Growth
from noisync.studies.propagation_of_chaos.setting import Setting, checked_models

if TYPE_CHECKING:
    from distributed import Client


def propagation_of_chaos(
    model: Model | Sequence[Model] = DEFAULT_MODELS,
    *,
    tokens: Sequence[int] = (64, 128, 256, 512, 1024, 2048, 4096, 8192),
    horizon: float = 1.0,
    layers: int = 40,
    saved: int = 10,
    concentration: float = 1.0,
    replicates: int = 16,
    beta: float = 1.0,
    orders: Sequence[float] = (0.0, 1.0, 2.0),
    degree: int = 8,
    transport_tokens: int = 1024,
    reference: str = "auto",
    reference_tokens: int = 2**15,
    conditional_tokens: Sequence[int] = (16, 32, 64, 128, 256, 512, 1024),
    starts: int = 4000,
    growth_horizon: float = 8.0,
    growth_tokens: int = 256,
    growth_replicates: int = 8,
    seed: int = 0,
    threads: int | None = None,
    progress: bool = False,
    checkpoint: Checkpoint | str | os.PathLike[str] | None = None,
    stop_after: float | None = None,
    client: Client | None = None,
) -> xr.Dataset:
    r"""Measure how fast the empirical measure of N tokens approaches the solution of the SPDE.

    .. math:: E \sup_{t \le T} W_2^2(\mu^N_t, \mu_t) \le c_T\, r_d(N)

    All N meet the same noise path and the first N tokens of one start, independent with the density
    ~ e^{c⟨e_1, x⟩}. The errors, at every saved time, are

    * synchronous coupling, (1/N) Σ |X^i − X̄^i|², the X̄^i driven by the SPDE's μ_t and the same
      noise: slope −1;
    * W_2², geodesic and exact;
    * squared Sobolev distances of order −s, cut at `degree`: slope −1; and with s = 1 and the
      degree N^{1/(d−1)}, at the end;
    * |E_β(μ^N) − E_β(μ)|: slope −1/2.

    Chaos given the noise: over starts on one noise path, Cov(f(X¹), f(X²)) of the first coordinate
    f at the end vanishes like 1/N, while the same over noise paths does not; and
    √N(⟨f, μ^N⟩ − ⟨f, μ⟩) is Gaussian. Beyond the theorem: the coupling error of one N over a long
    time, where noise synchronises and where attention repels.

    Parameters
    ----------
    model : Model or sequence of Models
        Their noise must be a function on the sphere, such as an MLP or a ``GaussianField`` whose
        sampler is ``"harmonic"`` or ``"features"``.
    tokens : sequence of int
        The N, increasing.
    horizon : float
        T.
    layers : int
        L, a multiple of `saved`.
    saved : int
        Times in (0, T] at which errors are taken, beside 0.
    concentration : float
        c of the start; 0 is the uniform law.
    replicates : int
        Independent noise paths and starts.
    beta : float
        β of the energy.
    orders, degree
        The s of the Sobolev distances, and the degree at which they are cut.
    transport_tokens : int
        The largest N of exact transport beyond the circle; 0 leaves W_2 out. It needs POT (``pip
        install "noisync[study]"``).
    reference : {"auto", "spde", "particles"}
        The SPDE, for dim 2 to 5, or one system of `reference_tokens` whose first N are the N.
    conditional_tokens, starts
        The N and the number of starts of chaos given the noise, for the models of the least dim; 0
        starts leave it out.
    growth_horizon, growth_tokens, growth_replicates
        Horizon, N and noise paths of what is beyond the theorem; a horizon of 0 leaves it out.
    seed, threads, progress, checkpoint, stop_after
        As in :func:`noisync.simulate`; a checkpoint is written after whole noise paths.
    client : dask.distributed.Client, optional
        Compute on its workers, as in :func:`noisync.ensemble`, cell by cell.

    Returns
    -------
    xarray.Dataset
        ``coupling``, ``energy``, ``wasserstein`` (squared) over (model, replicate, tokens, time),
        ``sobolev`` (squared) with order, too, ``sobolev_growing`` without time; NaN where not
        measured. ``slope_NAME`` (model, over: sup or end, bound: estimate, low, high) with a 95 %
        interval by bootstrap over replicates, ``expected_NAME`` what theory says on the same sizes,
        ``floor_NAME`` the error of the reference. ``conditional`` and ``unconditional``, the
        covariances (model, conditional_tokens, bound), ``slope_conditional``, ``fluctuation``
        (model, conditional_tokens, start). ``growth`` and ``growth_spread`` (growth_model,
        growth_replicate, growth_time), with ``floor_growth``.

    Raises
    ------
    ArgumentError, ArgumentTypeError
        For arguments that break a rule, before anything is computed.
    KeyboardInterrupt
        With what was measured until then in its ``dataset``, NaN for the rest.

    References
    ----------
    arXiv:2604.26898, eq. (1.9) and §3.
    """
    arguments = dict(locals())
    design, growth = _planned(**arguments)
    models = design.models
    asked = {**with_effect(arguments), "model": models}
    cells = Cells("propagation_of_chaos", asked, checkpoint, stop_after)
    found = Found(design, growth)
    chaos = sum(map(design.conditional, models)) * (len(design.conditional_tokens) + 1)
    steps = len(models) * (design.replicates + 1) + chaos
    steps += len(GROWTH_MODELS) * (growth.replicates + 1) if growth else 0
    with (
        Bar(steps, "cell", shown=progress) as bar,
        cells.running(lambda: found.dataset(steps)),
    ):
        for key, values in cells.each(found.cells(), client):
            found.values[key] = values
            bar.update()
    return found.dataset(steps)


def cost(**arguments: Any) -> str:
    """Say what the study with these arguments takes, before it is run."""
    defaults = {
        name: parameter.default
        for name, parameter in inspect.signature(propagation_of_chaos).parameters.items()
    }
    return estimate(*_planned(**(defaults | arguments)))


def _planned(
    *, model: Model | Sequence[Model], growth_horizon: float, growth_tokens: int,
    growth_replicates: int, progress: bool, checkpoint: object, stop_after: object, client: object,
    **others: Any,
) -> tuple[Design, Growth | None]:  # fmt: skip
    """Check all arguments."""
    names = ("horizon", "layers", "saved", "concentration", "seed", "threads")
    setting = Setting.checked(**{name: others.pop(name) for name in names})
    growth = Growth.checked(setting, growth_horizon, growth_tokens, growth_replicates)
    return Design.checked(checked_models(model), setting, **others), growth
