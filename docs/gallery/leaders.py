"""Leaders under a causal mask: tokens that come far from all earlier ones hold their place.

Token i sees the tokens j ≤ i only. Going through them in order, call a token a Rényi centre if it
is farther than δ = c/√β from all centres before it (Rényi's parking). For large β such a token is
attracted by nobody before it, and later ones gather around it: centres hold groups for very long
(arXiv:2411.04990). Softmax attention, V = I, on the circle, without noise.

    python docs/gallery/leaders.py [FIGURE.png]
"""

import sys

import matplotlib.pyplot as plt
import numpy as np

import noisync as ns

BETA, TOKENS, HORIZON, PARKING = 256.0, 512, 10.0, 4.0


def renyi_centres(angle: np.ndarray, distance: float) -> np.ndarray:
    """Return the indices of the centres."""
    centres = [0]
    for k in range(1, len(angle)):
        apart = np.abs(np.angle(np.exp(1j * (angle[k] - angle[centres]))))
        if apart.min() > distance:
            centres.append(k)
    return np.array(centres)


def main(path: str | None = None) -> None:
    """Print how far centres and others move and how many groups have a centre, and draw them."""
    model = ns.Model(2, ns.Softmax(beta=BETA, mask=ns.Causal()))
    x = ns.sphere.uniform(TOKENS, 2, seed=0)
    run = ns.simulate(model, x, horizon=HORIZON, layers=400, save=2)
    angle = np.unwrap(np.angle(run.tokens @ [1, 1j]), axis=0)
    centres = renyi_centres(angle[0], PARKING / BETA**0.5)
    moved = np.abs(angle[-1] - angle[0]) * BETA**0.5
    others = np.delete(moved, centres)
    groups = ns.measure.clusters(run.tokens[-1], 0.2 / BETA**0.5)
    sizes = np.bincount(groups)
    held = np.isin(np.arange(len(sizes)), groups[centres])
    share = sizes[held].sum() / TOKENS
    print(
        f"{len(centres)} centres moved by {np.median(moved[centres]):.2f}/sqrt(beta), the median,"
    )
    print(f"other tokens by {np.median(others):.2f}/sqrt(beta)")
    print(f"{held.sum()} of {len(sizes)} groups have a centre; they hold {share:.0%} of the tokens")
    assert len(centres) == 20
    assert np.median(moved[centres]) < 0.01
    assert 1.2 < np.median(others) < 1.6
    assert (held.sum(), len(sizes)) == (19, 26)
    assert 0.80 < share < 0.84
    assert np.median(np.flatnonzero(moved < 0.1)) < TOKENS / 2, "early tokens stay"
    if path:
        with ns.plot.style():
            _, axes = plt.subplots(figsize=(4.6, 3.6))
            axes.plot(run.time, angle, color="0.75", linewidth=0.3)
            axes.plot(run.time, angle[:, centres], color="#D55E00", linewidth=1.2)
            axes.set(xlabel="time $t$", ylabel="angle", xlim=(0, HORIZON))
            axes.set_title(rf"causal mask, $\beta={BETA:g}$; orange: Rényi centres")
            axes.figure.savefig(path)


if __name__ == "__main__":
    main(*sys.argv[1:])
