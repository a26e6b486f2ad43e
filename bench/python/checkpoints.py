"""The share of a run's time that its checkpoints take, and what one costs by the size of the state.

    python bench/python/checkpoints.py

The interval between two checkpoints is `minutes`, or 99 times what the last one took to write,
whichever is longer; so the share is at most 1 %, and that of the default is written beside it.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import Any

import noisync as ns
from noisync.run.keeper import Keeper

#: Tokens, dimension, and how many layers run between two checkpoints that are measured.
SIZES = ((64, 64, 400), (2_000, 64, 40), (100_000, 3, 40), (1_000_000, 3, 8), (1_000_000, 64, 2))


class Timed:
    """How long each checkpoint took to write."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    def __enter__(self) -> Timed:
        write = self._write = Keeper.write

        def timed(keeper: Keeper) -> None:
            begin = time.perf_counter()
            write(keeper)
            self.seconds.append(time.perf_counter() - begin)

        Keeper.write = timed  # type: ignore[method-assign]
        return self

    def __exit__(self, *_: Any) -> None:
        Keeper.write = self._write  # type: ignore[method-assign]


def main() -> None:
    """Print a row for every size."""
    default = 60 * ns.Checkpoint("x").minutes
    print(f"{'tokens':>9} {'dim':>4} {'state':>9} {'write':>9} {'at 5 minutes':>13}")
    for n, dim, layers in SIZES:
        model = ns.Model(dim, noise=ns.MLP("relu", width=32))
        tokens = ns.sphere.uniform(n, dim)
        with tempfile.TemporaryDirectory() as name, Timed() as timed:
            checkpoint = ns.Checkpoint(Path(name) / "run.ckpt", minutes=0)
            ns.simulate(
                model, tokens, horizon=1.0, layers=layers, save=[], checkpoint=checkpoint,
                observe=[ns.OrderParameters()],
            )  # fmt: skip
        seconds = sorted(timed.seconds)[len(timed.seconds) // 2]
        share = seconds / (seconds + max(default, 99 * seconds))
        print(f"{n:9} {dim:4} {8e-6 * n * dim:6.1f} MB {1e3 * seconds:6.0f} ms {share:12.4%}")


if __name__ == "__main__":
    main()
