"""Parts of an ensemble are joined to what one call gives, or refused with a sentence."""

import numpy as np
import pytest

import noisync as ns
from noisync.cli import main

MODEL = ns.Model(3, ns.Softmax(query=np.eye(3), key=np.eye(3)), ns.MLP("tanh", 16))


def part(first=0, replicates=3, model=MODEL, **options):
    options = {"horizon": 1.0, "layers": 6, "observe": [ns.Energy(1.0), ns.Tokens()]} | options
    tokens = options.pop("tokens", ns.sphere.Uniform(5, 3))
    return ns.ensemble(model, tokens, replicates=replicates, first_replicate=first, **options)


def test_parts_in_any_order_are_the_whole():
    """Also with weights, a schedule of its own, and matrices of the model as variables."""
    weights = [0.1, 0.2, 0.3, 0.4, 0.0]
    options = {"weights": weights, "observe": [ns.Energy(1.0, layers=3), ns.Tokens()]}
    whole = part(1, 8, **options)
    parts = [part(first, count, **options) for first, count in ((5, 4), (1, 1), (2, 3))]
    assert ns.merge(parts).identical(whole)
    assert ns.merge(iter(parts)).identical(whole)
    assert ns.merge([whole]).identical(whole)


def test_sums_of_fallbacks_and_the_method():
    """Attributes that count are added; the method is that of an ensemble of all."""
    model = ns.Model(3, ns.Softmax(beta=1.0))
    options = {"model": model, "tokens": ns.sphere.Uniform(600, 3), "observe": [ns.Energy(1.0)]}
    whole = part(0, 4, **options)
    merged = ns.merge([part(0, 2, **options), part(2, 2, **options)])
    assert merged.identical(whole)


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ([], "datasets must hold one or more parts, got none"),
        ([part(0), part(2)], "datasets must not overlap, got replicate 2 in two parts"),
        ([part(0), part(4)], "datasets must have no gap, got none with replicate 3"),
        ([part(0), part(7)], "datasets must have no gap, got none with replicates 3 to 6"),
        ([part(0), part(3, seed=1)], "parts of one ensemble, got two with other seed: '0' and '1'"),
        (
            [part(0), part(3, model=ns.Model(3, noise=ns.MLP("relu", 16)))],
            "datasets must be parts of one ensemble, got two with other model",
        ),
        ([part(0), part(3, horizon=2.0)], "got two with other horizon: 1.0 and 2.0"),
        (
            [part(0), part(3, model=ns.Model(3, ns.Softmax(query=2 * np.eye(3), key=np.eye(3)),
                                             ns.MLP("tanh", 16)))],
            "got two with other model.attention.query",
        ),
        ([part(0), part(3, weights=[0.2, 0.2, 0.2, 0.3, 0.1])], "got two with other weights"),
        ([part(0), part(3).assign_attrs(finished=0)], r"datasets\[1\] is not finished"),
        ([ns.studies.activation_rates(["relu"])], r"datasets\[0\] must be an ensemble"),
        ([3], r"datasets\[0\] must be an xarray Dataset, got 3"),
    ],
)  # fmt: skip
def test_what_does_not_fit(parts, message):
    with pytest.raises(ns.NoisyncError, match=message):
        ns.merge(parts)


CONFIG = """\
[model]
dim = 3
attention = { type = "softmax", beta = 1.0 }
noise = { type = "mlp", activation = "tanh", width = 16 }
[tokens]
uniform = 5
[run]
horizon = 1.0
layers = 6
[observe]
energy = [1.0]
"""


@pytest.fixture
def config(tmp_path):
    path = tmp_path / "run.toml"
    path.write_text(CONFIG)
    return path


def test_the_command_runs_parts_and_merges_them(config, tmp_path, capsys):
    outs = []
    for replicates in ("0:2", "2:5"):
        outs.append(str(tmp_path / f"part-{replicates[0]}.nc"))
        options = ["--replicates", replicates, "--out", outs[-1], "--seed", "7"]
        assert main(["ensemble", str(config), *options]) == 0
    assert "replicates 2 to 4, 3 of them: " in capsys.readouterr().out
    whole = tmp_path / "all.nc"
    assert main(["merge", *outs, "--out", str(whole)]) == 0
    model = ns.Model(3, ns.Softmax(beta=1.0), ns.MLP("tanh", 16))
    expected = ns.ensemble(
        model, ns.sphere.Uniform(5, 3), replicates=5, horizon=1.0, layers=6, seed=7,
        observe=[ns.Energy(1.0, "energy_1")],
    )  # fmt: skip
    assert ns.load(whole).identical(expected)


def test_with_a_seed_all_replicates_start_from_the_same_tokens(config, tmp_path):
    out = tmp_path / "part.nc"
    options = ["--set", "tokens.seed=4", "--replicates", "0:2", "--out", str(out)]
    assert main(["ensemble", str(config), *options]) == 0
    energy = ns.load(out).energy_1.to_numpy()
    assert energy[0, 0] == energy[1, 0]
    assert energy[0, -1] != energy[1, -1]


def test_a_part_goes_on_from_its_checkpoint(config, tmp_path, capsys):
    out, checkpoint = str(tmp_path / "part.nc"), str(tmp_path / "part.ckpt")
    config.write_text(CONFIG.replace("layers = 6", "layers = 20000\nsave = 5000"))
    options = ["--replicates", "0:3", "--checkpoint", checkpoint, "--out", out]
    assert main(["ensemble", str(config), *options, "--stop-after", "1e-9"]) == 4
    assert main(["resume", checkpoint, "--out", out]) == 0
    again = tmp_path / "again.nc"
    assert main(["ensemble", str(config), "--replicates", "0:3", "--out", str(again)]) == 0
    assert ns.load(out).identical(ns.load(again))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--replicates", "3:3"], "replicates must be FIRST:END, such as 0:100, got '3:3'"),
        (["--replicates", "3"], "replicates must be FIRST:END"),
        (["--replicates", "0:2", "--set", "observe={}"], "observe must name what an ensemble"),
        (["--replicates", "0:2", "--set", "run.replicate=1"], "run.replicate goes without"),
        (["--replicates", "0:2", "--log", "/nowhere/log"], "log: cannot write '/nowhere/log'"),
    ],
)
def test_bad_input_of_the_command(options, message, config, capsys):
    assert main(["ensemble", str(config), *options]) == 2
    assert message in capsys.readouterr().err


def test_merging_a_single_run_is_refused(config, tmp_path, capsys):
    run = tmp_path / "run.nc"
    assert main(["simulate", str(config), "--out", str(run)]) == 0
    assert main(["merge", str(run), "--out", str(tmp_path / "all.nc")]) == 2
    assert "must be an ensemble, got a single run" in capsys.readouterr().err
    assert main(["merge", str(run), "--out", str(run)]) == 2
    assert "out must not be" in capsys.readouterr().err
