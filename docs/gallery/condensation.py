"""Repulsive attention spreads tokens or condenses them, by the sign of β.

Unnormalised attention with V = −I, without noise, is a gradient flow:

    dX_i/dt = −P Σ_j w_j e^{β⟨X_i, X_j⟩} X_j = −(1/β) ∇_i Σ_j w_j e^{β⟨X_i, X_j⟩}

For β > 0 it descends Σ_ij e^{βu_ij}. Few tokens go to the spherical codes that minimise every such
energy (H. Cohn and A. Kumar, J. Amer. Math. Soc. 20 (2007)): simplex, octahedron, icosahedron; many
spread out evenly. For β < 0 it climbs Σ_ij e^{−|β|u_ij}: every token flees from the far side, to
which it attends, and all condense at two antipodes.

    python docs/gallery/condensation.py [FIGURE.png]
"""

import sys

import matplotlib.pyplot as plt
import numpy as np

import noisync as ns

#: Tokens in d = 3, and the largest cosine between two of the code.
CODES = {4: -1 / 3, 6: 0.0, 12: 5**-0.5}
STARTS = 20


def spread(n: int) -> float:
    """Return how far the best of some starts ends from the code, in the largest cosine."""
    model = ns.Model(3, ns.Unnormalized(beta=2.0, value=-1.0))
    runs = ns.ensemble(
        model, ns.sphere.Uniform(n, 3), replicates=STARTS, horizon=400.0, layers=8000, save=[8000],
        observe=[ns.Tokens()],
    )  # fmt: skip
    largest = [(x @ x.T - 3 * np.eye(n)).max() for x in runs.tokens[:, -1].to_numpy()]
    return float(np.min(np.abs(np.array(largest) - CODES[n])))


def main(path: str | None = None) -> None:
    """Print how near the codes few tokens come and how many condense, and draw both signs."""
    for n in CODES:
        off = spread(n)
        print(f"{n:2d} tokens, beta = 2: largest cosine within {off:.1e} of {CODES[n]:.4f}")
        assert off < 1e-6
    x = ns.sphere.uniform(256, 3, seed=0)
    runs = {}
    for beta in (2.0, -2.0):
        model = ns.Model(3, ns.Unnormalized(beta=beta, value=-1.0))
        runs[beta] = ns.simulate(model, x, horizon=30.0, layers=1500, save=50)
    mean, leading, _ = ns.measure.order_parameters(runs[2.0].tokens[-1])
    print(f"256 tokens, beta =  2: |mean| {mean:.1e}, leading eigenvalue {leading:.4f} (even: 1/3)")
    assert mean < 1e-3
    assert abs(leading - 1 / 3) < 1e-2
    _, leading, _ = ns.measure.order_parameters(runs[-2.0].tokens[-1])
    side = np.sign(runs[-2.0].tokens[-1] @ runs[-2.0].tokens[-1][0])
    print(
        f"256 tokens, beta = -2: leading eigenvalue within {abs(1 - leading):.1e} of 1, "
        f"{np.sum(side > 0)} and {np.sum(side < 0)} tokens at the two ends"
    )
    assert 1 - leading < 1e-6
    if path:
        with ns.plot.style():
            figure, panels = plt.subplots(1, 3, figsize=(6.6, 2.4))
            titles = ("start", r"$V=-I$, $\beta=2$", r"$V=-I$, $\beta=-2$")
            states = (x, runs[2.0].tokens[-1], runs[-2.0].tokens[-1])
            basis = ns.plot.leading_plane(runs[-2.0].tokens[-1])
            for axes, title, state in zip(panels, titles, states, strict=True):
                plane = state @ basis
                axes.add_patch(plt.Circle((0, 0), 1, fill=False, color="0.7", linewidth=0.6))
                axes.plot(*plane.T, "o", markersize=2.2, alpha=0.6)
                axes.set(title=title, aspect="equal", xlim=(-1.1, 1.1), ylim=(-1.1, 1.1))
                axes.axis("off")
            figure.savefig(path)


if __name__ == "__main__":
    main(*sys.argv[1:])
