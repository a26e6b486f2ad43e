"""What observers are: numbers made of the states of a run while it goes on.

An observer says which axes its numbers have, what the core is to make of a state, and what becomes
of the series when the run has ended. Everything else, such as when it looks, where its numbers go
and what they are called in results and files, is the same for all.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from typing import Any, ClassVar, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from noisync import _core
from noisync.base import validate
from noisync.base.validate import FloatArray
from noisync.errors import ArgumentError
from noisync.model import Model

UserFunction = Callable[[npt.NDArray[Any]], npt.ArrayLike]

#: Which layers an observer looks at: every k-th and the last, those listed, or as the run says.
Layers = int | Sequence[int] | None

#: What can name a variable of a netCDF file.
VARIABLE_NAME = re.compile(r"[A-Za-z_][\w.+-]*", re.ASCII)


class Axis(NamedTuple):
    """A named dimension of what an observer makes of a state, with its labels."""

    name: str
    values: npt.NDArray[Any]
    labelled: bool = True

    @classmethod
    def numbered(cls, name: str, size: int) -> Axis:
        """Return a dimension without labels."""
        return cls(name, np.arange(size), labelled=False)


class Follow(NamedTuple):
    """Tangent vectors that a run carries: k at each of so many tokens from the first on."""

    k: int
    token: int
    tokens: int = 1
    #: Whether the run keeps account of the least Jacobian of a layer; for k = dim − 1.
    jacobian: bool = False


class Setting(Protocol):
    """What an observer is told of the run."""

    @property
    def model(self) -> Model:
        """The model, its choices made."""

    @property
    def n(self) -> int:
        """The number of tokens."""

    @property
    def dtype(self) -> np.dtype[Any]:
        """The precision of the tokens."""

    @property
    def sum_method(self) -> str:
        """How sums over pairs are taken: "direct" or "auto"."""

    @property
    def tol(self) -> float:
        """How exactly attention is summed."""


class Observer(ABC):
    """Something to observe along a run. Frozen dataclasses with a `name` and `layers` derive."""

    name: str
    layers: Layers

    #: The kinds that a configuration file can ask for, by their key in the table [observe].
    kinds: ClassVar[dict[str, type[Observer]]] = {}

    def __init_subclass__(cls, key: str | None = None, **options: Any) -> None:
        super().__init_subclass__(**options)
        if key is not None:
            Observer.kinds[key] = cls

    @abstractmethod
    def axes(self, setting: Setting) -> tuple[Axis, ...]:
        """Return the dimensions of what is made of a state; those after replicate and time."""

    @abstractmethod
    def measure(self, setting: Setting) -> _core.Measure | UserFunction:
        """Return what the core makes of a state, or a function of the tokens.

        The axes of a function's values are known once it has been called; until then `axes` are
        empty.
        """

    def finish(self, values: npt.NDArray[Any], time: FloatArray) -> npt.NDArray[Any]:
        """Return what the recorded numbers (..., time, axes) stand for, of the same shape."""
        return values

    def dtype(self, setting: Setting) -> np.dtype[Any]:
        """Return the dtype in which the numbers are recorded."""
        return np.dtype(np.float64)

    @property
    def follow(self) -> Follow | None:
        """The tangent vectors that the run has to carry for it."""
        return None

    @property
    def attributes(self) -> Mapping[str, Any]:
        """What is said of the variable in results and files: long_name, units, parameters."""
        return {}

    @classmethod
    def from_setting(cls, value: Any) -> list[Observer]:
        """Return the observers that a value of the table [observe] asks for.

        By default one, the value being its first parameter.
        """
        return [cls(value)]  # type: ignore[call-arg]

    def _axis(self, name: str, values: npt.ArrayLike) -> Axis:
        # Two observers of one kind have two names, and may differ in what they see.
        default = next(f.default for f in fields(self) if f.name == "name")  # type: ignore[arg-type]
        return Axis(name if self.name == default else f"{self.name}_{name}", np.asarray(values))

    def _check(self) -> None:
        name: object = self.name
        if not isinstance(name, str) or not VARIABLE_NAME.fullmatch(name):
            raise ArgumentError(
                f"name must be letters, digits, '_', '.', '+' or '-' after a letter, got {name!r}"
            )
        if self.layers is not None and np.ndim(self.layers) != 0:
            chosen = tuple(
                validate.integer("layers", layer, minimum=0)
                for layer in np.asarray(self.layers, object)
            )
            object.__setattr__(self, "layers", chosen)
        elif self.layers is not None:
            every = validate.integer("layers", self.layers, minimum=1)
            object.__setattr__(self, "layers", every)


def betas_from_setting(key: str, value: Any) -> list[float]:
    """Return the list of β that a configuration file gives."""
    if not isinstance(value, list):
        raise ArgumentError(f"observe.{key} must be a list of numbers, got {value!r}")
    return [validate.energy_beta(beta) for beta in value]
