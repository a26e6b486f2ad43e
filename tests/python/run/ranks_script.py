"""What every rank runs in tests/python/run/test_ranks.py: it writes lines to a file of its own."""

import hashlib
import os
import sys
import warnings
from pathlib import Path

import numpy as np
from mpi4py import MPI

import noisync as ns
from noisync.run import recording, shared_checkpoint

COMM = MPI.COMM_WORLD
LINES = []
MLP = ns.MLP("tanh", 64, sigma_u=0.3, sigma_w=0.1)
SOFTMAX = ns.Model(3, ns.Softmax(beta=2.0), MLP)


class Halves:
    """A law of the user's, drawn by rows."""

    n, dim = 5000, 3

    def samples(self, seed, first, count, rows=slice(None)):
        x = np.zeros((count, self.n, 3))
        x[:, :2500, 0] = x[:, 2500:, 1] = 1.0
        return x[:, rows]


CASES = {
    "harmonic": (SOFTMAX, ns.sphere.Uniform(9001, 3), {}),
    "float32": (SOFTMAX, ns.sphere.Uniform(9001, 3), {"dtype": "float32"}),
    "weights": (SOFTMAX, ns.sphere.uniform(5000, 3), {"weights": np.arange(5000) / 12497500}),
    "unnormalized": (
        ns.Model(2, ns.Unnormalized(beta=1.0), ns.GaussianField("tanh", 0.3, sampler="harmonic")),
        ns.sphere.Uniform(5000, 2), {},
    ),
    "two attentions": (
        ns.Model(3, [ns.Softmax(beta=2.0), ns.Softmax(beta=0.5, value=-1.0)], MLP),
        ns.sphere.Uniform(9000, 3), {"scheme": "euler"},
    ),
    "rk4": (ns.Model(3, ns.Softmax(beta=2.0)), ns.sphere.Uniform(9000, 3), {"scheme": "rk4"}),
    "direct": (ns.Model(16, ns.Softmax(beta=1.0), ns.MLP("relu", 64)),
               ns.sphere.Uniform(301, 16), {}),
    "causal": (ns.Model(3, ns.Softmax(beta=1.0, mask=ns.Causal())), ns.sphere.Uniform(99, 3), {}),
    "noise alone": (
        ns.Model(5, noise=ns.GaussianField("relu", 0.1, sampler="features")),
        ns.sphere.uniform(1000, 5), {},
    ),
    "a user's law": (SOFTMAX, Halves(), {}),
    "falls back": (
        ns.Model(3, ns.Softmax(beta=6.0)), ns.sphere.Uniform(3000, 3),
        {"tol": 1e-13, "method": "harmonic"},
    ),
    "budgets": (
        ns.Model(3, ns.Softmax(beta=2.0), ns.MLP("sin", 64)), ns.sphere.Uniform(9001, 3),
        {"observe": [ns.Budget(2.0, name="own"), ns.Budget(1.0)]},
    ),
    "a tight cluster": (
        ns.Model(2, ns.Softmax(beta=1.0)), ns.sphere.VonMisesFisher(9000, [0.0, 1.0], 1e9), {},
    ),
    "stretches of many lengths": (
        ns.Model(4, ns.Softmax(beta=1.0), MLP), ns.sphere.Uniform(9000, 4),
        {"observe": [ns.Energy(3.0, name="other")]},
    ),
    "tangents of the last token": (
        SOFTMAX, ns.sphere.Uniform(9001, 3), {"observe": [ns.Lyapunov(2, token=9000)]},
    ),
    "tangents and direct sums": (
        ns.Model(16, ns.Softmax(beta=1.0), ns.MLP("relu", 64)), ns.sphere.Uniform(301, 16),
        {"observe": [ns.Lyapunov(5)], "scheme": "euler"},
    ),
    "tangents by rk4": (
        ns.Model(3, ns.Softmax(beta=2.0)), ns.sphere.Uniform(9000, 3),
        {"observe": [ns.Lyapunov(1, token=4000)], "scheme": "rk4"},
    ),
}  # fmt: skip


