"""The SPDE along one path of the common noise."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from noisync import sphere
from noisync.base import validate
from noisync.errors import ArgumentError
from noisync.measure.function import as_observers
from noisync.measure.observer import Observer
from noisync.model import Model, check_model
from noisync.normalization import require_post
from noisync.run.arguments import RunArguments, complete, shares_run_arguments
from noisync.run.plan import Plan
from noisync.run.resume import RESUMED
from noisync.run.simulation import shared, single_run
from noisync.run.start import checked_start
from noisync.spde.jacobian import Jacobian
from noisync.spde.solution import SpdeSolution
from noisync.sphere.law import density_of

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from noisync.sphere import Law

#: How far the mass that a density has on the nodes may be from 1.
MASS_TOLERANCE = 1e-8


@shares_run_arguments(without=("weights",))
def solve(
    model: Model,
    density: Law,
    *,
    degree: int,
    replicate: int = 0,
    comm: Any = None,
    **arguments: Unpack[RunArguments],
) -> SpdeSolution:
    r"""Solve the SPDE of the token distribution along one path of the common noise.

    .. math:: d\mu + \mathrm{div}(\mu\, P_x \mathrm{Attn}(\mu, \cdot))\,dt
              + \sum_{k,\alpha} \mathrm{div}(\mu\, P_x \sigma_k e_\alpha)\, dB^{k,\alpha}
              = \frac{\kappa(1)}{2} \Delta\mu\, dt

    All its noise is transport, so μ_t is the push-forward of μ_0 by the common flow, and a weighted
    set of tokens solves it exactly in space. Here the tokens are the nodes x_j of a quadrature of
    the sphere, with weights w_j ρ_0(x_j): integrals of smooth functions against μ_t converge
    spectrally in `degree` where the flow is analytic; for ReLU, whose flow has one derivative,
    like degree^{−2}. In time it is the same layers that :func:`noisync.simulate` takes, and along
    one noise path (seed, replicate) N tokens meet the very noise that the SPDE meets.

    Parameters
    ----------
    model : Model
        Its noise must be a function on the sphere: MLP, ValueNoise, or a GaussianField whose
        sampler is ``"harmonic"`` or ``"features"`` (``"auto"``: harmonic where it serves).
    density : law
        μ_0: :class:`noisync.sphere.Uniform`, ``VonMisesFisher``, ``Mixture``, ``Density``, or
        whatever has ``dim`` and ``density(points)``. Its number of tokens is ignored.
    degree : int
        The quadrature is exact for harmonics up to this degree; for dim 2 to 5.
    replicate : int
        Which of the noise paths with this seed.
    comm : mpi4py communicator, optional
        Several processes share the nodes, as in :func:`noisync.simulate`; each of them gets the
        whole solution.
    {shared arguments}
    save : None, int or sequence of int, optional
        Which states to keep: all, every k-th and the last, or the listed layers (0 is the start).
    observe : sequence of observers and functions, or a dict that names them
        What to compute along the way from the weighted nodes, as in :func:`noisync.simulate`.

    Returns
    -------
    SpdeSolution

    Raises
    ------
    ArgumentError, ArgumentTypeError
        For a dim without quadrature, a density that the nodes do not resolve, a noise that is no
        function on the sphere, another normalisation than ``"post"``, or other arguments that
        break a rule.
    SimulationError
        If a node leaves the sphere.

    Examples
    --------
    >>> import noisync as ns
    >>> model = ns.Model(dim=2, attention=ns.Softmax(beta=2.0), noise=ns.MLP("tanh", width=64))
    >>> solution = ns.spde.solve(model, ns.sphere.Uniform(1, 2), degree=64, horizon=0.5, layers=10)
    >>> solution.tokens.shape, bool(solution.resolved.all())
    ((11, 66, 2), True)

    References
    ----------
    arXiv:2604.26898, eq. (1.9).
    """
    check_model(model)
    degree = validate.integer("degree", degree, minimum=4)
    require_post(model.placement, "spde.solve")
    attention = model.total_attention
    if attention is not None and attention.depends_on_order:
        raise ArgumentError(
            "attention must depend on the tokens through their measure alone, and under a causal "
            f"mask it depends on their order, got {model.attention}"
        )
    model = model.on_sphere()
    run = complete(arguments)
    nodes, quadrature = sphere.quadrature(model.dim, degree)
    if getattr(density, "dim", model.dim) != model.dim:
        raise ArgumentError(f"density must have dim {model.dim} like the model, got {density.dim}")
    initial = density_of("density", density, nodes)
    weights = initial * quadrature
    mass = float(weights.sum())
    if abs(mass - 1) > MASS_TOLERANCE:
        raise ArgumentError(
            f"degree must be large enough to resolve the density, whose mass on the nodes of "
            f"degree {degree} is {mass:.10g}, expected 1"
        )
    for observer in as_observers(run["observe"]):
        if observer.follow is not None:
            raise ArgumentError(
                f"observe: the tangent vectors that {observer.name!r} follows are taken by those "
                "of the nodes; observe it in simulate"
            )
    run["weights"] = weights / mass
    jacobian = Jacobian(len(nodes), model.dim, layers=_layers(run))
    run["observe"] = [*as_observers(run["observe"]), jacobian]
    replicate = validate.integer("replicate", replicate, minimum=0, maximum=2**32 - 1)
    plan = Plan.checked(model, len(nodes), run)
    asked = {
        "model": plan.model, "density": density, "degree": degree, "replicate": replicate,
        **plan.asked(without=("weights",)),
    }  # fmt: skip
    start = checked_start(nodes, model)
    share = None if comm is None else shared("spde.solve", asked, plan, run, comm)
    trajectory = single_run("spde.solve", asked, plan, start, replicate, run, share=share)
    trajectory = trajectory.gathered()
    return SpdeSolution.of(trajectory, degree, nodes, quadrature, initial / mass)


def _resumed(*, observe: Sequence[Observer] = (), **arguments: Any) -> SpdeSolution:
    """Call `solve` with the observers of its run, to which it adds one of its own."""
    others = [observer for observer in observe if not isinstance(observer, Jacobian)]
    return solve(observe=others, **arguments)


RESUMED["spde.solve"] = _resumed


def _layers(run: RunArguments) -> int | tuple[int, ...] | None:
    save = run["save"]
    return save if save is None or np.ndim(save) == 0 else tuple(save)  # type: ignore[arg-type, return-value]
