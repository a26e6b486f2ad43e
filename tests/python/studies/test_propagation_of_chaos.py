"""The errors of N tokens against the SPDE: what is exact, the rates, what is refused."""

from dataclasses import replace

import matplotlib.pyplot as plt
import numpy as np
import pytest

import noisync as ns
from noisync.cli import main
from noisync.sphere.quadrature import node_count
from noisync.studies.propagation_of_chaos import design, rates
from noisync.studies.propagation_of_chaos.distances import (
    coupling_squares,
    energy_errors,
    quantisation,
    sobolev_squares,
    transport_squares,
)
from noisync.studies.propagation_of_chaos.found import Found
from noisync.studies.propagation_of_chaos.reference import (
    Nodes,
    particle_reference,
    spde_reference,
)
from noisync.studies.propagation_of_chaos.setting import Setting, quadrature_degree
from noisync.studies.propagation_of_chaos.words import limits_words

CIRCLE = ns.Model(2, ns.Softmax(beta=2.0), ns.MLP("tanh", 16, sigma_u=0.5, sigma_w=0.1))
SPHERE = ns.Model(3, ns.Softmax(beta=2.0), ns.MLP("tanh", 16, sigma_u=0.5, sigma_w=0.1))
SETTING = Setting(horizon=0.5, layers=10, saved=2, concentration=1.0, seed=3, threads=1)

TINY = {
    "model": (CIRCLE, SPHERE), "tokens": (8, 16), "layers": 4, "saved": 2, "replicates": 2,
    "transport_tokens": 8, "conditional_tokens": (8, 64, 128), "starts": 40, "growth_horizon": 1.0,
    "growth_tokens": 4, "growth_replicates": 2, "threads": 1,
}  # fmt: skip


@pytest.fixture(scope="module")
def tiny():
    return ns.studies.propagation_of_chaos(**TINY)


def test_test_tokens_do_not_change_the_solution():
    """The nodes beside tokens of weight zero are those of spde.solve, to rounding of other sums."""
    start = SETTING.start(3, 50).sample(SETTING.seed, 1)
    truth = spde_reference(SPHERE, SETTING, start, 1, 30)
    solution = ns.spde.solve(
        SPHERE, SETTING.start(3, 1), degree=30, horizon=0.5, layers=10, save=5, seed=3, replicate=1
    )
    np.testing.assert_allclose(truth.limit.tokens, solution.tokens, atol=1e-11)
    np.testing.assert_allclose(truth.limit.weights, solution.weights, atol=1e-15)
    np.testing.assert_array_equal(truth.driven[0], start)


def test_driven_tokens_move_by_the_flow_of_the_solution():
    """A test token that starts at a node goes where the node goes."""
    nodes, _ = ns.sphere.quadrature(2, 40)
    truth = spde_reference(CIRCLE, SETTING, nodes[::3], 0, 40)
    np.testing.assert_allclose(truth.driven, truth.limit.tokens[:, ::3], atol=1e-12)


def test_coarser_nodes_move_with_the_solution():
    """Their means are the solution's, as far as they resolve them, and do not change it."""
    start = SETTING.start(3, 4).sample(SETTING.seed, 0)
    alone = spde_reference(SPHERE, SETTING, start, 0, 60)
    truth = spde_reference(SPHERE, SETTING, start, 0, 60, (10, 44))
    np.testing.assert_allclose(truth.limit.tokens, alone.limit.tokens, atol=1e-12)
    np.testing.assert_allclose(truth.driven, alone.driven, atol=1e-12)
    mean = truth.limit.weights @ truth.limit.tokens
    few, many = truth.by_degree[10], truth.by_degree[44]
    errors = [np.abs(each.weights @ each.tokens - mean).max() for each in (few, many)]
    assert [len(each.weights) for each in (few, many)] == [72, 1058]
    assert errors[0] < 1e-3
    assert errors[1] < 1e-7
    own = spde_reference(SPHERE, SETTING, start, 0, 10).limit
    np.testing.assert_array_equal(own.tokens[0], few.tokens[0])
    assert np.abs(own.tokens[-1] - few.tokens[-1]).max() > 1e-8  # its own attention


