"""Which activations synchronise: the rates of all of them, side by side."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr
from scipy import optimize

from noisync.base import validate
from noisync.base.progress import Bar
from noisync.base.validate import FloatArray
from noisync.base.version import __version__
from noisync.errors import ArgumentError
from noisync.run.checkpoint import Checkpoint
from noisync.studies.cells import Cells, Values
from noisync.theory.activations import NAMES, Function
from noisync.theory.kernel import Kernel

if TYPE_CHECKING:
    from distributed import Client

#: Where the σ is looked for at which λ̄ changes sign.
_SIGMAS = np.concatenate([[0.0], np.geomspace(1e-3, 10.0, 41)])


def activation_rates(
    activations: Sequence[str] | Mapping[str, Function | str] | None = None,
    *,
    dims: Sequence[int] = (3, 5, 16, 64, 128),
    sigmas: Sequence[float] = (0.0, 0.1, 0.3),
    progress: bool = False,
    checkpoint: Checkpoint | str | os.PathLike[str] | None = None,
    stop_after: float | None = None,
    client: Client | None = None,
) -> xr.Dataset:
    r"""Rank activations by how fast their noise synchronises tokens.

    Everything is decided by κ(1), the strength of the noise, and the ratio r = κ'(1)/κ(1), how
    fast it varies between near tokens:

    .. math:: \lambda_1 = \tfrac{\kappa(1)}{2}[(d-3)r - (d-1)],\qquad
              \bar\lambda = \kappa(1)[(d-1)r - (d-3)],

    so near tokens approach (λ_1 < 0) where r < (d−1)/(d−3), and mean energies decay (λ̄ < 0)
    where r < (d−3)/(d−1).

    Parameters
    ----------
    activations : sequence of str, or mapping of str to callable, optional
        Names, or functions of arrays under the names that they shall have; all named ones by
        default.
    dims : sequence of int
        The d.
    sigmas : sequence of float
        The σ = σ_U = σ_W.
    progress, checkpoint, stop_after
        As in :func:`noisync.simulate`; a checkpoint holds whole activations.
    client : dask.distributed.Client, optional
        Compute on its workers, as in :func:`noisync.ensemble`, activation by activation.

    Returns
    -------
    xarray.Dataset
        Over (activation, dim, sigma): ``variance`` κ(1), ``slope`` κ'(1), ``lyapunov_exponent``,
        ``coercivity``. Over (activation, dim): ``critical_sigma``, from which on λ̄ < 0; 0 where it
        is for every σ, infinite where it is for none up to 10.

    Raises
    ------
    ArgumentError, ArgumentTypeError
        For arguments that break a rule.

    Examples
    --------
    >>> import numpy as np
    >>> import noisync as ns
    >>> data = ns.studies.activation_rates({"cube": lambda z: z**3, "tanh": "tanh"}, dims=[64])
    >>> float(data.critical_sigma.sel(activation="cube")[0]) > 0
    True

    References
    ----------
    arXiv:2604.26898, §1.3 and §4.2.
    """
    functions: Mapping[str, Function | str]
    if isinstance(activations, Mapping):
        functions = activations
    else:
        names = NAMES if activations is None else activations
        functions = {validate.choice("activations", name, NAMES): name for name in names}
    if not functions:
        raise ArgumentError("activations must name one or more, got none")
    dims = [validate.integer("dims", d, minimum=2) for d in dims]
    sigmas = [validate.non_negative("sigmas", sigma) for sigma in sigmas]
    if not dims or not sigmas:
        raise ArgumentError(f"dims and sigmas must not be empty, got {dims} and {sigmas}")
    asked = {"activations": functions, "dims": dims, "sigmas": sigmas}
    cells = Cells("activation_rates", asked, checkpoint, stop_after)
    planned = [(name, partial(_activation, f, dims, sigmas)) for name, f in functions.items()]
    found: dict[str, Values] = {}

    def dataset() -> xr.Dataset:
        return _dataset(list(functions), dims, sigmas, found)

    with (
        Bar(len(planned), "activation", shown=progress) as bar,
        cells.running(dataset),
    ):
        for name, values in cells.each(planned, client):
            found[name] = values
            bar.update()
    return dataset()


def _activation(
    function: Function | str, dims: Sequence[int], sigmas: Sequence[float]
) -> dict[str, FloatArray]:
    """Return the rates of an activation (dim, sigma, rate), and its critical σ (dim,)."""
    rates = [[_rates(Kernel(function, d, sigma, sigma)) for sigma in sigmas] for d in dims]
    critical = [_critical_sigma(function, d) for d in dims]
    return {"rates": np.array(rates), "critical": np.array(critical)}


def _dataset(
    names: Sequence[str],
    dims: Sequence[int],
    sigmas: Sequence[float],
    found: Mapping[str, Values],
) -> xr.Dataset:
    """Label the rates of those of the activations that were done."""
    done = [name for name in names if name in found]
    rates = ("variance", "slope", "lyapunov_exponent", "coercivity")
    axes = ("activation", "dim", "sigma")
    values = np.array([found[name]["rates"] for name in done])
    values = values.reshape(-1, len(dims), len(sigmas), 4)
    critical = np.array([found[name]["critical"] for name in done]).reshape(-1, len(dims))
    return xr.Dataset(
        {name: (axes, values[..., k]) for k, name in enumerate(rates)}
        | {"critical_sigma": (axes[:2], critical)},
        {"activation": done, "dim": list(dims), "sigma": list(sigmas)},
        {"study": "activations", "version": __version__, "finished": int(len(done) == len(names))},
    )


def _rates(kernel: Kernel) -> tuple[float, ...]:
    return kernel.variance, kernel.slope, kernel.lyapunov_exponent, kernel.coercivity


def _critical_sigma(function: Function | str, dim: int) -> float:
    """Return the largest σ at which λ̄ turns negative, as far as the search goes."""

    def coercivity(sigma: float) -> float:
        return Kernel(function, dim, sigma, sigma).coercivity

    positive = [coercivity(sigma) >= 0 for sigma in _SIGMAS]
    if positive[-1]:
        return np.inf
    if not any(positive):
        return 0.0
    last = max(k for k, above in enumerate(positive) if above)
    return float(optimize.brentq(coercivity, _SIGMAS[last], _SIGMAS[last + 1], xtol=1e-12))
