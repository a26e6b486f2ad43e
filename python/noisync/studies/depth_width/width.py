"""Layers of finite width beside layers of infinite width, coupled as closely as can be."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from noisync.attention.drift import attention_drift
from noisync.base.validate import FloatArray
from noisync.model import Model
from noisync.sphere import Uniform
from noisync.theory.kernel import Kernel


@dataclass(frozen=True)
class CoupledLayers:
    r"""Runs of an MLP model of some width and of its Gaussian limit under one noise.

    Given the hidden weights, the noise of the MLP at its N tokens is Gaussian with covariance
    A ⊗ I, :math:`A = \varphi\varphi^T/m + \sigma_W^2`, and that of the limit at its own tokens is
    Gaussian with B ⊗ I, :math:`B = \kappa(\bar Y\bar Y^T)`: :func:`coupled_roots` couples them.

    References
    ----------
    arXiv:2604.26898, Theorem 1.1 and its proof.
    """

    model: Model
    n: int
    horizon: float
    layers: int
    seed: int
    replicates: int

    def errors(self, width: int) -> FloatArray:
        """Return (1/N) Σ|X_i − X̄_i|² after every layer, (replicates, layers)."""
        # The same starts and the same ξ for every width: only the hidden weights differ.
        x = Uniform(self.n, self.model.dim).samples(self.seed, 0, self.replicates)
        limit = x.copy()
        shared = np.random.default_rng([self.seed, 0])
        hidden = np.random.default_rng([self.seed, 1, width])
        kernel = self.model.kernel
        step = self.horizon / self.layers
        result = np.empty((self.replicates, self.layers))
        for layer in range(self.layers):
            x, limit = self._attended(x, step), self._attended(limit, step)
            features = self._features(kernel, x, width, hidden)
            first, second = coupled_roots(
                features @ np.swapaxes(features, 1, 2) + kernel.sigma_w**2,
                _covariance(kernel, limit),
            )
            xi = shared.standard_normal(x.shape)
            x = _unit(x + np.sqrt(step) * (first @ xi))
            limit = _unit(limit + np.sqrt(step) * (second @ xi))
            result[:, layer] = np.mean(np.sum((x - limit) ** 2, axis=2), axis=1)
        return result

    def _attended(self, x: FloatArray, step: float) -> FloatArray:
        attention = self.model.attention
        if attention is None:
            return x
        drift = np.array([attention_drift(attention, state, threads=1) for state in x])
        return _unit(x + step * drift)

    def _features(
        self, kernel: Kernel, x: FloatArray, width: int, hidden: np.random.Generator
    ) -> FloatArray:
        """Return g_o φ(g_i d^{-1/2} U x + b_U)/√m, fresh U, b_U for every replicate, (R, N, m)."""
        weights = hidden.standard_normal((x.shape[0], x.shape[2], width))
        weights *= kernel.input_scale / np.sqrt(x.shape[2])
        bias = kernel.sigma_u * hidden.standard_normal((x.shape[0], 1, width))
        return np.asarray(kernel.output_scale * kernel.phi(x @ weights + bias) / np.sqrt(width))


def coupled_roots(first: FloatArray, second: FloatArray) -> tuple[FloatArray, FloatArray]:
    r"""Return roots of two covariances A, B such that S_A ξ and S_B O ξ are as close as can be.

    .. math:: S_A S_A^T = A,\quad S_B S_B^T = B,\quad
              O = QP^T \text{ with } S_B^T S_A = Q\Sigma P^T

    gives :math:`E|S_A\xi - S_B O\xi|^2 = \mathrm{tr}A + \mathrm{tr}B - 2\,\mathrm{tr}\Sigma`,
    the squared Wasserstein distance of the two Gaussians: the optimal transport, without inverses.
    """
    root, other = _root(first), _root(second)
    left, _, right = np.linalg.svd(np.swapaxes(other, -1, -2) @ root)
    return root, other @ left @ right


def _covariance(kernel: Kernel, x: FloatArray) -> FloatArray:
    angle = np.arccos(np.clip(x @ np.swapaxes(x, 1, 2), -1.0, 1.0))
    return kernel.at_angle(angle)


def _root(matrices: FloatArray) -> FloatArray:
    """Return S with S Sᵀ = A for positive semidefinite A."""
    values, vectors = np.linalg.eigh(matrices)
    return np.asarray(vectors * np.sqrt(np.maximum(values, 0.0))[..., None, :])


def _unit(x: FloatArray) -> FloatArray:
    return np.asarray(x / np.linalg.norm(x, axis=2, keepdims=True))