def test_exact_transport_has_nodes_for_every_n():
    """8 N of them beyond the circle, so that their own error is the same share of the sampling."""
    planned = design.Design.checked(
        (CIRCLE, SPHERE), SETTING, tokens=(64, 128, 256), replicates=2, beta=1.0, orders=(1.0,),
        degree=4, transport_tokens=128, reference="auto", reference_tokens=512,
        conditional_tokens=(8, 16), starts=0,
    )  # fmt: skip
    degrees = planned.transport_degrees(SPHERE)
    assert list(degrees) == [64, 128]
    for n, degree in degrees.items():
        assert 8 * n <= node_count(3, degree) < 10 * n
    degrees = planned.transport_degrees(CIRCLE)
    assert {n: node_count(2, degree) for n, degree in degrees.items()} == dict.fromkeys(
        (64, 128, 256), 4096
    )


def test_distance_from_few_nodes_is_that_from_many():
    """W_2 from 8 N nodes is within the nodes' own distance of that from 4,000, at every time."""
    start = SETTING.start(3, 32).sample(SETTING.seed, 0)
    truth = spde_reference(SPHERE, SETTING, start, 0, 88, (22,))
    x = SETTING.run(SPHERE, start, 0)
    few = truth.by_degree[22]
    exact, rough = (transport_squares(x, nodes, 1) ** 0.5 for nodes in (truth.limit, few))
    own = [
        ns.sphere.wasserstein2(*pair, few.weights, truth.limit.weights)
        for pair in zip(few.tokens, truth.limit.tokens, strict=True)
    ]
    assert np.all(np.abs(exact - rough) <= own)
    assert np.all(own < 0.3 * exact)


def test_without_attention_tokens_are_those_that_the_limit_drives():
    model = ns.Model(3, noise=ns.MLP("tanh", 16))
    start = SETTING.start(3, 20).sample(SETTING.seed, 0)
    truth = spde_reference(model, SETTING, start, 0, 30)
    x = SETTING.run(model, start[:10], 0)
    assert coupling_squares(x, truth).max() < 1e-28


def test_the_first_tokens_and_the_noise_are_the_same_for_every_n():
    """The reference of many tokens has the N tokens as its first."""
    truth = particle_reference(CIRCLE, SETTING, 8, 2, 64)
    np.testing.assert_array_equal(truth.driven[0], SETTING.start(2, 8).sample(3, 2))
    whole = SETTING.run(CIRCLE, SETTING.start(2, 64).sample(3, 2), 2)
    truth = replace(truth, driven=truth.limit.tokens)
    np.testing.assert_array_equal(coupling_squares(whole, truth), 0.0)


def test_coupling_has_slope_minus_one():
    """48 paths: within 4 standard errors of −1, which fails by chance in 6 of 10⁵ streams.

    The standard error is below 0.08, so slopes of −1/2 or −3/2 would be seen.
    """
    data = ns.studies.propagation_of_chaos(
        CIRCLE, tokens=(16, 32, 64, 128, 256), layers=10, saved=2, replicates=48,
        transport_tokens=0, orders=(1.0,), starts=0, growth_horizon=0.0, threads=1,
    )  # fmt: skip
    for over in ("sup", "end"):
        estimate, low, high = data.slope_coupling.isel(model=0).sel(over=over).to_numpy()
        error = (high - low) / 3.92
        assert error < 0.08
        assert abs(estimate + 1) < 4 * error
    assert data.floor_coupling.item() < 1e-20


@pytest.mark.parametrize(("dim", "concentration"), [(2, 0.0), (2, 2.0), (3, 1.0)])
def test_mean_energy_of_independent_tokens(dim, concentration):
    """E[E_β(μ^N)] = (1 − 1/N) E_β(μ), exactly: 3000 starts, by chance off in 6 of 10⁵ streams.

    The factor 1 − 1/N, 0.9 here, is more than ten standard errors from 1.
    """
    setting = Setting(1.0, 1, 1, concentration, 5, None)
    n, beta = 10, 1.5
    nodes, weights = ns.sphere.quadrature(dim, 40)
    weights = weights * setting.start(dim, 1).density(nodes)
    exact = (1 - 1 / n) * ns.measure.energy(nodes, beta, weights / weights.sum())
    energies = ns.measure.energy(setting.start(dim, n).samples(5, 0, 3000), beta)
    error = energies.std() / 3000**0.5
    assert abs(energies.mean() - exact) < 4 * error
    assert exact / n > 10 * error


