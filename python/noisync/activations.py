"""Activation functions phi: the named ones of the compiled core, or any callable for theory."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.differentiate import derivative as finite_difference

from noisync import _core, _validate
from noisync._validate import FloatArray
from noisync.errors import ArgumentError, ArgumentTypeError

Function = Callable[[FloatArray], FloatArray]

#: The activations that can be simulated, by name.
NAMES: tuple[str, ...] = tuple(_core.activation_names())


def check_name(name: object) -> str:
    """Return the name of an activation; an unknown one is an error that suggests the nearest."""
    return _validate.choice("activation", name, NAMES)


@dataclass(frozen=True)
class Activation:
    """phi and phi', elementwise on float64 arrays; the relative accuracy of phi'."""

    name: str
    value: Function
    derivative: Function
    derivative_accuracy: float = 1e-13


def resolve(activation: str | Function, derivative: Function | None = None) -> Activation:
    """Return phi and phi' of a named activation or of a callable.

    Without `derivative`, that of a callable is taken by adaptive finite differences
    (`scipy.differentiate`), good to about 1e-11 where the function is smooth.
    """
    if isinstance(activation, str):
        name = check_name(activation)
        return Activation(
            name,
            lambda z: _core.activation(name, z),
            lambda z: _core.activation_derivative(name, z),
        )
    if not callable(activation):
        raise ArgumentTypeError(
            f"activation must be a name or a function of an array, got {activation!r}"
        )
    value = _checked(activation)
    name = getattr(activation, "__name__", "activation")
    if derivative is not None:
        return Activation(name, value, _checked(derivative))
    return Activation(name, value, _differentiated(value), derivative_accuracy=1e-11)


def _checked(function: Function) -> Function:
    def call(z: FloatArray) -> FloatArray:
        result = np.asarray(function(z), dtype=np.float64)
        if result.shape != z.shape:
            raise ArgumentError(
                "activation must map an array to an array of the same shape, "
                f"got {result.shape} from {z.shape}"
            )
        return result

    return call


def _differentiated(value: Function) -> Function:
    def derivative(z: FloatArray) -> FloatArray:
        # The stencil reaches one step to each side: it must not cross zero, where kinks are.
        step = np.where(z == 0, 0.1, np.minimum(0.1, 0.5 * np.abs(z)))
        result = finite_difference(value, z, initial_step=step, order=8)
        return np.asarray(result.df, dtype=np.float64)

    return derivative
