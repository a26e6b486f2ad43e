"""The Jacobian of a flow at every token, along a run."""

from __future__ import annotations

from dataclasses import dataclass

from noisync import _core
from noisync.measure.observer import Axis, Follow, Layers, Observer, Setting


@dataclass(frozen=True)
class Jacobian(Observer):
    """log |J| of the common flow at each of the tokens, and last the least J of a layer so far.

    J is the factor by which the flow of a test token, the others given, stretches the surface
    measure of the sphere; where the J of a layer is negative, its map has folded the sphere.
    """

    tokens: int
    dim: int
    name: str = "jacobian"
    layers: Layers = None

    @property
    def follow(self) -> Follow:
        """The whole tangent space at every token."""
        return Follow(self.dim - 1, 0, self.tokens, jacobian=True)

    def axes(self, setting: Setting) -> tuple[Axis, ...]:
        """Return one dimension for both."""
        return (Axis.numbered("jacobian_entry", self.tokens + 1),)

    def measure(self, setting: Setting) -> _core.Measure:
        """Return the core's description."""
        return _core.jacobian_measure(self.tokens, self.dim)
