"""One run of a model."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy.typing as npt

from noisync import _core
from noisync.base import validate
from noisync.errors import NoisyncError, SimulationError
from noisync.measure.function import as_observers
from noisync.measure.norms import Norms
from noisync.measure.tokens import Tokens
from noisync.model import Model, check_model
from noisync.run.arguments import RunArguments, complete, shares_run_arguments
from noisync.run.call import described_call
from noisync.run.keeper import Pauses, keeping
from noisync.run.origin import Origin, start_text
from noisync.run.plan import Plan
from noisync.run.progress import Progress
from noisync.run.ranks import Share
from noisync.run.recording import Recording, Series, follow_of
from noisync.run.runs import Runs
from noisync.run.schedule import Schedule
from noisync.run.shared_keeper import shared_keeping
from noisync.run.start import Start, checked_start, given
from noisync.run.trajectory import Trajectory
from noisync.sphere.law import Law

if TYPE_CHECKING:
    from typing_extensions import Unpack


@shares_run_arguments()
def simulate(
    model: Model,
    tokens: npt.ArrayLike | Law,
    *,
    replicate: int = 0,
    comm: Any = None,
    **arguments: Unpack[RunArguments],
) -> Trajectory:
    r"""Carry tokens through the layers of a model.

    .. math::
        Y_i = \mathrm{LN}(X_i + \Delta\,\mathrm{Attn}_X(X_i)),\qquad
        X_i' = \mathrm{LN}(Y_i + \sqrt\Delta\, G_\ell(Y_i)),\qquad \Delta = T/L

    Parameters
    ----------
    model : Model
    tokens : (N, d) array_like, or a law
        Initial directions, rows of norm 1 (see :func:`noisync.sphere.normalize`), or a law such as
        ``ns.sphere.Uniform(n, dim)``, drawn with (seed, replicate).
    replicate : int
        Which of the runs with this seed: each has a noise of its own.
    comm : mpi4py communicator, optional
        Several processes share the tokens (``pip install "noisync[mpi]"``). Every rank makes the
        same call; the result's ``rows`` say which tokens it has. The bits are those of one process.
    {shared arguments}
    save : None, int or sequence of int, optional
        Which states to keep: all, every k-th and the last, or the listed layers (0 is the start).
        The last state is kept in any case, in the result's ``state``.
    observe : sequence of observers and functions, or a dict that names them
        What to compute along the way, in the result's ``observed`` (:class:`noisync.Energy`,
        ``Budget``, ``Cosines``, ``OrderParameters``, ``Clusters``, ``Lyapunov``, ``Tokens``,
        ``Norms``), after every layer unless an observer has ``layers`` of its own. A function gets
        the (N, d) tokens and returns a number or an array of fixed shape.

    Returns
    -------
    Trajectory
        Its ``model`` says which sampler a :class:`noisync.GaussianField` was given, its ``method``
        how the attention was summed.

    Raises
    ------
    ArgumentError, ArgumentTypeError
        For arguments that break a rule, before anything is computed.
    SimulationError
        If a token leaves the sphere (an infinite or NaN vector, or one without direction: zero, or
        what roundings leave of a sum that cancels), or :class:`noisync.Sinkhorn` attention does not
        converge (then with its ``residual``). What was computed until then is in the exception's
        ``trajectory``, as it is in that of a ``KeyboardInterrupt`` or of whatever else ended the
        run.

    References
    ----------
    arXiv:2604.26898, eq. (1.1).
    """
    check_model(model)
    run = complete(arguments)
    start = checked_start(tokens, model)
    replicate = validate.integer("replicate", replicate, minimum=0, maximum=2**32 - 1)
    plan = Plan.checked(model, start.n, run)
    asked = {"model": plan.model, "tokens": given(start), "replicate": replicate, **plan.asked()}
    share = None if comm is None else shared("simulate", asked, plan, run, comm)
    return single_run("simulate", asked, plan, start, replicate, run, share=share)


def shared(kind: str, asked: Mapping[str, Any], plan: Plan, run: RunArguments, comm: Any) -> Share:
    """Return this rank's share of a run, of which all ranks were asked for the same."""
    observers = as_observers(run["observe"])
    measures = [observer.measure(plan) for observer in observers]
    stretches = [m.stretch(plan.n) for m in measures if isinstance(m, _core.Measure)]
    share = Share.of(comm, plan, follow_of(observers, plan), filter(None, stretches))
    for observer in observers:
        share.check_observer(observer)
    share.check_same(described_call(kind, {**asked, "observe": observers}, 0.0))
    return share


def single_run(
    kind: str,
    asked: Mapping[str, Any],
    plan: Plan,
    start: Start,
    replicate: int,
    run: RunArguments,
    earlier: Trajectory | None = None,
    share: Share | None = None,
) -> Trajectory:
    """Carry out a plan: from its start, or on from where an earlier run of fewer layers ended.

    `kind` and `asked` say what a checkpoint is of; `run` has what the plan does not hold.
    """
    observers = as_observers(run["observe"])
    advice = "keep fewer (save=k, save=[...]) or observe on the way instead"
    own, own_start = (plan, start) if share is None else (share.plan(plan), share.start(start))
    saved = Series(Tokens(), plan.save, own, 1, advice)
    norms = None if plan.initial_norm is None else Series(Norms(), plan.save, plan, 1, advice)
    recording = Recording(observers, plan, Schedule(plan.layers, every=1), 1, share)
    series = [saved, *([] if norms is None else [norms]), *recording.series]
    follow = recording.follow if share is None else share.own_follow
    runs = Runs(own, own_start, series, follow, first_replicate=replicate)
    described = start_text(start) if earlier is None else earlier.origin.start
    if earlier is not None:
        runs.go_on_from(earlier.state, earlier.layers_summed_directly, seen=earlier.seen)
        saved.go_on_from(earlier.saved("tokens"), earlier.seen)
        if norms is not None:
            norms.go_on_from(earlier.saved("norms"), earlier.seen)
        for each in recording.series:
            each.go_on_from(earlier.observed[each.name], earlier.seen)

    def result() -> Trajectory:
        origin = Origin.of(plan, described, observers, runs.levels)
        run = Trajectory.of(plan, replicate, runs.states, saved, norms, recording, origin)
        return run if share is None else replace(run, share=share)

    asked = {**asked, "observe": observers}
    shown = run["progress"] and (share is None or share.first)
    began = False
    try:
        with (
            Progress(1, plan.layers, by_run=False, shown=shown) as progress,
            _keeping(share, kind, asked, runs, run) as keeper,
        ):
            began = True
            lost = runs.carry(progress, keeper)
    except BaseException as error:
        if began or not isinstance(error, NoisyncError):  # a checkpoint that is refused
            error.trajectory = result()  # type: ignore[attr-defined]
        raise
    if lost is not None:
        _, layer, reason, residual = lost
        raise SimulationError.of(
            f"layer {layer}: {reason}; the states before are in this error's .trajectory",
            trajectory=result(),
            residual=residual,
        )
    return result()


def _keeping(
    share: Share | None, kind: str, asked: Mapping[str, Any], runs: Runs, run: RunArguments
) -> AbstractContextManager[Pauses]:
    """Go on from the checkpoint of a process alone, or of all ranks."""
    if share is None:
        return keeping(kind, asked, runs, run)
    return shared_keeping(share, kind, asked, runs, run)
