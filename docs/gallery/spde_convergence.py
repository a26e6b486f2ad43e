"""The errors of a solution of the SPDE: in the degree of the quadrature, and in the layers.

Both along one noise path and beside one another, for an analytic network (tanh) and one with a kink
(ReLU), on the circle. Errors are the largest of the mean of μ_t over the saved times. In the degree
they fall spectrally for tanh and like degree^{-2} for ReLU, against a solution of degree 8192; in
the thickness Δ of the layers like Δ^{1/2}, against four times as many layers as the finest.

    python docs/gallery/spde_convergence.py [FIGURE.png]
"""

import sys

import matplotlib.pyplot as plt
import numpy as np

import noisync as ns

HORIZON = 1.0
DEGREES = (16, 32, 64, 128, 256, 512, 1024)
LAYERS = (16, 32, 64, 128)
PATH = 512


def mean(activation: str, degree: int, layers: int, path_layers: int, seed: int = 3) -> np.ndarray:
    """Return ∫ x dμ_t at a quarter, half, three quarters and all of the horizon."""
    model = ns.Model(2, ns.Softmax(beta=2.0), ns.MLP(activation, 64, 0.2, 0.2))
    solution = ns.spde.solve(
        model, ns.sphere.VonMisesFisher(1, [1.0, 0.0], 1.0), degree=degree, horizon=HORIZON,
        layers=layers, path_layers=path_layers, seed=seed,
        save=[layers * k // 4 for k in (1, 2, 3, 4)],
    )  # fmt: skip
    return solution.moments.mean


def main(path: str | None = None) -> None:
    """Print both tables and draw them."""
    with ns.plot.style():
        _, (left, right) = plt.subplots(1, 2, figsize=(6.0, 2.5), sharey=False)
        for activation, marker in (("tanh", "o"), ("relu", "s")):
            fine = mean(activation, 8192, 16, 16)
            errors = [np.abs(mean(activation, n, 16, 16) - fine).max() for n in DEGREES]
            left.loglog(DEGREES, errors, marker=marker, markersize=3, label=activation)
            for degree, error in zip(DEGREES, errors, strict=True):
                print(f"{activation:5} degree {degree:5d} error {error:.1e}")
            assert errors[-1] < {"tanh": 1e-13, "relu": 1e-5}[activation], errors
            steps = np.array([HORIZON / layers for layers in LAYERS])
            squares = []
            for seed in range(8):
                fine = mean(activation, 256, PATH, PATH, seed)
                coarse = [mean(activation, 256, layers, PATH, seed) for layers in LAYERS]
                squares.append([np.square(one - fine).sum(1).max() for one in coarse])
            errors = np.sqrt(np.mean(squares, axis=0))
            right.loglog(steps, errors, marker=marker, markersize=3, label=activation)
            slope = np.polyfit(np.log(steps), np.log(errors), 1)[0]
            for step, error in zip(steps, errors, strict=True):
                print(f"{activation:5} step {step:.4f} error {error:.1e}")
            print(f"{activation:5} order in the step {slope:.2f}")
            assert 0.4 < slope < 0.8, slope  # 1/2 in the limit, eight paths
        degrees = np.array([64.0, 1024.0])
        left.loglog(degrees, 0.4 * degrees**-2, ":", color="grey", label="degree$^{-2}$")
        left.set(xlabel="degree of the quadrature", ylabel="error of the mean", ylim=(1e-17, 1))
        right.loglog(steps, 0.1 * steps**0.5, ":", color="grey", label=r"$\Delta^{1/2}$")
        right.set(xlabel=r"thickness $\Delta$ of a layer")
        right.set_xticks(steps, [f"1/{layers}" for layers in LAYERS])
        right.minorticks_off()
        for axes in (left, right):
            axes.legend()
        if path:
            left.figure.savefig(path)


if __name__ == "__main__":
    main(*sys.argv[1:])
