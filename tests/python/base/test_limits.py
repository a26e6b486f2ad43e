"""Threads and memory are what this process may use, not what the machine has."""

import math
import os
import subprocess
import sys
import threading

import numpy as np
import pytest

import noisync as ns
from noisync.base import cgroup, memory, threads
from noisync.run.arguments import complete
from noisync.run.plan import Plan
from noisync.run.work import layer_threads


def version_2(folder, groups):
    """Make a tree of control groups of version 2; the process is in the last."""
    path = folder / "cgroup"
    place = path
    place.mkdir()
    for name, files in groups.items():
        place = place / name
        place.mkdir()
        for file, text in files.items():
            (place / file).write_text(text)
    membership = folder / "membership"
    membership.write_text(f"0::/{place.relative_to(path)}\n")
    return path, membership


def test_the_least_of_all_groups_counts(tmp_path):
    tree = version_2(tmp_path, {
        "slice": {"cpu.max": "150000 100000\n", "memory.max": "max\n", "memory.current": "5\n"},
        "job": {"cpu.max": "max 100000\n", "memory.max": "1000\n", "memory.current": "400\n",
                "memory.stat": "anon 100\ninactive_file 250\n"},
    })  # fmt: skip
    assert cgroup.cpu_limit(*tree) == 1.5
    assert cgroup.free_memory(*tree) == 850


def test_version_1(tmp_path):
    for name, files in {
        "cpu,cpuacct/job": {"cpu.cfs_quota_us": "300000\n", "cpu.cfs_period_us": "100000\n"},
        "memory/job": {"memory.limit_in_bytes": "1000\n", "memory.usage_in_bytes": "300\n"},
    }.items():
        folder = tmp_path / "cgroup" / name
        folder.mkdir(parents=True)
        for file, text in files.items():
            (folder / file).write_text(text)
    membership = tmp_path / "membership"
    membership.write_text("4:memory:/job\n3:cpu,cpuacct:/job\n1:name=systemd:/x\n")
    assert cgroup.cpu_limit(tmp_path / "cgroup", membership) == 3.0
    assert cgroup.free_memory(tmp_path / "cgroup", membership) == 700


def test_no_groups_are_no_limit(tmp_path):
    nowhere = tmp_path / "cgroup", tmp_path / "membership"
    assert cgroup.cpu_limit(*nowhere) == math.inf
    assert cgroup.free_memory(*nowhere) == sys.maxsize
    unlimited = version_2(tmp_path, {"job": {"cpu.max": "max 100000\n", "memory.max": "max\n"}})
    assert cgroup.cpu_limit(*unlimited) == math.inf
    assert cgroup.free_memory(*unlimited) == sys.maxsize


@pytest.mark.parametrize(
    ("cores", "quota", "variable", "expected"),
    [(8, math.inf, "", 8), (8, 2.5, "", 2), (8, 0.5, "", 1), (8, math.inf, "3", 3),
     (8, math.inf, "16", 8), (8, 4.0, "2,2", 2), (8, math.inf, "none", 8)],
)  # fmt: skip
def test_the_default_of_threads(cores, quota, variable, expected, monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: set(range(cores)))
    monkeypatch.setattr(cgroup, "cpu_limit", lambda: quota)
    monkeypatch.setenv("OMP_NUM_THREADS", variable)
    assert threads.thread_count(None) == expected
    assert threads.thread_count(5) == 5  # what is asked for counts


def test_memory_checks_keep_to_the_groups(monkeypatch):
    monkeypatch.setattr(cgroup, "free_memory", lambda: 2**20)
    assert memory.available_memory() == 2**20
    with pytest.raises(ns.ArgumentError, match=r"0\.0 GiB are free"):
        ns.simulate(
            ns.Model(3, noise=ns.GaussianField("tanh", sampler="exact")),
            ns.sphere.uniform(500, 3), horizon=1.0, layers=1,
        )  # fmt: skip


@pytest.mark.parametrize("method", ["spawn", "forkserver"])
def test_a_process_of_its_own_has_all_threads(method, tmp_path):
    """Computed in it and here, on two threads: the same bits."""
    code = (
        "import multiprocessing as mp, numpy as np, noisync as ns\n"
        "def run(threads):\n"
        "    model = ns.Model(3, ns.Softmax(1.0), ns.MLP('tanh', 64))\n"
        "    x = ns.sphere.uniform(300, 3)\n"
        "    end = ns.simulate(model, x, horizon=1.0, layers=4, threads=threads).tokens[-1]\n"
        "    return end.tobytes()\n"
        "if __name__ == '__main__':\n"
        "    here = run(2)\n"
        f"    with mp.get_context('{method}').Pool(1) as pool:\n"
        "        assert pool.map(run, [2]) == [here]\n"
    )
    script = tmp_path / "script.py"
    script.write_text(code)
    subprocess.run([sys.executable, script], check=True, timeout=120)


def test_python_threads_side_by_side():
    """Four threads, each with two of its own: the bits of one after another."""
    model = ns.Model(3, ns.Softmax(beta=1.0), ns.MLP("tanh", 64))
    x = ns.sphere.uniform(300, 3)

    def run(k):
        return ns.simulate(model, x, horizon=1.0, layers=8, seed=k, threads=2).tokens[-1]

    found = {}
    workers = [threading.Thread(target=lambda k=k: found.update({k: run(k)})) for k in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    for k in range(4):
        np.testing.assert_array_equal(found[k], run(k))


@pytest.mark.parametrize(
    ("model", "n", "expected"),
    [
        (ns.Model(64, ns.Softmax(1.0), ns.MLP("tanh", 64)), 64, 1),
        (ns.Model(3, ns.Softmax(1.0)), 2048, 7),
        (ns.Model(64, ns.Softmax(1.0)), 256, 1),
        (ns.Model(64, ns.Softmax(1.0)), 8192, 16),
        (ns.Model(64, [ns.Softmax(1.0)] * 8), 256, 7),
        (ns.Model(64, noise=ns.MLP("tanh", 2**16)), 4, 16),
        (ns.Model(3, ns.Sinkhorn()), 4, 16),  # of which nothing is known
        (ns.Model(3, noise=ns.GaussianField("tanh")), 4, 16),
        (ns.Model(3), 10**6, 1),
    ],
)
def test_threads_that_have_enough_to_do(model, n, expected):
    assert layer_threads(model, n, 16) == expected


def test_what_is_asked_for_is_not_reduced():
    arguments = complete({"horizon": 1.0, "layers": 1})
    model = ns.Model(3, ns.Softmax(1.0))
    assert Plan.checked(model, 8, {**arguments, "threads": 4}).layer_threads == 4
    assert Plan.checked(model, 8, arguments).layer_threads == 1
