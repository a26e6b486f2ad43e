"""Simulations beside exact values: rows of a table of z-scores.

A run of L layers has a bias of order 1/L. It is measured: the same noise paths are also run with
half the layers, and the means differ by the bias of the finer one, to first order.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

import noisync as ns

BETA = 1.0
ACTIVATIONS = ("sigmoid", "relu", "tanh", "silu")
SIGMA = 0.1


@dataclass(frozen=True)
class Row:
    """One comparison. `bias` is the measured bias of the mean; `z` has it taken out."""

    name: str
    exact: float
    mean: float
    error: float
    bias: float
    z: float

    @property
    def agrees(self) -> bool:
        """Within three standard errors and the bias."""
        return abs(self.mean - self.exact) <= 3 * self.error + abs(self.bias)


def noise_of(law, activation, dim):
    """The limit itself, or narrow MLPs: their mean energies tend to the same as L grows."""
    if law == "gaussian":
        return ns.GaussianField(activation, SIGMA, SIGMA, sampler="exact")
    return ns.MLP(activation, 8, SIGMA, SIGMA)


def energy_row(law, activation, dim, start, replicates, layers, pairs, name):
    """E_β at a time when tokens have moved by about a radian, attention off."""
    model = ns.Model(dim, noise=noise_of(law, activation, dim))
    kernel = model.kernel
    horizon = 2 / (kernel.variance * (dim - 1))
    values = [
        ns.ensemble(
            model,
            start,
            replicates=replicates,
            horizon=horizon,
            layers=count,
            path_layers=layers,
            save=[count],
            seed=1,
            observe=[ns.Energy(BETA)],
        ).energy.to_numpy()[:, 0]
        for count in (layers, layers // 2)
    ]
    exact = float(kernel.mean_energy(BETA, horizon, u0=start @ start.T))
    if pairs:  # of two tokens: the mean of e^{βu} itself
        values = [np.exp(BETA) - 4 * value for value in values]
        exact = float(
            kernel.pair_expectation(lambda u: np.exp(BETA * u), start[0] @ start[1], horizon)
        )
    fine, coarse = values
    extrapolated = 2 * fine - coarse
    root = np.sqrt(replicates)
    return Row(
        name,
        exact,
        float(fine.mean()),
        float(fine.std() / root),
        float((coarse - fine).mean()),
        float((extrapolated.mean() - exact) / (extrapolated.std() / root)),
    )


def pair_row(law, activation, dim, replicates=100_000, layers=128):
    """E e^{βu} of two orthogonal tokens."""
    name = f"E e^u, 2 tokens, {law} {activation} d={dim}"
    return energy_row(law, activation, dim, np.eye(2, dim), replicates, layers, True, name)


def system_row(law, activation, dim, replicates=1000, layers=128):
    """E_β of 64 tokens from a fixed uniform start."""
    start = ns.sphere.uniform(64, dim, seed=7)
    name = f"E_1, 64 tokens, {law} {activation} d={dim}"
    return energy_row(law, activation, dim, start, replicates, layers, False, name)


def lyapunov_rows(activation, dim, sigma, precision, law="gaussian", replicates=64):
    """λ_1, and the gaps of the spectrum for small d, at a relative standard error `precision`.

    The layers are so thin that the exact bias of their thickness is a third of a standard error.
    """
    noise = (
        ns.GaussianField(activation, sigma, sigma, sampler="exact")
        if law == "gaussian"
        else ns.MLP(activation, 4 * dim, sigma, sigma)
    )
    model = ns.Model(dim, noise=noise)
    kernel = model.kernel
    aim = precision * abs(kernel.lyapunov_exponent)
    total = (kernel.variance + kernel.slope) / aim**2  # the time that all replicates take together
    thin = 0.01 / (kernel.dim * kernel.variance)
    per_step = abs(kernel.layer_exponent(thin) - kernel.lyapunov_exponent) / thin
    horizon = total / replicates
    layers = int(np.ceil(horizon * max(per_step / (0.3 * aim), 10 * kernel.variance)))
    count = dim - 1 if dim <= 5 else 1
    data = ns.ensemble(
        model,
        ns.sphere.Uniform(1, dim),
        replicates=replicates,
        horizon=horizon,
        layers=layers,
        save=[layers],
        seed=2,
        observe=[ns.Lyapunov(count)],
    )
    exponents = data.lyapunov.to_numpy()[:, 0]
    bias = kernel.layer_exponent(horizon / layers) - kernel.lyapunov_exponent
    name = f"{law} {activation} d={dim} sigma={sigma}"
    rows = [_plain(f"lambda_1, {name}", exponents[:, 0], kernel.lyapunov_exponent, bias)]
    for i in range(count - 1):
        gap = exponents[:, i] - exponents[:, i + 1]
        rows.append(_plain(f"gap {i + 1}, {name}", gap, kernel.slope, 0.0))
    return rows


def _plain(name, samples, exact, bias):
    error = samples.std(ddof=1) / np.sqrt(samples.size)
    mean = samples.mean()
    z = (mean - bias - exact) / error
    return Row(name, float(exact), float(mean), float(error), float(bias), float(z))