@pytest.mark.parametrize(("dim", "n"), [(2, 32), (3, 32), (4, 27)])
def test_sobolev_distance_of_independent_tokens(dim, n):
    """Its mean for uniform tokens is `growing_rate`: 300 starts, off in 6 of 10⁵ streams.

    The mean without the first or the last degree is more than 4 of its errors away, but for the
    last of the circle, of 32.
    """
    setting = Setting(1.0, 1, 1, 0.0, 5, None)
    degree = rates.growing_degree(dim, n)
    nodes, weights = ns.sphere.quadrature(dim, 2 * degree)
    starts = setting.start(dim, n).samples(5, 0, 300)
    truth = Nodes(nodes[None], weights)
    squares = np.array([sobolev_squares(x[None], truth, 1.0, degree)[0] for x in starts])
    exact = rates.growing_rate(dim, [n]).item()
    error = squares.std() / 300**0.5
    assert abs(squares.mean() - exact) < 4 * error
    terms = -np.diff([rates._sampling_error(dim, n, 1.0, k) for k in range(degree, -1, -1)])
    assert terms[-1] > 4 * error
    assert dim == 2 or terms[0] > 4 * error


def test_energy_errors_of_the_nodes_themselves_are_zero():
    nodes, weights = ns.sphere.quadrature(3, 20)
    truth = ns.measure.energy(nodes[None], 1.0, weights)
    shifted = energy_errors(nodes[None][:, :7], truth, 1.0)
    assert shifted == abs(ns.measure.energy(nodes[:7], 1.0) - truth)


def test_floor_of_nodes_is_exact_on_the_circle():
    """M equal arcs: (2π/M)²/12, and far more points are that far from M of them."""
    assert quantisation(2, 100) == pytest.approx((2 * np.pi / 100) ** 2 / 12, rel=1e-12)
    angle = 2 * np.pi * (np.arange(9000) + 0.5) / 9000
    fine = np.column_stack([np.cos(angle), np.sin(angle)])
    assert ns.sphere.wasserstein2(fine[150::300], fine) ** 2 == pytest.approx(
        quantisation(2, 30), rel=1e-3
    )
    assert quantisation(3, 1000) == pytest.approx(0.002, rel=1e-12)  # a disc: half its radius²


def test_rates():
    n = [64, 128, 256]
    assert [rates.fitted_slope(n, rates.theorem_rate(d, n)) for d in (2, 3, 8)] == pytest.approx(
        [-0.5, -0.5, -0.25]
    )
    assert [rates.fitted_slope(n, rates.smooth_rate(d, n)) for d in (2, 4, 8)] == pytest.approx(
        [-1, -2 / 3, -2 / 7]
    )
    assert -1 < rates.fitted_slope(n, rates.smooth_rate(3, n)) < -0.75
    assert -0.5 < rates.fitted_slope(n, rates.theorem_rate(4, n)) < -0.25
    assert [rates.growing_degree(d, 4096) for d in (2, 3, 4)] == [4096, 64, 16]


def test_degrees_have_the_nodes_that_are_asked_for():
    for dim, nodes in ((2, 4096), (3, 8192), (4, 8192)):
        degree = quadrature_degree(dim, nodes)
        assert len(ns.sphere.quadrature(dim, degree)[0]) >= nodes
    assert len(ns.sphere.quadrature(2, quadrature_degree(2, 4096))[0]) == 4096


def test_high_dimensions_have_a_reference_of_many_tokens():
    model = ns.Model(8, ns.Softmax(beta=1.0), ns.MLP("tanh", 8))
    data = ns.studies.propagation_of_chaos(
        model, tokens=(8, 16, 32), layers=4, saved=2, replicates=4, reference_tokens=256,
        orders=(1.0,), degree=3, growth_horizon=0.0,
    )  # fmt: skip
    assert np.all(data.coupling[..., 1:] > 0)
    assert np.all(data.sobolev > 0)
    assert np.isnan(data.wasserstein).all()
    assert "one system of 256 tokens" in limits_words(data)
    mean = data.coupling[0].max("time").mean("replicate")
    floor = float((mean * data.tokens).mean() / 256)
    assert data.floor_coupling.item() == pytest.approx(floor, rel=1e-12)


def test_few_tokens_beside_their_reference(monkeypatch):
    """What a dimension or a reference forbids is NaN, and slopes go without."""
    model = ns.Model(8, ns.Softmax(beta=1.0), ns.MLP("tanh", 8))
    data = ns.studies.propagation_of_chaos(
        model, tokens=(8, 16, 64), layers=2, saved=1, replicates=2, reference_tokens=128,
        orders=(1.0,), degree=2, growth_horizon=0.0,
    )  # fmt: skip
    assert np.isfinite(data.coupling[..., :2, :]).all()
    assert np.isnan(data.coupling[..., 2, :]).all()
    assert np.isfinite(data.slope_coupling).all()
    assert len(ns.plot.propagation_of_chaos(data)) == 4
    plt.close("all")