def run(name, comm):
    model, tokens, options = CASES[name]
    observe = [
        ns.Energy(1.0), ns.OrderParameters(), ns.Cosines(8), ns.Clusters(0.5),
        ns.Function(lambda x: x[:, 0], name="first", rows=True, layers=[0, 4]),
    ]  # fmt: skip
    if isinstance(tokens, ns.sphere.Uniform | ns.sphere.VonMisesFisher) and tokens.n > 8000:
        observe = [observe[0], observe[1], observe[4]]  # others take N²
    observe += options.get("observe", [])
    return ns.simulate(
        model, tokens, horizon=1.0, layers=4, seed=3, **{**options, "observe": observe}, comm=comm
    )


def digest(trajectory):
    total = hashlib.sha256(trajectory.tokens.tobytes())
    total.update(trajectory.state.tokens.tobytes())
    for name, series in sorted(trajectory.observed.items()):
        total.update(name.encode() + series.to_numpy().tobytes())
    total.update(f"{trajectory.method} {trajectory.layers_summed_directly}".encode())
    return total.hexdigest()


def check_bits():
    for name in CASES:
        share = run(name, COMM)
        whole = share.gathered()
        assert share.tokens.shape[1] == share.rows.stop - share.rows.start
        if COMM.rank == 0:
            alone = run(name, None)
            assert whole == alone, name
            assert digest(whole) == digest(alone), name
            LINES.append(name)


SPDES = {
    "softmax": (SOFTMAX, 80, {}),
    "unnormalized": (ns.Model(2, ns.Unnormalized(beta=1.0), MLP), 5000, {"dtype": "float32"}),
    "two attentions": (
        ns.Model(3, [ns.Softmax(beta=2.0), ns.Softmax(beta=0.5, value=-1.0)]), 80,
        {"scheme": "rk4"},
    ),
    "noise alone": (ns.Model(4, noise=MLP), 24, {}),
}  # fmt: skip


def solve(name, comm, **options):
    model, degree, others = SPDES[name]
    mode = [1.0] + [0.0] * (model.dim - 1)
    density = ns.sphere.VonMisesFisher(1, mode, 1.0)
    return ns.spde.solve(
        model, density, degree=degree, horizon=0.5, layers=6, save=2, comm=comm,
        observe=[ns.Energy(1.0), ns.OrderParameters()], **others, **options,
    )  # fmt: skip


def same_solutions(one, other):
    pairs = [(one.log_jacobian, other.log_jacobian), (one.min_jacobian, other.min_jacobian)]
    return one.trajectory == other.trajectory and all(np.array_equal(a, b) for a, b in pairs)


def check_spde(folder):
    """Every rank has the whole solution, and a checkpoint is that of any number of them."""
    for name in SPDES:
        solution = solve(name, COMM)
        assert solution.trajectory.share is None
        assert same_solutions(solution, solve(name, None)), name
        LINES.append(name)
    path = folder / "spde.ckpt"
    stopped = solve("softmax", COMM, checkpoint=ns.Checkpoint(path, minutes=0), stop_after=1e-9)
    assert not stopped.trajectory.finished
    assert same_solutions(ns.resume(path, comm=COMM), solve("softmax", None))
    LINES.append("gone on with")


def check_shared():
    """Energies, budgets and order parameters need no rank to know the tokens of others."""

    def never(*_):
        raise AssertionError("all tokens were asked for")

    recording._core.measure = never  # what others are made with
    run("harmonic", COMM)
    run("budgets", COMM)
    try:
        run("causal", COMM)
    except AssertionError as error:
        LINES.append(str(error))


def check_file(path):
    share = run("harmonic", COMM)
    share.save(path)
    if COMM.rank == 0:
        assert ns.load(path) == run("harmonic", None)
        LINES.append("one file")
    try:
        share.save("/nowhere/run.nc")
    except ns.ArgumentError as error:
        LINES.append(str(error))


def refused(**options):
    """Note the sentence with which every rank refuses."""
    call = {"model": SOFTMAX, "tokens": ns.sphere.Uniform(5000, 3), "horizon": 1.0, "layers": 2}
    call |= options
    try:
        ns.simulate(call.pop("model"), call.pop("tokens"), **call, comm=COMM)
    except ns.NoisyncError as error:
        LINES.append(str(error))


def check_refusals():
    refused(seed=COMM.rank)
    refused(model=ns.Model(3, noise=ns.GaussianField("tanh", sampler="exact")))
    refused(model=ns.Model(3, noise=ns.ValueNoise(1.0)))
    refused(model=ns.Model(3, ns.Softmax(), normalization="pre"))
    refused(observe=[np.linalg.norm])
    refused(tokens=ns.sphere.Uniform(1, 3))
    share = run("harmonic", COMM)
    for make in (share.energy, share.pair_cosines, share.to_dataset):
        try:
            make()
        except ns.ArgumentError as error:
            LINES.append(str(error))


