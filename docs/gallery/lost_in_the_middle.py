"""Lost in the middle: which tokens of the start later layers remember.

Unnormalised attention on the circle, each token attending to those before it, with weights that
decay like e^{−λ(i−j)/N} (arXiv:2605.09213, whose horizon is βT). Over independent uniform starts
the mean of ⟨X_i(0), v⟩ says how much of token i is left in v: the mean of all tokens at the end,
and the last token. The first token never moves and attracts all others; decay favours the latest.
Between them the last token remembers both ends and loses the middle. An overlap counts as larger
than another where it is so by 4 standard errors, to which equal ones come once in 30,000.

    python docs/gallery/lost_in_the_middle.py [FIGURE.png]
"""

import sys

import matplotlib.pyplot as plt
import numpy as np

import noisync as ns

BETA, TOKENS, HORIZON, LAYERS, STARTS = 2.0, 64, 3.0, 120, 12000
DECAYS = (0.0, 5.0, 20.0)


def remembered(decay: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the overlaps of the tokens of the start with mean and last token at the end, (N,)."""
    mask = ns.Causal(include_self=False, decay=decay)
    runs = ns.ensemble(
        ns.Model(2, ns.Unnormalized(beta=BETA, mask=mask)), ns.sphere.Uniform(TOKENS, 2),
        replicates=STARTS, horizon=HORIZON, layers=LAYERS, save=[0, LAYERS], observe=[ns.Tokens()],
    )  # fmt: skip
    start, end = runs.tokens.to_numpy().swapaxes(0, 1)
    mean = ns.sphere.normalize(end.mean(axis=1))
    return tuple(np.einsum("rid,rd->i", start, v) / STARTS for v in (mean, end[:, -1]))


def main(path: str | None = None) -> None:
    """Print what is left of the first, middle and last tokens, and draw all."""
    with ns.plot.style():
        _, (left, right) = plt.subplots(1, 2, figsize=(6.2, 2.6))
        for decay in DECAYS:
            mean, last = remembered(decay)
            first, middle = last[0], last[TOKENS // 4 : TOKENS // 2].mean()
            latest = last[-TOKENS // 8 : -1].mean()
            print(
                f"decay {decay:4g}: the mean keeps {mean[0]:.3f} of the first token; the last "
                f"token {first:.3f} of the first, {middle:.3f} of one of the second quarter, "
                f"{latest:.3f} of one of the last eighth"
            )
            # Variances of overlaps of independent tokens: a cosine's is 1/2.
            one = 1 / (2 * STARTS)
            quarter, eighth = one / (TOKENS // 4), one / (TOKENS // 8 - 1)
            assert mean[0] > mean[1:].max() + 4 * (2 * one) ** 0.5
            assert (first > middle + 4 * (one + quarter) ** 0.5) == (decay <= 5)
            assert (latest > middle + 4 * (eighth + quarter) ** 0.5) == (decay >= 5)
            assert abs(first - latest) > 4 * (one + eighth) ** 0.5
            assert (first > latest) == (decay <= 5)
            place = np.arange(TOKENS) / TOKENS
            left.plot(place, mean, label=rf"$\lambda={decay:g}$", linewidth=0.9)
            right.plot(place[:-1], last[:-1], linewidth=0.9)
        left.set(xlabel="place $i/N$ of the token", ylabel="overlap with the mean")
        right.set(xlabel="place $i/N$ of the token", ylabel="overlap with the last token")
        left.legend()
        if path:
            left.figure.savefig(path)


if __name__ == "__main__":
    main(*sys.argv[1:])
