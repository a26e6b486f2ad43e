"""The time steps: what a layer is, and how fast it converges to the limit as layers get thin.

The stochastic integral of the limit is Itô's and Stratonovich's alike: their difference is a
multiple of the gradient of κ(1), which is constant on the sphere.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Scheme:
    """A time step and what it approximates.

    Attributes
    ----------
    name : str
    strong_order : float or None
        p with (E|X_L − X_T|²)^{1/2} = O(Δ^p) under common noise; None: not for systems with noise.
        1/2 because the noise does not commute.
    deterministic_order : int
        The same without noise.
    """

    name: str
    strong_order: float | None
    deterministic_order: int


#: ``layer``: Y = LN(X + Δ Attn(X)), X' = LN(Y + √Δ G(Y)), the transformer's own step, a splitting
#: of the limit (arXiv:2604.26898, eq. 1.1). ``euler``: X' = LN(X + Δ Attn(X) + √Δ G(X)), the single
#: step of that paper's proof. ``rk4``: the classical Runge–Kutta method with stages and result
#: projected to the sphere, for models without noise.
SCHEMES = {
    scheme.name: scheme
    for scheme in (
        Scheme("layer", 0.5, 1),
        Scheme("euler", 0.5, 1),
        Scheme("rk4", None, 4),
    )
}
