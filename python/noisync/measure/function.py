"""A function of the user's own, along a run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from noisync.errors import ArgumentError, ArgumentTypeError
from noisync.measure.observer import (
    VARIABLE_NAME,
    Axis,
    Layers,
    Observer,
    Setting,
    UserFunction,
)


@dataclass(frozen=True)
class Function(Observer):
    """A function of the tokens: a number, or an array of fixed shape, per observed layer.

    Its values are kept as float64, in dimensions ``NAME_1``, ``NAME_2``, ... of the name.

    Parameters
    ----------
    f : callable
        Gets the (N, d) tokens and returns a real number or an array.
    name : str, optional
        Name of the result; that of the function by default.
    layers : None, int or sequence of int, optional
        Which layers to observe: all those of the run, every k-th and the last, or the listed ones.
    rows : bool
        Whether f maps any (n, d) block of consecutive tokens to (n, ...), a value for each row that
        depends on that row alone: then ranks of a communicator can share the tokens.
    """

    f: UserFunction
    name: str = ""
    layers: Layers = None
    rows: bool = False

    def __post_init__(self) -> None:
        # A class is callable too, but what it makes of the tokens is no observation.
        f: object = self.f
        if not callable(f) or isinstance(f, type):
            raise ArgumentTypeError(f"f must be a function of the tokens, got {self.f!r}")
        if not self.name:
            name = str(getattr(self.f, "__name__", type(self.f).__name__))
            if not VARIABLE_NAME.fullmatch(name):
                raise ArgumentError(f"name must be given to a function that is called {name!r}")
            object.__setattr__(self, "name", name)
        self._check()

    def axes(self, setting: Setting) -> tuple[Axis, ...]:
        """Return none: they are known when the function has been called."""
        return ()

    def measure(self, setting: Setting) -> UserFunction:
        """Return the function."""
        return self.f

    @property
    def attributes(self) -> Mapping[str, Any]:
        """What is said of the variable."""
        return {"long_name": self.name}


def as_observers(observe: object) -> list[Observer]:
    """Return the observers that the argument `observe` of a run lists.

    Observers and functions in a sequence, or a dict that names them. A function without a usable
    name is called ``observer_K``, K its place.
    """
    if observe is None:
        return []
    if isinstance(observe, Mapping):
        return [_named(key, item) for key, item in observe.items()]
    if isinstance(observe, str | bytes) or not hasattr(observe, "__iter__"):
        raise ArgumentTypeError(
            f"observe must be a sequence of observers and functions, or a dict of named ones, "
            f"got {observe!r}"
        )
    return [_placed(place, item) for place, item in enumerate(observe)]


def _placed(place: int, item: Any) -> Observer:
    if isinstance(item, Observer):
        return item
    _refuse_no_observer(item)
    name = str(getattr(item, "__name__", type(item).__name__))
    return Function(item, name if VARIABLE_NAME.fullmatch(name) else f"observer_{place}")


def _named(key: Any, item: Any) -> Observer:
    if isinstance(item, Observer):
        return replace(item, name=key)  # type: ignore[type-var]
    _refuse_no_observer(item)
    return Function(item, key)


def _refuse_no_observer(item: Any) -> None:
    if not callable(item) or isinstance(item, type):
        raise ArgumentTypeError(
            "observe: an observer is an object such as ns.Energy(beta=1.0) or a function of the "
            f"tokens, got {item!r}"
        )
