"""Metastable groups: tokens gather fast, groups merge slowly, and the energy is a staircase.

Softmax attention of large β on the circle, V = I, without noise. All tokens end at one place, but
groups that are far apart attract one another at a rate ~ e^{−β(1−u)}: for long times nothing seems
to happen, and each merger is a step of the energy E_β (arXiv:2410.06833).

    python docs/gallery/metastable_groups.py [FIGURE.png]
"""

import sys

import matplotlib.pyplot as plt
import numpy as np

import noisync as ns

BETA, TOKENS, HORIZON, LAYERS = 25.0, 100, 400.0, 16000


def main(path: str | None = None) -> None:
    """Print the groups over time, and draw angles and energy."""
    save = np.unique(np.geomspace(1, LAYERS, 800).astype(int))
    run = ns.simulate(
        ns.Model(2, ns.Softmax(beta=BETA)), ns.sphere.uniform(TOKENS, 2, seed=1),
        horizon=HORIZON, layers=LAYERS, save=save,
    )  # fmt: skip
    groups = ns.measure.clusters(run.tokens, 0.05).max(axis=1) + 1
    energy = run.energy(BETA) / np.exp(BETA)
    changes = np.flatnonzero(np.diff(groups)) + 1
    late = [k for k in changes if run.time[k] > 8]
    falls = []
    for start, end in zip(late, [*late[1:], len(groups)], strict=True):
        # A plateau: long, and flat but for its ends.
        inner = energy[start + (end - start) // 4 : end - (end - start) // 4]
        falls.append(inner[0] - inner[-1])
        print(
            f"{groups[start]:2d} groups from t = {run.time[start]:6.1f} to "
            f"{run.time[end - 1]:6.1f}, energy {inner.mean():.4f}, falling by "
            f"{falls[-1]:.1e}"
        )
    assert max(falls) < 1e-6, "between mergers it is flat"
    assert np.all(np.diff(energy) <= 1e-12), "energy must not grow"
    assert np.all(np.diff(groups[late[0] :]) <= 0), "groups merge and do not part"
    last = energy[late[-1] :]
    assert list(groups[late]) == [5, 4]
    assert run.time[late[0]] < 16
    assert run.time[late[1]] > 250, "the last merger comes after a long quiet"
    assert last[0] - last[-1] < 0.05 * (energy[0] - energy[-1])
    if path:
        with ns.plot.style():
            _, (top, bottom) = plt.subplots(2, 1, figsize=(4.6, 4.2), sharex=True)
            angle = np.unwrap(np.angle(run.tokens @ [1, 1j]), axis=0)
            top.semilogx(run.time, angle, color="C0", linewidth=0.5)
            top.set(ylabel="angle", title=rf"$\beta={BETA:g}$, N = {TOKENS}")
            bottom.semilogx(run.time, energy)
            bottom.set(xlabel="time $t$", ylabel=r"$e^{-\beta}E_\beta$", xlim=(0.1, HORIZON))
            top.figure.savefig(path)


if __name__ == "__main__":
    main(*sys.argv[1:])
