"""Ensembles and studies on a cluster of two processes: the same bits, and a lost worker."""

import os
import signal
import time

import numpy as np
import pytest
from distributed import Client, LocalCluster

import noisync as ns
from noisync.run import cluster

MODEL = ns.Model(3, ns.Softmax(beta=1.0), ns.MLP("tanh", 16))
OPTIONS = {"replicates": 9, "horizon": 1.0, "layers": 6, "seed": 3,
           "observe": [ns.Energy(1.0), ns.Tokens(), ns.Lyapunov(2)]}  # fmt: skip
STUDY = {
    "dims": (3,), "betas": (1.0, 2.0), "replicates": 4, "horizon": 2.0, "thickness": 1.0,
    "tokens": (2,), "group_dims": (3,), "group_betas": (1.0,), "group_replicates": 3,
}  # fmt: skip


@pytest.fixture(scope="module")
def client():
    with (
        LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None
        ) as local,
        Client(local) as connected,
    ):
        yield connected


def radius(x):
    return np.linalg.norm(x.mean(axis=0))


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_an_ensemble_has_the_bits_of_the_local_one(client, dtype):
    """Laws, one start, a start for each; functions of the user too."""
    options = OPTIONS | {"dtype": dtype, "observe": [*OPTIONS["observe"], radius]}
    for tokens in (
        ns.sphere.Uniform(5, 3),
        ns.sphere.uniform(5, 3, seed=1),
        ns.sphere.Uniform(5, 3).samples(2, 0, 9),
    ):
        expected = ns.ensemble(MODEL, tokens, **options)
        assert ns.ensemble(MODEL, tokens, **options, client=client).identical(expected)


def test_a_study_has_the_bits_of_the_local_one(client, tmp_path):
    expected = ns.studies.two_token_transition(**STUDY)
    assert ns.studies.two_token_transition(**STUDY, client=client).identical(expected)
    path = tmp_path / "study.ckpt"
    stopped = ns.studies.two_token_transition(
        **STUDY, client=client, checkpoint=path, stop_after=1e-9
    )
    assert stopped.attrs["finished"] == 0
    assert ns.resume(path, client=client).identical(expected)


def test_rates_of_activations_are_computed_by_workers(client, tmp_path):
    options = {"activations": {"cube": lambda z: z**3, "tanh": "tanh"}, "dims": [4, 64]}
    expected = ns.studies.activation_rates(**options)
    assert ns.studies.activation_rates(**options, client=client).identical(expected)
    path = tmp_path / "rates.ckpt"
    names = {"activations": ["tanh", "relu"], "dims": [4]}
    stopped = ns.studies.activation_rates(**names, client=client, checkpoint=path, stop_after=1e-9)
    assert stopped.attrs["finished"] == 0
    assert ns.resume(path, client=client).identical(ns.studies.activation_rates(**names))


def test_the_time_is_up(client):
    data = ns.ensemble(MODEL, ns.sphere.Uniform(5, 3), **OPTIONS, client=client, stop_after=1e-9)
    assert data.attrs["finished"] == 0
    assert 0 < data.sizes["replicate"] < 9
    whole = ns.ensemble(MODEL, ns.sphere.Uniform(5, 3), **OPTIONS)
    np.testing.assert_array_equal(data.energy, whole.energy.sel(replicate=data.replicate))


class KillsItsWorker:
    """A function that ends the process of its worker, once."""

    def __init__(self, flag):
        self.flag = str(flag)

    def __call__(self, x):
        if not os.path.exists(self.flag):  # noqa: PTH110
            with open(self.flag, "w") as mark:  # noqa: PTH123
                mark.write("killed")
            os.kill(os.getpid(), signal.SIGKILL)
        return float(x[0, 0])


def test_a_lost_worker_costs_its_chunk_only(client, tmp_path):
    flag = tmp_path / "killed"
    function = KillsItsWorker(flag)
    options = OPTIONS | {"observe": {"first": function}}
    data = ns.ensemble(MODEL, ns.sphere.Uniform(5, 3), **options, client=client)
    assert flag.read_text() == "killed"
    assert data.identical(ns.ensemble(MODEL, ns.sphere.Uniform(5, 3), **options))
    deadline = time.monotonic() + 60
    while len(client.nthreads()) < 2 and time.monotonic() < deadline:
        time.sleep(0.1)


def fails_late(x):
    raise ValueError("a function of the user")


def test_an_error_of_a_replicate_comes_out_with_what_was_complete(client):
    with pytest.raises(ValueError, match="a function of the user"):
        ns.ensemble(
            MODEL, ns.sphere.Uniform(5, 3), **(OPTIONS | {"observe": [fails_late]}), client=client
        )


def test_clients_that_do_not_serve(client, monkeypatch):
    run = (MODEL, ns.sphere.Uniform(5, 3))
    with pytest.raises(ns.ArgumentTypeError, match=r"client must be a dask\.distributed\.Client"):
        ns.ensemble(*run, **OPTIONS, client=3)
    with pytest.raises(ns.ArgumentError, match="checkpoint goes without client"):
        ns.ensemble(*run, **OPTIONS, client=client, checkpoint="x.ckpt")
    monkeypatch.setattr(cluster, "__version__", "0.0.0")
    with pytest.raises(ns.ArgumentError, match=r"the worker .* has noisync .* this process 0\.0"):
        ns.ensemble(*run, **OPTIONS, client=client)


def test_a_checkpoint_of_a_run_has_no_cells(client, tmp_path):
    path = tmp_path / "run.ckpt"
    ns.simulate(MODEL, ns.sphere.uniform(5, 3), horizon=1.0, layers=4, checkpoint=path)
    with pytest.raises(ns.ArgumentError, match="client serves the cells of studies"):
        ns.resume(path, client=client)
