"""Elements in the angle between two tokens, finer where the law of a pair has small scales."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from noisync.base.validate import FloatArray
from noisync.theory.covariance import Covariance


class Mesh(NamedTuple):
    """Elements of [0, π/2] by their distance to 0, and of [π/2, π] by their distance to π.

    Both rise from 0 to π/2. Element e of the first holds θ from `near[e]` to `near[e + 1]`.
    """

    near: FloatArray
    far: FloatArray
    degree: int

    def nodes(self) -> tuple[FloatArray, FloatArray]:
        """Return the distances to the ends, (elements, degree + 1) each, with θ rising."""
        rising = np.sin(0.5 * np.pi * np.arange(self.degree + 1) / self.degree) ** 2
        near = self.near[:-1, None] + np.diff(self.near)[:, None] * rising
        far = self.far[:-1, None] + np.diff(self.far)[:, None] * rising
        return near, far[::-1, ::-1]

    def gaps(self) -> FloatArray:
        """Return 1 − u at the n nodes, neighbours' common ones once: (n,)."""
        near, far = self.nodes()
        gap = np.concatenate([2 * np.sin(0.5 * near) ** 2, 2 * np.cos(0.5 * far) ** 2])
        return np.append(gap[:, :-1].ravel(), gap[-1, -1])

    def lengths(self) -> FloatArray:
        """Return the lengths of all elements, θ rising."""
        return np.concatenate([np.diff(self.near), np.diff(self.far)[::-1]])


def mesh(kernel: Covariance, nearest: float, degree: int) -> Mesh:
    """Return elements that shrink by a factor e towards θ = 0, down to `nearest`.

    log θ is a Brownian motion with drift near θ = 0, so every scale counts there. At θ = π so it
    does where the field is odd; else down to where A = κ(1) − uκ(u) has its smallest value, and
    to the distance of the kernel's singularities.
    """
    if kernel.odd:
        return Mesh(_graded(nearest), _graded(nearest), degree)
    smallest = (kernel.variance + float(kernel(-1.0))) / kernel.variance
    scales = [1.0, smallest**0.5, *kernel.singularities]
    return Mesh(_graded(nearest), _graded(max(0.25 * min(scales), nearest)), degree)


def _graded(nearest: float) -> FloatArray:
    count = max(int(np.ceil(np.log(0.5 * np.pi / nearest))), 1)
    return np.append(0.0, 0.5 * np.pi * np.exp(-np.arange(count, -1.0, -1.0)))