def test_what_is_measured(tiny):
    assert tiny.coupling.dims == ("model", "replicate", "tokens", "time")
    assert tiny.dim.to_numpy().tolist() == [2, 3]
    assert np.all(tiny.coupling[..., 0] == 0)
    assert np.all(tiny.wasserstein[0] > 0)
    assert np.isnan(tiny.wasserstein[1, :, 1]).all()  # N = 16 is beyond transport_tokens
    assert np.all(tiny.wasserstein[1, :, 0] > 0)
    assert tiny.slope_coupling.sel(bound=["estimate", "low", "high"]).shape == (2, 2, 3)
    assert set(tiny.over.to_numpy()) == {"sup", "end"}
    for name in ("energy", "sobolev", "sobolev_growing", "conditional"):
        assert f"slope_{name}" in tiny
    assert np.isfinite(tiny.conditional[0]).all()
    assert np.isnan(tiny.conditional[1]).all()  # of the least dimension alone
    assert tiny.growth.shape == (4, 2, 3)
    assert (tiny.growth_coercivity.to_numpy() < 0).tolist() == [True, True, False, False]


def test_results_do_not_depend_on_threads(tiny):
    again = ns.studies.propagation_of_chaos(**(TINY | {"threads": 2, "growth_horizon": 0.0}))
    for name, values in again.data_vars.items():
        np.testing.assert_array_equal(values, tiny[name])


SHORT = TINY | {"growth_horizon": 0.0, "starts": 0}


@pytest.fixture
def stopped(monkeypatch):
    """Stop the study at the fourth noise path."""
    measured, calls = Found.cells.__globals__["measured"], []

    def measured_or_stopped(*arguments):
        calls.append(arguments)
        if len(calls) == 4:
            raise KeyboardInterrupt
        return measured(*arguments)

    monkeypatch.setitem(Found.cells.__globals__, "measured", measured_or_stopped)


def test_an_interrupt_keeps_what_was_measured(stopped, tmp_path):
    """It is in the exception's Dataset; and a checkpoint goes on from there, to the same end."""
    checkpoint = tmp_path / "study.ckpt"
    with pytest.raises(KeyboardInterrupt) as caught:
        ns.studies.propagation_of_chaos(**SHORT, checkpoint=checkpoint)
    data = caught.value.dataset
    assert data.attrs["finished"] == 0
    assert np.isfinite(data.coupling[0]).all()
    assert np.isfinite(data.coupling[1, 0]).all()
    assert np.isnan(data.coupling[1, 1]).all()
    resumed = ns.resume(checkpoint, threads=1)
    assert resumed.attrs["finished"] == 1
    assert resumed.identical(ns.studies.propagation_of_chaos(**SHORT))


def test_pictures_take_axes_and_return_them(tiny):
    for name, count in (
        ("propagation_of_chaos", 4),
        ("conditional_chaos", 3),
        ("coupling_growth", 2),
    ):
        draw = getattr(ns.plot, name)
        _, panels = plt.subplots(1, count)
        assert draw(tiny, ax=panels) == tuple(panels)
        assert len(draw(tiny)) == count
        with pytest.raises(ns.ArgumentTypeError, match="ax must be"):
            draw(tiny, ax=panels[:1])
        with pytest.raises(
            ns.ArgumentError, match=r"must come from ns\.studies\.propagation_of_ch"
        ):
            draw(tiny[["resolved_until"]])
        plt.close("all")
    with pytest.raises(ns.ArgumentError, match=r"model must be one that was measured, of \[0\]"):
        ns.plot.conditional_chaos(tiny, 1)


CONFIG = """\
tokens = [8, 16]
layers = 4
saved = 2
replicates = 2
transport_tokens = 8
conditional_tokens = [64, 128]
starts = 20
growth_horizon = 0.0
[[model]]
dim = 2
attention = { type = "softmax", value = -1.0 }
noise = { type = "mlp", activation = "tanh", width = 8 }
[[model]]
dim = 3
attention = { type = "softmax", value = -1.0 }
noise = { type = "mlp", activation = "tanh", width = 8 }
"""