LONG = {"horizon": 1.0, "layers": 1000, "seed": 3, "save": 70,
        "observe": [ns.Energy(1.0, layers=20), ns.OrderParameters()]}  # fmt: skip


def check_checkpoint(folder):
    """Stopped and gone on with: the same bits; the checkpoint is that of any number of ranks."""
    model, tokens, _ = CASES["harmonic"]
    path = folder / "run.ckpt"
    for _ in range(2):
        run = ns.simulate(
            model, tokens, **LONG, comm=COMM, checkpoint=ns.Checkpoint(path, minutes=0),
            stop_after=1e-5,
        )  # fmt: skip
        assert not run.finished
        LINES.append(str(run.state.layer))
    try:
        ns.simulate(model, tokens, **{**LONG, "seed": 4}, comm=COMM, checkpoint=path)
    except ns.ArgumentError as error:
        LINES.append(str(error))


def check_damaged(folder):
    """Tokens of the newest state are not what was written: all go on from the one before."""
    check_checkpoint(folder)
    newest = max((folder / "run.ckpt").glob("tokens-?"), key=lambda file: file.stat().st_mtime)
    if COMM.rank == 0:
        content = bytearray(newest.read_bytes())
        content[-1] ^= 1  # a token of the last rank
        newest.write_bytes(content)
    COMM.barrier()
    check_end(folder)


def check_failing(folder):
    """One rank cannot write for a while: the first warns, and later all is there."""
    model, tokens, _ = CASES["harmonic"]
    write, left = shared_checkpoint.write_rows, [2 if COMM.rank == 1 else 0]

    def failing(*arguments):
        if left[0] > 0:
            left[0] -= 1
            raise OSError(28, "No space left on device")
        return write(*arguments)

    shared_checkpoint.write_rows = failing
    options = {"comm": COMM, "checkpoint": ns.Checkpoint(folder / "run.ckpt", minutes=0)}
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        ns.simulate(model, tokens, **LONG, **options)
    LINES.extend(str(each.message) for each in caught)
    assert left == [0]
    COMM.barrier()
    check_end(folder)


def check_killed(folder):
    """Go on for ever, and say who this is."""
    model, tokens, _ = CASES["harmonic"]
    (folder / f"pid-{COMM.rank}").write_text(str(os.getpid()))
    ns.simulate(
        model, tokens, **LONG, comm=COMM, checkpoint=ns.Checkpoint(folder / "run.ckpt", minutes=0)
    )


def check_resumed(folder):
    run = ns.resume(folder / "run.ckpt", comm=COMM, stop_after=1e-5)
    LINES.append(str(run.state.layer))


def check_end(folder):
    """Go on to the end."""
    model, tokens, _ = CASES["harmonic"]
    run = ns.resume(folder / "run.ckpt", comm=COMM).gathered()
    if COMM.rank == 0:
        assert run.finished
        assert run == ns.simulate(model, tokens, **LONG)
        LINES.append("the bits of one process without an end")


def check_loss():
    """A token of the last rank leaves the sphere: all ranks say so."""
    x = np.array(ns.sphere.uniform(64, 2))
    x[-1] = -x[0]
    model = ns.Model(2, ns.Unnormalized(beta=0.0, value=1.0, mask=ns.Causal(include_self=False)))
    x[1:] = x[0]
    x[-1] = -x[0]
    try:
        ns.simulate(model, x, horizon=1.0, layers=1, comm=COMM)
    except ns.SimulationError as error:
        LINES.append(str(error))


if __name__ == "__main__":
    check, folder = sys.argv[1], Path(sys.argv[2])
    checks = {
        "bits": check_bits,
        "shared": check_shared,
        "spde": lambda: check_spde(folder),
        "refusals": check_refusals,
        "loss": check_loss,
        "checkpoint": lambda: check_checkpoint(folder),
        "damaged": lambda: check_damaged(folder),
        "failing": lambda: check_failing(folder),
        "killed": lambda: check_killed(folder),
        "resumed": lambda: check_resumed(folder),
        "end": lambda: check_end(folder),
        "file": lambda: check_file(folder / "run.nc"),
    }
    checks[check]()
    (folder / f"rank-{COMM.rank}").write_text("\n".join(LINES))
