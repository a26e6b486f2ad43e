"""Runs that are killed by SIGKILL at random moments and go on: every bit as if never stopped.

    python tests/validation/kill.py [--kills 200] [--seed 0]

Every case is run in a process that writes a checkpoint as often as it can, is killed
several times, the rest of the way from the checkpoint each time, and ends. Its result must then
equal that of a run without interruption, and no checkpoint that was once on disk may be lost.
"""

from __future__ import annotations

import argparse
import itertools
import mmap
import os
import random
import signal
import struct
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import xarray as xr

import noisync as ns
from noisync.base import threads as noisync_threads
from noisync.storage.folder import Folder

LAYERS, TOKENS, DIM, REPLICATES = 250, 24, 4, 3

NOISES = {
    "none": None,
    "mlp": ns.MLP("relu", width=32, sigma_u=0.1, sigma_w=0.1),
    "exact": ns.GaussianField("tanh", 0.2, 0.1, sampler="exact"),
    "harmonic": ns.GaussianField("tanh", 0.2, 0.1, sampler="harmonic"),
    "features": ns.GaussianField("silu", 0.2, 0.1, sampler="features"),
    "value": ns.ValueNoise(beta=1.0, scale=0.5),
    "random heads": ns.ValueNoise(beta=1.0, scale=0.5, heads=2, head_dim=2),
    "independent": ns.IndependentNoise(scale=0.3),
    "sum": [ns.MLP("relu", width=32), ns.ValueNoise(beta=1.0, scale=0.3)],
}
_MATRIX = np.random.default_rng(0).normal(size=(DIM, DIM))
ATTENTIONS = {
    "none": None,
    "softmax": ns.Softmax(beta=2.0, value=-0.5),
    "matrices": ns.Softmax(query=_MATRIX, key=np.eye(DIM), value=_MATRIX.T),
    "unnormalized": ns.Unnormalized(beta=1.0),
    "l2": ns.L2(beta=1.5, mask=ns.Causal(decay=0.5)),
    "sinkhorn": ns.Sinkhorn(beta=2.0, value=-0.5, epsilon=0.5),
    "heads": [
        ns.Softmax(query=_MATRIX, key=np.eye(DIM), mask=ns.Causal()),
        ns.Unnormalized(beta=0.5, value=-0.3),
    ],
}


NORMALIZATIONS = {
    "post": "post",
    "pre": "pre",
    "mix": ns.Normalization("mix", switch_time=0.4),
    "peri": "peri",
    "ngpt": "ngpt",
    "sqrt": "sqrt",
}


class Case(NamedTuple):
    """What is run, and how."""

    kind: str
    noise: str
    attention: str
    normalization: str
    scheme: str
    dtype: str
    threads: int


