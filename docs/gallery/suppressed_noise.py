"""Does suppressing the noise of value matrices cost accuracy? A small deep transformer, trained.

At initialisation the value matrices V_l of a transformer are independent: seen over its layers they
are the common noise of :class:`noisync.ValueNoise` (arXiv:2601.21942, which links accuracy to it).
Here that noise is suppressed by degrees, before training:

    V_l(α) = (1 − α) V_l + α V̄,    V̄ = (1/L) Σ_k V_k,    0 ≤ α ≤ 1.

An average of L independent matrices is smaller, too, by √L; so "scaled" multiplies V_l(α) to the
size that V_l had, which leaves their independence alone to differ. Everything is trained
afterwards, V_l of every layer by itself. Scikit-learn's digits, 8 rows of 8 pixels, are 8 tokens on
the sphere; a layer is

    x ← LN(x + L^{−1/2} V_l A(x)),    x ← LN(x + L^{−1/2} MLP_l(x)),

A(x) the softmax average of the tokens with trained queries and keys.

    python docs/gallery/suppressed_noise.py [--seeds 8] [--layers 24] [--epochs 15] [--out FIG.png]
"""

import argparse
import csv
import sys
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from scipy import stats

try:
    import torch
    from sklearn.datasets import load_digits
    from torch import nn
except ImportError:
    print('training needs PyTorch and scikit-learn: pip install "noisync[train]"', file=sys.stderr)
    raise SystemExit(2) from None

import noisync as ns

ALPHAS = (0.0, 0.25, 0.5, 0.75, 1.0)
DIM, BATCH, TESTED = 32, 64, 360


