"""A million tokens on the sphere: their energy along the layers, and where they are in the end.

Softmax attention and a random MLP (tanh), T = 1, 50 layers, on two cores in a few minutes and in
less than 2 GB: attention and energy are summed in linear time. Beside the energy stands that of the
SPDE on the same noise path, from which a million independent tokens differ by about 1/1000.

    python docs/gallery/million_tokens.py [FIGURE.png]
"""

import resource
import sys

import matplotlib.pyplot as plt
import numpy as np

import noisync as ns

TOKENS = 10**6
HORIZON, LAYERS = 1.0, 50
MEMORY = 2e9


def run(tokens: int = TOKENS, layers: int = LAYERS) -> tuple[ns.Trajectory, ns.spde.SpdeSolution]:
    """Return the run, first and last state saved, and the SPDE along its noise path."""
    model = ns.Model(3, ns.Softmax(beta=4.0), ns.MLP("tanh", 64, sigma_u=0.5, sigma_w=0.1))
    law = ns.sphere.VonMisesFisher(tokens, [1.0, 0.0, 0.0], 1.0)
    path = {"horizon": HORIZON, "layers": layers, "seed": 1}
    found = ns.simulate(
        model, law, **path, save=[0, layers], observe=[ns.Energy(1.0)],
        progress=sys.stderr.isatty(),
    )  # fmt: skip
    return found, ns.spde.solve(model, law, degree=128, **path)


def density_map(x: np.ndarray, bins: int = 96) -> np.ndarray:
    """Return the density of tokens in cells of equal area, by height x_3 and longitude."""
    longitude = np.arctan2(x[:, 1], x[:, 0])
    counts, _, _ = np.histogram2d(
        x[:, 2], longitude, bins=(bins, 2 * bins), range=((-1, 1), (-np.pi, np.pi))
    )
    return counts / counts.mean()


def main(path: str | None = None) -> int:
    """Run, print and draw; return 1 where the energies differ or the memory was too much."""
    found, limit = run()
    energy, exact = found.observed["energy"].to_numpy().ravel(), limit.energy(1.0)
    worst = float(np.abs(energy - exact).max())
    peak = 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(f"{TOKENS} tokens, {LAYERS} layers, attention summed by {found.method!r} sums")
    print(f"energy {energy[0]:.6f} to {energy[-1]:.6f}, at most {worst:.1e} from the SPDE's")
    print(f"peak memory {peak / 1e9:.2f} GB")
    if path:
        with ns.plot.style():
            _, (left, right) = plt.subplots(1, 2, figsize=(6.8, 2.5), width_ratios=(1, 1.5))
            left.plot(found.observed["energy"].time, energy, label="a million tokens")
            left.plot(limit.time, exact, "--", color="black", label="SPDE")
            left.set(xlabel="time $t$", ylabel=r"$E_1(\mu_t)$")
            left.legend()
            image = right.imshow(
                np.log10(np.maximum(density_map(found.tokens[-1]), 1e-2)), origin="lower",
                extent=(-180, 180, -1, 1), aspect="auto", cmap="magma", rasterized=True,
            )  # fmt: skip
            right.set(xlabel="longitude in degrees", ylabel="$x_3$", title=f"$t={HORIZON:g}$")
            right.figure.colorbar(image, ax=right, label=r"$\log_{10}$ density, uniform = 0")
            left.figure.savefig(path)
    # The energy's error is ~ N^{-1/2}, a few times 1e-3 at most; e^1 is the scale of the energy.
    return int(worst > 10 * TOKENS**-0.5 or peak > MEMORY)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
