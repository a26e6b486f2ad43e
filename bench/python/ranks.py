"""Time and bytes of a layer on some ranks, one thread each.

    mpiexec -n 2 python -m mpi4py bench/python/ranks.py [--tokens 1000000] [--layers 10] [--energy]

Run with 1 and 2 ranks in turn and compare: `--against SECONDS` prints the ratio to a time of
another run. The fastest of the layers' times counts, and each includes the messages.
"""

import argparse
import time

from mpi4py import MPI

import noisync as ns
from noisync.run.ranks import Share


def main() -> None:
    """Print the seconds and the bytes of a layer, and a hash of the result's bits."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--tokens", type=int, default=1_000_000)
    parser.add_argument("--layers", type=int, default=10)
    parser.add_argument("--energy", action="store_true", help="observe E_1 after every layer")
    parser.add_argument("--against", type=float, help="seconds to compare with")
    options = parser.parse_args()
    comm = MPI.COMM_WORLD
    sent = [0]
    gather = Share.gather

    def counted(self: Share, own):
        sent[0] += own.nbytes
        return gather(self, own)

    Share.gather = counted
    model = ns.Model(3, ns.Softmax(beta=2.0), ns.MLP("tanh", 64, sigma_u=0.3, sigma_w=0.1))
    times = []

    def clock(x):
        times.append(time.perf_counter())
        return x[:, 0]

    ns.simulate(
        model, ns.sphere.Uniform(options.tokens, 3), horizon=0.5, layers=options.layers, seed=1,
        save=[options.layers],
        observe=[
            *([ns.Energy(1.0)] if options.energy else []),
            ns.Function(clock, rows=True, layers=[0, options.layers]),
        ],
        threads=1, comm=comm,
    )  # fmt: skip
    seconds = (times[1] - times[0]) / options.layers
    observed = 2 * 8 * options.tokens / comm.size
    if comm.rank == 0:
        ratio = (
            "" if options.against is None else f", {options.against / seconds:.2f} times as fast"
        )
        print(
            f"{comm.size} ranks, {options.tokens} tokens: {seconds:.4f} s a layer{ratio}; "
            f"{(sent[0] - observed) / options.layers / 1024:.1f} KiB a layer sent by each"
        )


if __name__ == "__main__":
    main()
