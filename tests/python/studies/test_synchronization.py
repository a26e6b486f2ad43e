"""The study of synchronisation, the ranking of activations, and their pictures."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
import xarray as xr

import noisync as ns
from noisync.cli import main
from noisync.studies.bootstrap import mean_interval
from noisync.studies.synchronization.cells import Cell

SMALL = {
    "activations": ("sigmoid",), "dims": (8,), "sigmas": (0.3,), "values": (1.0, 0.0, -4.0),
    "tokens": 8, "horizon": 7.0, "layers": 80, "thickness": 0.05, "replicates": 200,
    "phase_dim": 8, "phase_sigmas": (0.0, 1.0), "phase_values": (0.0, -0.5),
    "phase_replicates": 6,
}  # fmt: skip


@pytest.fixture(scope="module")
def data():
    return ns.studies.synchronization(**SMALL)


def test_measured_beside_theory(data):
    cell = data.isel(activation=0, dim=0, sigma=0)
    kernel = ns.Kernel("sigmoid", 8, 0.3, 0.3)
    # Without attention the measured mean is the exact one, where few runs do not dominate it:
    # 4.9 standard errors of the mean, from its interval of ±1.96, and the layers' bias.
    off = cell.sel(value=0).isel(time=slice(1, 12))
    estimate, low, high = off.mean_energy.to_numpy().T
    allowed = 4.9 * (high - low) / 3.92 + 0.03 * estimate
    assert np.all(np.abs(estimate - off.exact_energy) < allowed)
    assert np.isnan(cell.exact_energy.sel(value=[1, -4])).all()
    assert (cell.mean_energy.sel(value=1, bound="low") <= cell.energy_bound.sel(value=1)).all()
    # Near one cluster: λ_1 − a, and the attention's 1 + aΔ a layer.
    for value in (1.0, 0.0):
        rate, low, high = cell.rate.sel(value=value).to_numpy()
        assert cell.rate_runs.sel(value=value) == 200
        layered = float(cell.layered_exponent.sel(value=value))
        assert abs(rate - layered) < 4.9 * (high - low) / 3.92 + 0.02 * abs(layered)
        exponent = 2 * (kernel.lyapunov_exponent - value)
        assert cell.cluster_exponent.sel(value=value) == pytest.approx(exponent)
    np.testing.assert_allclose(cell.share.sel(value=0), [1, 0, 0])
    np.testing.assert_allclose(cell.share.sel(value=-4), [0, 0, 1])
    assert np.isinf(cell.time_to_cluster.sel(value=-4))
    assert 0 < cell.time_to_cluster.sel(value=1) < cell.time_to_cluster.sel(value=0)
    assert np.abs(cell.layer_bias.sel(value=0)) < 0.5
    assert cell.best_rate == pytest.approx(kernel.coercivity)
    assert kernel.dissipation_rate(float(cell.best_beta) * 0.99) == pytest.approx(kernel.coercivity)
    assert kernel.dissipation_rate(float(cell.best_beta) * 1.1) > kernel.coercivity + 1e-4


def test_the_phase_diagram(data):
    share = data.phase_share.sel(end="one cluster")
    np.testing.assert_allclose(share.sel(phase_sigma=0.0), 0)
    np.testing.assert_allclose(share.sel(phase_sigma=1.0), 1)
    line = [ns.Kernel("relu", 8, s, s).lyapunov_exponent for s in (0.0, 1.0)]
    np.testing.assert_allclose(data.phase_line, line)


def test_an_odd_activation_makes_pairs():
    options = SMALL | {
        "activations": ("sin",), "sigmas": (0.0,), "dims": (2,), "values": (0.0,), "horizon": 40.0,
        "replicates": 40, "tokens": 4, "thickness": 0.3,
    }  # fmt: skip
    data = ns.studies.synchronization(**options)
    one, pair, neither = data.share.to_numpy().ravel()
    assert pair > 0.5
    assert pair > one  # 2^{-3} of the starts lie in one half
    assert neither < 0.2


def test_a_stopped_study_keeps_what_it_has(tmp_path, monkeypatch, capsys):
    measured, done = Cell.measured, []

    def stopping(cell, conditions):
        if len(done) == 2:
            raise KeyboardInterrupt
        done.append(cell)
        return measured(cell, conditions)

    monkeypatch.setattr(Cell, "measured", stopping)
    config = tmp_path / "study.toml"
    config.write_text('activations = ["tanh"]\ndims = [3]\nsigmas = [0.2, 0.3]\nreplicates = 4\n')
    arguments = ["study", "synchronization", str(config), "--quick", "--out", str(tmp_path)]
    assert main(arguments) == 130
    assert "synchronization-partial.nc" in capsys.readouterr().err
    with xr.open_dataset(tmp_path / "synchronization-partial.nc") as data:
        complete = np.isfinite(data.bound_rate.to_numpy()).ravel()
        assert complete.tolist() == [True, True, False, False, False, False]
        assert np.isnan(data.phase_share).all()


def test_intervals_cover():
    """The 95 % interval of 60 values covers their mean in 95 % of 400 cases, ± 4.9 errors.

    Percentile intervals of 60 values are a little short: 94 %.
    """
    generator = np.random.default_rng(3)
    samples = generator.standard_normal((60, 400))
    _, low, high = mean_interval(samples)
    assert np.mean((low < 0) & (high > 0)) == pytest.approx(0.94, abs=4.9 * (0.06 / 400) ** 0.5)


def test_the_command_writes_a_report(tmp_path, capsys):
    config = tmp_path / "study.toml"
    config.write_text(
        'activations = ["tanh"]\ndims = [3]\nsigmas = [0.2]\nvalues = [0.0, -1.0]\n'
        "replicates = 4\nphase_sigmas = [0.0, 0.5]\nphase_values = [0.0, -1.0]\n"
        "phase_replicates = 2\nhorizon = 1.0\ntokens = 4\nphase_dim = 3\n"
    )
    assert main(["study", "synchronization", str(config), "--quick", "--out", str(tmp_path)]) == 0
    assert "| tanh | 0.2 | −1 |" in capsys.readouterr().out
    report = (tmp_path / "synchronization.md").read_text()
    for said in ("4 runs a cell", "seed 0", "half as many", "What was not resolved", "tanh"):
        assert said in report
    names = ("synchronization.nc", "synchronization.csv", "synchronization-d3.png",
             "synchronization-phase.png")  # fmt: skip
    for name in names:
        assert (tmp_path / name).stat().st_size > 100
    assert len((tmp_path / "synchronization.csv").read_text().splitlines()) == 3


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"activations": ("sigmoidal",)}, "activations must be one of"),
        ({"sigmas": (-0.1,)}, "sigmas must be a non-negative"),
        ({"values": ()}, "values must be one or more different numbers"),
        ({"values": (1.0, 1.0)}, "values must be one or more different numbers"),
        ({"thickness": 0.0}, "thickness must be a positive"),
        ({"beta": 1e4}, "beta must be at most 700"),
        ({"tokens": 1}, "tokens must be an integer of at least 2"),
    ],
)
def test_bad_input(options, message):
    with pytest.raises(ns.NoisyncError, match=message):
        ns.studies.synchronization(**(SMALL | options))


def test_rates_of_activations():
    data = ns.studies.activation_rates(dims=(5, 64), sigmas=(0.0, 0.1))
    assert data.sizes == {"activation": 11, "dim": 2, "sigma": 2}
    for name in ("relu", "sigmoid", "gelu"):
        kernel = ns.Kernel(name, 64, 0.1, 0.1)
        cell = data.sel(activation=name, dim=64, sigma=0.1)
        assert cell.lyapunov_exponent == kernel.lyapunov_exponent
        assert cell.coercivity == kernel.coercivity
    # ReLU: λ̄ = 1/d − (d − 3)·3σ²/2.
    relu = data.critical_sigma.sel(activation="relu")
    np.testing.assert_allclose(relu, [(2 / (3 * d * (d - 3))) ** 0.5 for d in (5, 64)], rtol=1e-9)
    np.testing.assert_allclose(data.critical_sigma.sel(activation="sigmoid"), 0)


def test_rates_of_the_users_own_functions():
    data = ns.studies.activation_rates(
        {"ramp": lambda z: np.maximum(z, 0), "relu": "relu"}, dims=(3, 16), sigmas=(0.2,)
    )
    own, named = (data.sel(activation=name) for name in ("ramp", "relu"))
    np.testing.assert_allclose(own.lyapunov_exponent, named.lyapunov_exponent, rtol=1e-6)
    assert np.isinf(named.critical_sigma.sel(dim=3))  # λ̄ = 2κ'(1) > 0 in d = 3
    with pytest.raises(ns.ArgumentError, match="activations must name one or more"):
        ns.studies.activation_rates({})
    with pytest.raises(ns.ArgumentError, match="activations must be one of"):
        ns.studies.activation_rates(["reLU"])


def test_theory_all(tmp_path, capsys):
    assert main(["theory", "--all", "--dim", "5", "--sigma", "0.1"]) == 0
    printed = capsys.readouterr().out
    assert "| 1 | 1 | softplus |" in printed
    assert main(["theory", "--all", "--dim", "5", "64", "--out", str(tmp_path / "new")]) == 0
    for suffix in ("md", "png", "csv", "nc"):
        assert (tmp_path / "new" / f"activations.{suffix}").stat().st_size > 100
    for arguments, message in (
        (["theory"], "activation must be given"),
        (["theory", "--activation", "relu", "--dim", "3", "4"], "dim must be one number"),
        (["theory", "--activation", "relu", "--dim", "3", "--sigma", "1"], "sigma belongs to"),
        (["theory", "--all", "--activation", "relu"], "activation goes without --all"),
    ):
        assert main(arguments) == 2
        assert message in capsys.readouterr().err


def test_plots_take_axes_and_return_them(data):
    rates = ns.studies.activation_rates(["relu", "tanh"], dims=(5, 16))
    _, axes = plt.subplots()
    assert ns.plot.mean_energy(data, value=0.0, ax=axes) is axes
    assert axes.get_yscale() == "log"
    assert ns.plot.phase_diagram(data).get_xlabel() != ""
    for rate in ("lyapunov_exponent", "coercivity", "critical_sigma"):
        assert len(ns.plot.activation_rates(rates, rate=rate).get_lines()) >= 2
    plt.close("all")
    with pytest.raises(ns.ArgumentError, match=r"value must be one of \[1.0, 0.0, -4.0\], got 3"):
        ns.plot.mean_energy(data, value=3)
    with pytest.raises(ns.ArgumentError, match=r"data must come from ns\.studies\.synchronization"):
        ns.plot.phase_diagram(rates)
    with pytest.raises(ns.ArgumentError, match="sigma must be one of"):
        ns.plot.activation_rates(rates, sigma=9.0)


def test_the_budget_is_stacked():
    model = ns.Model(3, ns.Softmax(value=-1.0), ns.GaussianField("sigmoid", 0.3, 0.1))
    options = {"horizon": 1.0, "layers": 10, "observe": [ns.Budget()]}
    run = ns.simulate(model, ns.sphere.uniform(8, 3), **options)
    runs = ns.ensemble(model, ns.sphere.Uniform(8, 3), replicates=3, **options)
    for drawn, values in ((run, run.observed["budget"]), (runs, runs.budget.mean("replicate"))):
        axes = ns.plot.budget(drawn)
        np.testing.assert_allclose(axes.get_lines()[0].get_ydata(), np.sum(values, axis=1))
        assert [text.get_text() for text in axes.get_legend().get_texts()] == [
            "attention", "noise", "sum",
        ]  # fmt: skip
    plt.close("all")
    with pytest.raises(ns.ArgumentError, match=r"was not observed by ns\.Budget"):
        ns.plot.budget(ns.simulate(model, ns.sphere.uniform(3, 3), horizon=1.0, layers=1))


@pytest.mark.parametrize("dim", [2, 3, 6])
def test_snapshots(dim):
    model = ns.Model(dim, noise=ns.MLP("tanh", width=8))
    run = ns.simulate(model, ns.sphere.uniform(5, dim), horizon=1.0, layers=6)
    axes = ns.plot.snapshots(run)
    assert [a.get_title() for a in axes] == ["$t = 0$", "$t = 0.5$", "$t = 1$"]
    assert ns.plot.snapshots(run, [0, -1], ax=axes[:2]) == axes[:2]
    plt.close("all")
    with pytest.raises(ns.ArgumentError, match="ax must be 3 axes"):
        ns.plot.snapshots(run, ax=axes[:2])
    with pytest.raises(ns.ArgumentError, match="state must index one of the 7"):
        ns.plot.snapshots(run, [0, 9])


@pytest.mark.parametrize("dim", [2, 3, 6])
def test_an_animation_is_a_gif(dim, tmp_path):
    model = ns.Model(dim, noise=ns.MLP("tanh", width=8))
    run = ns.simulate(model, ns.sphere.uniform(5, dim), horizon=1.0, layers=6)
    ns.plot.animate(run, tmp_path / "run.gif", frames=4)
    assert (tmp_path / "run.gif").read_bytes()[:6] == b"GIF89a"
    plt.close("all")


def test_an_animation_refuses():
    model = ns.Model(3, noise=ns.MLP("tanh", width=8))
    run = ns.simulate(model, ns.sphere.uniform(5, 3), horizon=1.0, layers=6)
    with pytest.raises(ns.ArgumentError, match=r"path must end in \.gif"):
        ns.plot.animate(run, "run.mp4")
    with pytest.raises(ns.ArgumentError, match="two or more saved states"):
        ns.plot.animate(ns.simulate(model, run.tokens[0], horizon=1.0, layers=1, save=[1]))
