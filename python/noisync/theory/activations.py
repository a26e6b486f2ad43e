"""Activation functions phi: the named ones of the compiled core, or any callable for theory."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.polynomial import Chebyshev

from noisync import _core
from noisync.base import validate
from noisync.base.validate import FloatArray
from noisync.errors import ArgumentError, ArgumentTypeError, KernelAccuracyWarning

__all__ = ["NAMES", "Activation", "check_name", "resolve"]

Function = Callable[[FloatArray], FloatArray]

#: Relative accuracy that the theory promises.
PROMISED = 1e-10

#: The activations that can be simulated, by name.
NAMES: tuple[str, ...] = tuple(_core.activation_names())


def check_name(name: object) -> str:
    """Return the name of an activation; an unknown one is an error that suggests the nearest."""
    return validate.choice("activation", name, NAMES)


@dataclass(frozen=True)
class Activation:
    """phi and phi', elementwise on float64 arrays; the relative accuracy of phi'."""

    name: str
    value: Function
    derivative: Function
    derivative_accuracy: float = 1e-13


def resolve(
    activation: str | Function, derivative: Function | None = None, radius: float = 12.0
) -> Activation:
    """Return phi and phi' of a named activation or of a callable.

    Without `derivative`, that of a callable is the derivative of Chebyshev interpolants on
    [−radius, 0] and [0, radius]: good to about 1e-11 where the function is smooth on both sides of
    zero. Elsewhere a warning tells how far the interpolants came.
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
    value = _checked("activation", activation)
    name = getattr(activation, "__name__", "activation")
    if derivative is not None:
        return Activation(name, value, _checked("derivative", derivative))
    return Activation(name, value, _Derivative(value, radius), derivative_accuracy=1e-11)


def _checked(name: str, function: Function) -> Function:
    def call(z: FloatArray) -> FloatArray:
        try:
            result = np.asarray(function(z))
            if result.dtype.kind == "c":
                raise TypeError("its values are complex")
            result = result.astype(np.float64, copy=False)
        except (TypeError, ValueError) as error:
            raise ArgumentTypeError(
                f"{name} must map a float64 array to an array of the same shape: {error}"
            ) from error
        if result.shape != z.shape:
            raise ArgumentError(
                f"{name} must map an array to an array of the same shape, "
                f"got {result.shape} from {z.shape}"
            )
        if not np.all(np.isfinite(result)):
            where = int(np.flatnonzero(~np.isfinite(result))[0])
            raise ArgumentError(
                f"{name} must be finite, got {result.flat[where]} at {z.flat[where]:g}"
            )
        return result

    return call


class _Derivative:
    """phi' of a function, from Chebyshev interpolants on both sides of zero."""

    def __init__(self, value: Function, radius: float) -> None:
        self._value = value
        self._radius = radius

    @cached_property
    def _pieces(self) -> tuple[Chebyshev, Chebyshev]:
        radius = self._radius
        left = _interpolant(self._value, [-radius, 0.0])
        right = _interpolant(self._value, [0.0, radius])
        below, above = self._value(np.array([-1e-9, 1e-9]) * radius)
        jump = float(above - below)
        if abs(jump) > 1e-6 * max(np.abs(left.coef).max(), np.abs(right.coef).max()):
            raise ArgumentError(
                f"activation must be continuous for kappa' to exist, got a jump of {jump:g} at zero"
            )
        return left.deriv(), right.deriv()

    def __call__(self, z: FloatArray) -> FloatArray:
        left, right = self._pieces
        negative = left(np.clip(z, -self._radius, 0.0))
        positive = right(np.clip(z, 0.0, self._radius))
        return np.asarray(np.where(z < 0, negative, positive))


def _interpolant(value: Function, domain: list[float]) -> Chebyshev:
    """Interpolate at Chebyshev points, doubled until the last coefficients are rounding."""
    for degree in (32, 64, 128, 256, 512, 1024):
        found: Chebyshev = Chebyshev.interpolate(value, degree, domain)
        largest = max(float(np.abs(found.coef).max()), 1e-300)
        tail = float(np.abs(found.coef[-degree // 8 :]).max()) / largest
        if tail < 1e-14:
            break
    if tail > 1e-13:
        warnings.warn(
            f"the activation is not smooth on {domain}: its derivative, taken from interpolants "
            f"good to {tail:.0e}, is less accurate than the {PROMISED:g} promised for kappa'; "
            "give derivative=",
            KernelAccuracyWarning,
            stacklevel=2,
        )
    return found
