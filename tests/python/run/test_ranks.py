"""One system over two and four processes: the bits of one."""

import os
import signal
import subprocess
import sys
import sysconfig
import time
from pathlib import Path

import pytest

import noisync as ns
from noisync.cli import main

SCRIPT = Path(__file__).parent / "ranks_script.py"
MPIEXEC = Path(sysconfig.get_path("scripts")) / "mpiexec"


def ranks(count, check, folder):
    """Return the lines of every rank of the script; one that fails ends all."""
    command = [MPIEXEC, "-n", str(count), sys.executable, "-m", "mpi4py", SCRIPT, check, folder]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return [(folder / f"rank-{k}").read_text().splitlines() for k in range(count)]


@pytest.mark.parametrize("count", [2, 4])
def test_the_bits_are_those_of_one_process(count, tmp_path):
    """Linear-time and direct sums, weights, masks, schemes, float32, laws, observers, tangents."""
    first, *others = ranks(count, "bits", tmp_path)
    assert len(first) == 17
    assert others == [[]] * (count - 1)


def test_sums_in_linear_time_need_no_tokens_of_others(tmp_path):
    assert ranks(2, "shared", tmp_path) == [["all tokens were asked for"]] * 2


@pytest.mark.parametrize("count", [2, 3])
def test_solutions_of_the_spde_have_the_bits_of_one_process(count, tmp_path):
    first, *others = ranks(count, "spde", tmp_path)
    assert len(first) == 5
    assert others == [first] * (count - 1)


def test_one_file_and_one_sentence(tmp_path):
    first, second = ranks(2, "file", tmp_path)
    assert first == ["one file", *second]
    assert "/nowhere" in second[0]


def test_what_ranks_refuse_all_of_them_refuse(tmp_path):
    first, second = ranks(2, "refusals", tmp_path)
    for sentence in (
        "comm: rank 1 was called with other arguments than rank 0",
        "noise must be a function on the sphere, got GaussianField(sampler='exact')",
        "comm: the noise must be a function on the sphere, the same for every rank",
        "comm: defined for models with the normalization 'post', got 'pre'",
        "observe: norm needs all tokens at one rank; where its values are of each token alone",
        "comm must have at most 1 ranks, as many as there are stretches of 1 of 1 tokens, got 2",
        "energy needs all tokens, and this rank has those of",
        "pair_cosines needs all tokens",
        "to_dataset needs all tokens",
    ):
        for rank in (first, second):
            assert any(sentence in line for line in rank), (sentence, rank)


def test_a_checkpoint_goes_on_over_any_number_of_ranks(tmp_path):
    """Two ranks stop twice, three go on, one process too, and two end it: the bits of one run."""
    first, second = ranks(2, "checkpoint", tmp_path)
    assert first == second
    assert 0 < int(first[0]) < int(first[1])
    assert "is of another call: seed is 3 there and 4 here" in first[2]
    three = ranks(3, "resumed", tmp_path)
    assert int(three[0][0]) > int(first[1])
    alone = ns.resume(tmp_path / "run.ckpt", stop_after=1e-5)
    assert alone.state.layer >= int(three[0][0])
    assert ranks(2, "end", tmp_path)[0] == ["the bits of one process without an end"]


def test_damaged_tokens_of_one_rank_send_all_to_the_state_before(tmp_path):
    lines = ranks(2, "damaged", tmp_path)
    assert lines[0][-1] == "the bits of one process without an end"


def test_what_one_rank_cannot_write_the_first_says_and_nothing_is_lost(tmp_path):
    first, second = ranks(2, "failing", tmp_path)
    *warned, last = first
    assert len(warned) == 2
    assert all(
        "run.ckpt': No space left on device; the checkpoint before stands" in w for w in warned
    )
    assert last == "the bits of one process without an end"
    assert second == []


def test_a_killed_rank_ends_all_and_they_go_on(tmp_path):
    """From the checkpoint before: to the bits of a run that nothing happened to."""
    command = [MPIEXEC, "-n", "2", sys.executable, "-m", "mpi4py", SCRIPT, "killed", tmp_path]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
        state = tmp_path / "run.ckpt" / "state-1"
        while not state.exists():  # the second generation: it has gone on since the first
            assert process.poll() is None, process.stdout.read()
            time.sleep(0.01)
        os.kill(int((tmp_path / "pid-1").read_text()), signal.SIGKILL)
        said = process.communicate(timeout=120)[0].decode()
    assert process.returncode != 0
    assert "signal 9" in said.lower()
    assert ranks(2, "end", tmp_path)[0] == ["the bits of one process without an end"]


def test_a_lost_token_ends_all_ranks(tmp_path):
    for lines in ranks(2, "loss", tmp_path):
        assert len(lines) == 1
        assert "layer 1: token 63 left the sphere" in lines[0]


def test_the_command(tmp_path):
    """`mpiexec noisync simulate --mpi`: one rank speaks, one file with the bits of one process."""
    config = tmp_path / "run.toml"
    config.write_text(
        '[model]\ndim = 3\nattention = { type = "softmax", beta = 1.0 }\n'
        "[tokens]\nuniform = 4000\n[run]\nhorizon = 1.0\nlayers = 3\n[observe]\nenergy = [1.0]\n"
    )
    out, alone = tmp_path / "run.nc", tmp_path / "alone.nc"
    command = [sys.executable, "-m", "mpi4py", "-m", "noisync", "simulate", config, "--mpi"]
    done = subprocess.run(
        [MPIEXEC, "-n", "2", *command, "--out", out],
        capture_output=True, text=True, timeout=300, check=True,
    )  # fmt: skip
    assert done.stdout.count("result: ") == done.stdout.count("computed in") == 1
    assert main(["simulate", str(config), "--out", str(alone)]) == 0
    assert ns.load(out) == ns.load(alone)


def test_what_is_no_communicator():
    with pytest.raises(ns.ArgumentTypeError, match="comm must be an mpi4py communicator, got 3"):
        ns.simulate(
            ns.Model(3, ns.Softmax()), ns.sphere.uniform(4, 3), horizon=1.0, layers=1, comm=3
        )