def cases() -> list[Case]:
    """Return every noise with every attention, and every normalisation; the rest takes turns."""
    systems = [
        (noise, attention, "post")
        for noise, attention in itertools.product(NOISES, ATTENTIONS)
        if (noise, attention) != ("none", "none")
    ]
    others = [name for name in NORMALIZATIONS if name != "post"]
    attentions = itertools.cycle(name for name in ATTENTIONS if name != "none")
    systems += [("none", next(attentions), name) for name in others]
    systems += [("mlp", "softmax", "pre"), ("value", "l2", "pre")]
    turns = itertools.cycle(itertools.product(("float64", "float32"), (1, 2, 3)))
    result = []
    for place, system in enumerate(systems):
        dtype, threads = next(turns)
        noise, _, normalization = system
        single = ("layer", "rk4" if noise == "none" else "euler")[place % 2]
        scheme = single if normalization == "post" else "layer"
        kind = ("simulate", "ensemble")[place // 2 % 2]
        result.append(Case(kind, *system, scheme, dtype, threads))
    return result


def model_of(case: Case) -> ns.Model:
    """Return the model of a case."""
    normalization = NORMALIZATIONS[case.normalization]
    return ns.Model(DIM, ATTENTIONS[case.attention], NOISES[case.noise], normalization)


def followed(case: Case) -> list[ns.Observer]:
    """Return what carries tangent vectors, where a model has them."""
    return [ns.Lyapunov(2)] if case.normalization == "post" else []


class Marks:
    """What a process has done, where it survives it: the layers it saw, its checkpoints."""

    def __init__(self, path: Path) -> None:
        if not path.exists():
            path.write_bytes(bytes(16))
        with path.open("r+b") as file:
            self._memory = mmap.mmap(file.fileno(), 16)

    def set(self, place: int, value: int) -> None:
        """Note a number."""
        struct.pack_into("<q", self._memory, 8 * place, value)

    def get(self) -> tuple[int, int]:
        """Return both numbers."""
        layers, checkpoints = struct.unpack_from("<qq", self._memory)
        return layers, checkpoints


def call(case: Case, marks: Marks | None, checkpoint: Path | None) -> Any:
    """Run a case; with `marks` slowly enough to be killed on the way."""
    counted = 0

    def first(tokens: np.ndarray) -> np.ndarray:
        nonlocal counted
        counted += 1
        if marks is not None:
            marks.set(0, counted)
            time.sleep(0.004)
        return tokens[0].astype(np.float64) ** 2

    observe = [
        ns.Energy((0.5, 2.0)), ns.Cosines(5, layers=3), ns.OrderParameters(),
        ns.Clusters(0.3, layers=7), ns.Tokens(name="x", layers=[0, 50, LAYERS]),
        ns.Function(first, layers=1), *followed(case),
    ]  # fmt: skip
    budgeted = case.attention in ("none", "softmax", "unnormalized")
    if case.normalization == "post" and budgeted and case.noise != "random heads":
        observe.append(ns.Budget(1.0, layers=5))
    options: dict[str, Any] = {
        "horizon": 2.0, "layers": LAYERS, "seed": 5, "observe": observe, "dtype": case.dtype,
        "threads": case.threads, "scheme": case.scheme, "save": 9,
        "checkpoint": None if checkpoint is None else ns.Checkpoint(checkpoint, minutes=0),
    }  # fmt: skip
    model = model_of(case)
    law = ns.sphere.Uniform(TOKENS, DIM)
    if case.kind == "simulate":
        return ns.simulate(model, law, **options)
    return ns.ensemble(model, law, replicates=REPLICATES, **options)


def forked(work: Callable[[], None]) -> int:
    """Start work() in a process of its own and return its number.

    It is forked from this one, which spares it the imports; this process runs nothing in threads,
    so that the other may.
    """
    number = os.fork()
    if number:
        return number
    status = 1
    try:
        noisync_threads._birthplace = os.getpid()
        work()
        status = 0
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(status)


def run_on(case: Case, folder: Path) -> None:
    """Run a case from its checkpoint, if there is one, and save the result."""
    marks = Marks(folder / "marks")
    append = Folder.append

    def acknowledged(self: Folder, *arguments: Any) -> None:
        append(self, *arguments)
        marks.set(1, self._generation)

    Folder.append = acknowledged  # type: ignore[method-assign]
    ns.save(call(case, marks, folder / "run.ckpt"), folder / "result.nc")


def run_whole(case: Case, folder: Path) -> None:
    """Run a case without interruption and save the result."""
    ns.save(call(case, None, None), folder / "expected.nc")


class Summary(NamedTuple):
    """What became of a case."""

    kills: int
    lost: int  # checkpoints that were on disk and are gone
    layers: int  # computed again, at most after a kill
    equal: bool


def tried(case: Case, kills: int, chance: random.Random) -> Summary:
    """Kill a case so many times, let it end, and compare."""
    lost = again = done = 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        marks = Marks(folder / "marks")
        while True:
            number = forked(partial(run_on, case, folder))
            if done < kills:
                time.sleep(chance.uniform(0.0, 1.2))
                os.kill(number, signal.SIGKILL)
            status = os.waitstatus_to_exitcode(os.waitpid(number, 0)[1])
            if status == 0:
                break
            if status != -signal.SIGKILL:
                raise RuntimeError(f"{case} ended with {status}")
            done += 1
            if (folder / "run.ckpt").exists():
                lost = max(lost, marks.get()[1] - _generation(folder / "run.ckpt"))
            again = max(again, marks.get()[0])
        os.waitpid(forked(partial(run_whole, case, folder)), 0)
        result, expected = ns.load(folder / "result.nc"), ns.load(folder / "expected.nc")
        same = result.identical(expected) if isinstance(result, xr.Dataset) else result == expected
    return Summary(done, lost, again, same)


def _generation(path: Path) -> int:
    found: list[int] = []
    with Folder.reopen("checkpoint", path) as folder:
        folder.restore(lambda state, _records: found.append(int(state.header["generation"])))
    return found[-1]


def main() -> int:
    """Kill every case in turn; return 0 if every bit is equal and nothing was lost."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    chance = random.Random(options.seed)
    every = cases()
    chance.shuffle(every)
    kills = lost = different = 0
    while kills < options.kills:
        case = every[0]
        every.append(every.pop(0))
        summary = tried(case, min(8, options.kills - kills), chance)
        kills += summary.kills
        lost = max(lost, summary.lost)
        different += not summary.equal
        print(f"{' '.join(map(str, case)):60} {summary}", flush=True)
    print(
        f"{kills} kills; at most the interval at hand lost"
        f"{f', and {lost} checkpoints that were on disk' if lost > 0 else ''}; "
        f"{different} results differ"
    )
    return int(lost > 0 or different > 0)


if __name__ == "__main__":
    sys.exit(main())