def test_the_command_writes_everything(tmp_path, capsys):
    config = tmp_path / "study.toml"
    config.write_text(CONFIG)
    out = tmp_path / "out"
    assert main(["study", "propagation-of-chaos", str(config), "--out", str(out)]) == 0
    printed = capsys.readouterr()
    assert "tokens times layers, about a minute on two cores" in printed.err
    assert "coupling, sup over time" in printed.out
    text = (out / "propagation-of-chaos.md").read_text()
    for words in ("the interval", "What limits the range", "Chaos given the noise", "Cost"):
        assert words in text
    for name in ("propagation-of-chaos.png", "conditional-chaos.png", "propagation-of-chaos.csv"):
        assert (out / name).stat().st_size > 100


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"tokens": (64, 32)}, r"tokens must be two or more increasing integers, got \(64, 32\)"),
        ({"tokens": (64, 64)}, "tokens must be two or more increasing integers"),
        ({"tokens": 64}, "tokens must be two or more increasing integers"),
        ({"tokens": (1, 2)}, "tokens must be an integer of at least 2, got 1"),
        ({"conditional_tokens": (8, 4)}, "conditional_tokens must be two or more increasing"),
        ({"starts": 1}, r"starts must be 0 \(none\) or at least 2, got 1"),
        ({"replicates": 1}, "replicates must be an integer of at least 2, got 1"),
        ({"layers": 5}, "layers must be a multiple of saved = 2, got 5"),
        ({"growth_horizon": 1.5}, "growth_horizon must be a multiple of horizon = 1, got 1.5"),
        ({"orders": ()}, "orders must be one or more different numbers"),
        ({"reference": "pde"}, "reference must be one of auto, particles, spde, got 'pde'"),
        ({"model": ()}, "model must be a Model or one or more of them, got none"),
        ({"model": 3}, "model must be a Model"),
        (
            {"model": ns.Model(3, ns.Softmax(), normalization="pre")},
            "model: defined for models with the normalization 'post', got 'pre'",
        ),
        ({"model": (CIRCLE, CIRCLE)}, "model must list different models"),
        (
            {"model": ns.Model(8, noise=ns.MLP("tanh", 4)), "reference": "spde"},
            "reference must be 'particles' in dim 8: the SPDE is solved on a quadrature",
        ),
        (
            {"model": ns.Model(8, noise=ns.MLP("tanh", 4)), "reference_tokens": 20},
            "reference_tokens must be at least 4 times the second of tokens, 16, in dim 8, got 20",
        ),
        (
            {"model": ns.Model(3, noise=ns.GaussianField("tanh", sampler="exact"))},
            r"noise must be a function on the sphere, got GaussianField\(sampler='exact'\)",
        ),
        (
            {"model": ns.Model(3, noise=ns.IndependentNoise(1.0))},
            "noise must be a function on the sphere",
        ),
        (
            {"tokens": (64, 2**20), "transport_tokens": 2**20},
            "transport_tokens: the exact distance of 1048576 tokens from .* nodes needs .*sob",
        ),
    ],
)
def test_bad_input(options, message, monkeypatch):
    names = ns.studies.propagation_of_chaos.__globals__
    monkeypatch.setitem(names, "Found", None)  # nothing is run
    with pytest.raises(ns.NoisyncError, match=message):
        ns.studies.propagation_of_chaos(**(TINY | options))


def test_the_folder_is_tried_before_anything_is_run(tmp_path, capsys, monkeypatch):
    def run(**options):
        raise AssertionError("the study was run")

    from noisync.studies import STUDIES
    from noisync.studies.study import Study

    for name in ("propagation-of-chaos", "commuting-limits"):
        monkeypatch.setitem(STUDIES, name, Study(run, {}, None, {}))
        (tmp_path / "file").write_text("")
        assert main(["study", name, "--out", str(tmp_path / "file" / "results")]) == 2
        assert "out: " in capsys.readouterr().err
        (tmp_path / name / f"{name}.nc").mkdir(parents=True)
        assert main(["study", name, "--out", str(tmp_path / name)]) == 2
        assert "it is a folder" in capsys.readouterr().err


def test_large_is_for_studies_that_have_a_design(tmp_path, capsys):
    assert main(["study", "depth-width", "--large", "--out", str(tmp_path)]) == 2
    assert "large: the study 'depth-width' has no larger design" in capsys.readouterr().err
    text = ns.studies.STUDIES["propagation-of-chaos"].cost(**design.LARGE)
    assert "hours on two cores" in text
