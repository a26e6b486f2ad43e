"""The arguments that single runs and ensembles share: their names, types, defaults and docs."""

from __future__ import annotations

import inspect
import os
import re
from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from typing import TYPE_CHECKING, Any, ParamSpec, TypedDict, TypeVar, cast

import numpy.typing as npt

from noisync.base import validate
from noisync.errors import ArgumentTypeError

if TYPE_CHECKING:
    from typing_extensions import Required

    from noisync.measure.observer import Observer, UserFunction
    from noisync.run.checkpoint import Checkpoint

    Observers = Sequence[Observer | UserFunction] | Mapping[str, Observer | UserFunction]


class RunArguments(TypedDict, total=False):
    """The shared arguments, as type checkers know them."""

    horizon: Required[float]
    layers: Required[int]
    seed: int
    noise_replicate: int | None
    weights: npt.ArrayLike | None
    save: int | Sequence[int] | None
    observe: Observers
    dtype: npt.DTypeLike
    threads: int | None
    progress: bool
    path_layers: int | None
    scheme: str
    method: str
    tol: float
    checkpoint: Checkpoint | str | os.PathLike[str] | None
    stop_after: float | None


DEFAULTS: Mapping[str, Any] = {
    "seed": 0,
    "noise_replicate": None,
    "weights": None,
    "save": None,
    "observe": (),
    "dtype": "float64",
    "threads": None,
    "progress": False,
    "path_layers": None,
    "scheme": "layer",
    "method": "auto",
    "tol": 1e-12,
    "checkpoint": None,
    "stop_after": None,
}

NAMES = tuple(RunArguments.__annotations__)

#: Those that a plan does not hold: they change nothing in a result, or are checked elsewhere.
WITHOUT_EFFECT = ("observe", "threads", "progress", "checkpoint", "stop_after")

_DOCS = """\
    horizon : float
        T > 0, the time that all layers together take.
    layers : int
        L, the number of layers; each has the thickness Δ = T/L.
    seed : int
        The noise of layer l is a function of (seed, replicate, l) and the noise law alone: it does
        not depend on N, on what is saved, on the number of threads or on the order of runs.
    noise_replicate : int, optional
        The replicate whose noise the run meets, in place of its own; the start stays that of its
        own. With ``GaussianField(sampler="exact")``, which is no function on the sphere, it is the
        same noise only for the same number of tokens.
    weights : (N,) array_like, optional
        Masses of the tokens, non-negative with sum 1; uniform by default.
    dtype : {"float64", "float32"}
        Arithmetic of the run.
    threads : int, optional
        Default: as many as have enough to do, at most all cores. The result is the same, bit for
        bit, for any number.
    progress : bool
        Show a progress bar.
    path_layers : int, optional
        The noise path lives on this many layers, a multiple of `layers`, and a layer sums the
        increments √(T/path_layers) G of its part of the path, each evaluated at its own state.
        Runs with other `layers` and the same `path_layers` meet the same noise.
    scheme : {"layer", "euler", "rk4"}
        The time step, see ``noisync.schemes.SCHEMES``: the transformer's layer as above, a single
        step X' = LN(X + Δ Attn(X) + √Δ G(X)), or, without noise, the Runge–Kutta method of order 4.
    method, tol
        How the attention is summed and how exactly, as in :func:`noisync.attention_drift`. Observed
        energies take linear time where that is faster, unless ``"direct"`` is asked for.
    checkpoint : path-like or Checkpoint, optional
        A folder that the call goes on from after any end, that of its process included; see
        :class:`noisync.Checkpoint` and :func:`noisync.resume`. If it holds a checkpoint of the same
        call, the call goes on from there; that of a finished call gives its result again.
    stop_after : float, optional
        Hours after which the call writes its checkpoint and returns the result so far."""

P = ParamSpec("P")
R = TypeVar("R")


def shares_run_arguments(
    *, without: Sequence[str] = ()
) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Give a function with ``**arguments`` the shared ones: in its signature, docs and errors."""

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        return _sharing(function, [name for name in NAMES if name not in without])

    return decorate


def _sharing(function: Callable[P, R], names: Sequence[str]) -> Callable[P, R]:
    own = inspect.signature(function)
    parameters = [p for p in own.parameters.values() if p.kind is not p.VAR_KEYWORD]
    known = {p.name for p in parameters} | set(names)
    required = [n for n in names if n not in DEFAULTS]
    shared = [
        inspect.Parameter(
            name,
            inspect.Parameter.KEYWORD_ONLY,
            default=DEFAULTS.get(name, inspect.Parameter.empty),
            annotation=_annotation(name),
        )
        for name in names
    ]
    name = function.__name__

    @wraps(function)
    def checked(*positional: P.args, **named: P.kwargs) -> R:
        for key in named:
            if key not in known:
                raise ArgumentTypeError(
                    f"{name} has no argument {key!r}{validate.nearest(key, sorted(known))}"
                )
        for key in required:
            if key not in named:
                raise ArgumentTypeError(f"{key} must be given to {name}")
        return function(*positional, **named)

    checked.__signature__ = own.replace(parameters=[*parameters, *shared])  # type: ignore[attr-defined]
    checked.__doc__ = (function.__doc__ or "").replace("    {shared arguments}", _docs(names))
    return checked


def _docs(names: Sequence[str]) -> str:
    """Return the entries of these arguments; one may be of several, as in "method, tol"."""
    entries = re.split(r"\n(?=    \w)", _DOCS)
    return "\n".join(e for e in entries if re.findall(r"\w+", e)[0] in names)


def _annotation(name: str) -> str:
    """Return the annotation of a shared argument, without what only a TypedDict needs."""
    text: str = RunArguments.__annotations__[name].__forward_arg__
    return text.removeprefix("Required[").removesuffix("]") if name not in DEFAULTS else text


def complete(arguments: RunArguments) -> RunArguments:
    """Return the arguments with defaults for those that were left out."""
    return cast(RunArguments, {**DEFAULTS, **arguments})