class Layer(nn.Module):
    """One layer: attention, then a network, each put back on the sphere of radius √d."""

    def __init__(self, layers: int) -> None:
        super().__init__()
        self.scale = layers**-0.5
        self.query, self.key, self.value = (nn.Linear(DIM, DIM, bias=False) for _ in range(3))
        for part in (self.query, self.key, self.value):
            nn.init.normal_(part.weight, std=DIM**-0.5)
        self.network = nn.Sequential(nn.Linear(DIM, 2 * DIM), nn.GELU(), nn.Linear(2 * DIM, DIM))
        self.norms = nn.ModuleList(nn.LayerNorm(DIM) for _ in range(2))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the tokens after the layer."""
        logits = self.query(x) @ self.key(x).transpose(1, 2) / DIM**0.5
        x = self.norms[0](x + self.scale * self.value(logits.softmax(dim=2) @ x))
        return self.norms[1](x + self.scale * self.network(x))


class Transformer(nn.Module):
    """Rows of pixels as tokens, `layers` layers, the mean token read out."""

    def __init__(self, layers: int) -> None:
        super().__init__()
        self.embed = nn.Linear(8, DIM)
        self.place = nn.Parameter(torch.randn(8, DIM))
        self.norm = nn.LayerNorm(DIM)
        self.layers = nn.ModuleList(Layer(layers) for _ in range(layers))
        self.read = nn.Linear(DIM, 10)

    def tokens(self, pixels: torch.Tensor) -> torch.Tensor:
        """Return the tokens of the last layer."""
        x = self.norm(self.embed(pixels) + self.place)
        for layer in self.layers:
            x = layer(x)
        return x

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        """Return the logits of the classes."""
        return self.read(self.tokens(pixels).mean(dim=1))

    @torch.no_grad()
    def suppress(self, alpha: float, *, scaled: bool) -> None:
        """Move every value matrix towards their mean."""
        weights = [layer.value.weight for layer in self.layers]
        mean = torch.stack(weights).mean(dim=0)
        for weight in weights:
            size = weight.norm()
            weight.mul_(1 - alpha).add_(alpha * mean)
            if scaled:
                weight.mul_(size / weight.norm())


def mean_cosine(model: Transformer, pixels: torch.Tensor) -> float:
    """Return the mean cosine of two tokens of one image in the last layer."""
    with torch.no_grad():
        x = nn.functional.normalize(model.tokens(pixels), dim=2)
    products = x @ x.transpose(1, 2)
    n = x.shape[1]
    return float((products.sum(dim=(1, 2)) - n).mean() / (n * (n - 1)))


def train(seed: int, layers: int, epochs: int, alpha: float, *, scaled: bool) -> dict[str, float]:
    """Train one network; split, first weights and batches depend on the seed alone."""
    digits = load_digits()
    order = np.random.default_rng(seed).permutation(len(digits.target))
    pixels = torch.tensor(digits.images[order] / 16.0, dtype=torch.float32)
    labels = torch.tensor(digits.target[order])
    torch.manual_seed(seed)
    model = Transformer(layers)
    model.suppress(alpha, scaled=scaled)
    start = mean_cosine(model, pixels[:TESTED])
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    batches = torch.Generator().manual_seed(seed)
    accuracies = []
    for _ in range(epochs):
        for batch in (TESTED + torch.randperm(len(labels) - TESTED, generator=batches)).split(
            BATCH
        ):
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(pixels[batch]), labels[batch]).backward()
            optimizer.step()
        with torch.no_grad():
            right = model(pixels[:TESTED]).argmax(dim=1) == labels[:TESTED]
        accuracies.append(float(right.float().mean()))
    return {"early": accuracies[max(0, epochs // 5 - 1)], "final": accuracies[-1], "cosine": start}


def interval(differences: np.ndarray) -> tuple[float, float]:
    """Return the mean of paired differences and half its 95 % interval (Student's t)."""
    count = len(differences)
    half = stats.t.isf(0.025, count - 1) * differences.std(ddof=1) / count**0.5
    return float(differences.mean()), float(half)


def main() -> None:
    """Train all, print accuracies with paired differences, and draw them."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seeds", type=int, default=8)
    parser.add_argument("--layers", type=int, default=24)
    parser.add_argument("--epochs", type=int, default=15)
    parser.add_argument("--out", type=Path, help="picture; a .csv of all runs goes beside it")
    options = parser.parse_args()
    if min(options.seeds - 1, options.layers, options.epochs) < 1:
        parser.error("seeds must be at least 2, layers and epochs at least 1")
    torch.set_num_threads(1)  # of so small a network more threads make nothing faster
    runs = {}
    for scaled in (False, True):
        for alpha in ALPHAS:
            known = runs.get((False, 0.0)) if alpha == 0 else None
            runs[scaled, alpha] = known or [
                train(seed, options.layers, options.epochs, alpha, scaled=scaled)
                for seed in range(options.seeds)
            ]
            values = {k: np.array([run[k] for run in runs[scaled, alpha]]) for k in
                      ("early", "final", "cosine")}  # fmt: skip
            reference = {k: np.array([run[k] for run in runs[False, 0.0]]) for k in values}
            words = []
            for name in ("early", "final"):
                mean, half = interval(values[name] - reference[name])
                words.append(
                    f"{name} {100 * values[name].mean():.2f} % "
                    f"({100 * mean:+.2f} ± {100 * half:.2f} against α = 0)"
                )
            kind = "scaled" if scaled else "plain"
            print(
                f"{kind:6} α = {alpha:.2f}: {', '.join(words)}; cosine at the start "
                f"{values['cosine'].mean():.3f}", flush=True,
            )  # fmt: skip
    if options.out:
        write(runs, options.out)
        draw(runs, options.out)


def write(runs: dict, path: Path) -> None:
    """Write all runs as CSV."""
    with path.with_suffix(".csv").open("w", newline="") as target:
        writer = csv.writer(target)
        writer.writerow(["scaled", "alpha", "seed", "early", "final", "cosine"])
        for (scaled, alpha), each in runs.items():
            for seed, run in enumerate(each):
                writer.writerow([int(scaled), alpha, seed, *run.values()])


def draw(runs: dict, path: Path) -> None:
    """Draw errors and first cosines against α."""
    with ns.plot.style():
        figure, panels = plt.subplots(1, 3, figsize=(6.8, 2.4))
        titles = {"early": "test error, a fifth of the epochs", "final": "test error at the end",
                  "cosine": "mean cosine before training"}  # fmt: skip
        for scaled, marker in ((False, "o-"), (True, "s--")):
            for axes, (name, title) in zip(panels, titles.items(), strict=True):
                values = np.array([[run[name] for run in runs[scaled, a]] for a in ALPHAS])
                values = values if name == "cosine" else 100 * (1 - values)
                error = values.std(axis=1, ddof=1) / values.shape[1] ** 0.5
                label = "scaled to one size" if scaled else "averaged"
                axes.errorbar(ALPHAS, values.mean(axis=1), error, fmt=marker, markersize=3,
                              capsize=2, label=label)  # fmt: skip
                axes.set(title=title, xlabel=r"suppression $\alpha$")
        panels[0].set_ylabel("per cent")
        panels[2].legend()
        figure.savefig(path)


if __name__ == "__main__":
    main()
