"""The noisy transformer: a continuous and a discontinuous transition.

Unnormalised attention against a Brownian motion of each token, on the circle: the law of many
tokens has the stationary densities

    ρ(θ) ∝ exp( (2/(s²β)) ∫ e^{β cos(θ−φ)} ρ(φ) dφ ).

The uniform law loses stability where the noise falls below

    s_c² = 2 Γ(d/2) (2/β)^{d/2−1} I_{d/2}(β)/β.

For β ≤ β_*, I_{d/2+1}(β_*)/I_{d/2}(β_*) = 1/d, order sets in continuously there; for β > β_* it
jumps, at some s² > s_c², and between the two both states are stable: a hysteresis loop
(arXiv:2606.05140).

    python docs/gallery/noisy_transformer.py [FIGURE.png]
"""

import sys

import matplotlib.pyplot as plt
import numpy as np
from scipy.optimize import brentq
from scipy.special import gamma, ive

import noisync as ns

KNOWN = {2: 2.44692, 3: 1.81615, 4: 1.57526, 8: 1.26655, 64: 1.03149}
#: Tokens, and horizon and thickness of layers at every noise, in units of 1/s_c².
TOKENS, RELAXATION, STEP = 512, 60.0, 0.005


def critical_beta(dim: int) -> float:
    """Return β_*."""
    return brentq(lambda b: ive(dim / 2 + 1, b) / ive(dim / 2, b) - 1 / dim, 0.1, 10, xtol=1e-12)


def critical_noise(beta: float, dim: int = 2) -> float:
    """Return s_c²."""
    bessel = ive(dim / 2, beta) * np.exp(beta)
    return 2 * gamma(dim / 2) * (2 / beta) ** (dim / 2 - 1) * bessel / beta


def stationary(beta: float, noise: float, density: np.ndarray) -> np.ndarray:
    """Return the stationary density on equal angles that is found from this one."""
    angle = 2 * np.pi * np.arange(density.size) / density.size
    kernel = np.fft.rfft(np.exp(beta * np.cos(angle))) / density.size
    for _ in range(20000):
        potential = np.fft.irfft(kernel * np.fft.rfft(density), density.size)
        new = np.exp(2 / (noise * beta) * (potential - potential.max()))
        new /= new.mean()
        if np.abs(new - density).max() < 1e-10:
            break
        density = new
    return new


def order(density: np.ndarray) -> float:
    """Return |∫ x dμ|."""
    return abs(np.fft.rfft(density)[1]) / density.size


def theory(beta: float, noises: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the order that is found from a small one and from a large one, at every noise."""
    angle = 2 * np.pi * np.arange(512) / 512
    return tuple(
        np.array([order(stationary(beta, s, np.exp(c * np.cos(angle)))) for s in noises])
        for c in (1e-3, 20.0)
    )


def sweep(beta: float, noises: np.ndarray, start: np.ndarray) -> np.ndarray:
    """Return |mean| of tokens at each noise in turn, each from where the one before ended."""
    x, found = start, []
    for k, noise in enumerate(noises):
        model = ns.Model(2, ns.Unnormalized(beta=beta), ns.IndependentNoise(noise**0.5))
        layers = int(RELAXATION / STEP)
        run = ns.simulate(
            model, x, horizon=RELAXATION / critical_noise(beta), layers=layers, save=layers // 30,
            replicate=k, observe=[ns.OrderParameters(layers=layers // 30)],
        )  # fmt: skip
        x = run.state.tokens
        found.append(float(run.observed["order"][15:, 0].mean()))  # the second half
    return np.array(found)


def main(path: str | None = None) -> None:
    """Print β_* and the loops, and draw both sides."""
    for dim, known in KNOWN.items():
        assert abs(critical_beta(dim) - known) < 5e-6
        print(f"d = {dim:2d}: beta_* = {critical_beta(dim):.5f}")
    with ns.plot.style():
        _, panels = plt.subplots(1, 2, figsize=(6.2, 2.6))
        for axes, beta in zip(panels, (1.0, 8.0), strict=True):
            critical = critical_noise(beta)
            fine = np.linspace(0.6, 1.5, 91)
            low, high = theory(beta, critical * fine)
            loop = critical * fine[(high - low) > 0.05]
            coarse = np.linspace(0.7, 1.4, 15)
            up = sweep(beta, critical * coarse, np.tile([1.0, 0.0], (TOKENS, 1)))
            down = sweep(beta, critical * coarse[::-1], ns.sphere.uniform(TOKENS, 2, seed=0))[::-1]
            width = loop.max() - loop.min() if loop.size else 0.0
            print(
                f"beta = {beta:g}: s_c^2 = {critical:.4f}; both states from s^2 = "
                f"{loop.min() / critical:.2f} to {loop.max() / critical:.2f} s_c^2"
                if loop.size
                else f"beta = {beta:g}: s_c^2 = {critical:.4f}; no loop"
            )
            settled = np.abs(coarse - 1) > 0.08  # at s_c itself everything is slow
            gap = np.abs(up - down)[settled].max()
            print(f"  tokens: largest difference between the two ways {gap:.2f}")
            assert (width > 0) == (beta > critical_beta(2))
            if width:  # known to the spacing of the noises
                np.testing.assert_allclose((loop.min(), loop.max()), (critical, 1.27 * critical),
                                           atol=0.011 * critical)  # fmt: skip
            assert (gap > 0.3) == (beta > critical_beta(2))
            axes.plot(fine, high, color="0.4", label="stationary laws")
            axes.plot(fine, low, color="0.4")
            axes.plot(coarse, up, ">", markersize=3.5, label="noise increasing")
            axes.plot(coarse, down, "<", markersize=3.5, fillstyle="none", label="decreasing")
            axes.axvline(1, color="0.7", linestyle=":", linewidth=0.8)
            axes.set(xlabel="$s^2/s_c^2$", ylabel="$|$mean$|$", ylim=(-0.03, 1))
            axes.set_title(rf"$\beta={beta:g}$, $\beta_*={critical_beta(2):.3f}$")
        panels[0].legend()
        if path:
            panels[0].figure.savefig(path)


if __name__ == "__main__":
    main(*sys.argv[1:])
