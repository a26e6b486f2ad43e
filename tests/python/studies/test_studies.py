"""Studies: what they compute, what they write, what they refuse."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

import noisync as ns
from noisync.cli import main
from noisync.studies.depth_width.width import CoupledLayers, coupled_roots
from noisync.studies.slopes import slope

QUICK = {
    "depths": (4, 8), "widths": (16, 32), "width_layers": 2, "replicates": 4, "tokens": 3,
    "refinement": 2,
}  # fmt: skip


def test_depth_and_width_converge_with_slope_minus_one():
    """The quick sizes, 64 paths: intervals of about ± 0.2 that reach −1 within 0.1."""
    data = ns.studies.depth_width(**ns.studies.STUDIES["depth-width"].quick)
    for what in ("depth", "width"):
        estimate, low, high = data[f"slope_{what}"].to_numpy()
        assert low < estimate < high
        assert low - 0.1 < -1 < high + 0.1
        assert high - low < 0.6
        errors = data[f"{what}_error"].mean("replicate").to_numpy()
        assert np.all(np.diff(errors) < 0)


def test_the_coupling_is_optimal():
    """Both noises have their covariances, and their mean squared distance is the least there is.

    That is the squared Bures distance tr A + tr B − 2 tr (A^½ B A^½)^½, also for singular A.
    """
    factors = np.random.default_rng(1).standard_normal((2, 5, 4, 4))
    factors[0, 0, :, 1:] = 0  # rank 1
    first, second = factors @ np.swapaxes(factors, 2, 3)
    root, other = coupled_roots(first, second)
    for a, b, s_a, s_b in zip(first, second, root, other, strict=True):
        np.testing.assert_allclose(s_a @ s_a.T, a, atol=1e-12)
        np.testing.assert_allclose(s_b @ s_b.T, b, atol=1e-12)
        values, vectors = np.linalg.eigh(a)
        half = (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T
        overlap = np.sqrt(np.maximum(np.linalg.eigvalsh(half @ b @ half), 0)).sum()
        bures = np.trace(a) + np.trace(b) - 2 * overlap
        assert np.sum((s_a - s_b) ** 2) == pytest.approx(bures, rel=1e-6)


def test_wide_layers_stay_with_their_limit():
    """After one layer, width 1024: a twentieth of the distance that independent noises make."""
    model = ns.Model(3, noise=ns.GaussianField("relu", 0.2, 0.1))
    layers = CoupledLayers(model, 2, 0.3, 1, 0, 500)
    error = layers.errors(1024)
    independent = 2 * 3 * 0.3 * model.kernel.variance  # of two independent noises, to first order
    assert error.mean() < 0.05 * independent


def test_slopes_of_known_errors():
    sizes = np.array([10, 20, 40, 80])
    noise = np.random.default_rng(0).lognormal(0, 0.1, (400, 4))
    estimate, low, high = slope(sizes, 3 * sizes**-1.5 * noise)
    assert low < -1.5 < high
    assert high - low < 0.05
    assert low < estimate < high


def test_the_command_writes_everything(tmp_path, capsys):
    config = tmp_path / "study.toml"
    config.write_text(
        "depths = [2, 4]\nwidths = [8, 16]\nwidth_layers = 2\nreplicates = 4\nhorizon = 0.5\n"
        '[model]\ndim = 3\n[model.noise]\ntype = "gaussian_field"\nactivation = "relu"\n'
    )
    assert main(["study", "depth-width", str(config), "--quick", "--out", str(tmp_path)]) == 0
    report = (tmp_path / "depth-width.md").read_text()
    assert "| depth |" in capsys.readouterr().out
    assert "T = 0.5" in report
    assert 'activation = "relu"' in report
    for suffix in ("nc", "png", "csv"):
        assert (tmp_path / f"depth-width.{suffix}").stat().st_size > 100
    assert len((tmp_path / "depth-width.csv").read_text().splitlines()) == 5


def test_plot_takes_axes_and_returns_them():
    data = ns.studies.depth_width(**QUICK)
    _, panels = plt.subplots(1, 2)
    assert ns.plot.depth_width(data, panels) == tuple(panels)
    assert panels[0].get_xlabel() == "layers $L$"
    left, right = ns.plot.depth_width(data)
    assert left.figure is right.figure
    plt.close("all")
    with pytest.raises(ns.ArgumentTypeError, match="ax must be two matplotlib Axes"):
        ns.plot.depth_width(data, panels[0])
    with pytest.raises(ns.ArgumentError, match=r"must come from ns\.studies\.depth_width, got"):
        ns.plot.depth_width(data.drop_vars("depth_error"))
    with pytest.raises(ns.ArgumentTypeError, match="data must be an xarray Dataset"):
        ns.plot.depth_width(3)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"model": ns.Model(3, noise=ns.MLP("relu", 4))},
            "model must have a GaussianField as noise",
        ),
        ({"depths": (4, 6)}, r"depths must be multiples of the first, got \(4, 6\)"),
        ({"depths": (4,)}, "depths must be two or more increasing integers"),
        ({"widths": (8, 8)}, "widths must be two or more increasing integers"),
        ({"replicates": 1}, "replicates must be an integer of at least 2, got 1"),
        ({"scheme": "rk4"}, "scheme must be one of euler, layer, got 'rk4'"),
        ({"tokens": 0}, "tokens must be a positive integer, got 0"),
    ],
)
def test_bad_input(options, message):
    with pytest.raises(ns.NoisyncError, match=message):
        ns.studies.depth_width(**(QUICK | options))


def test_a_bad_key_of_the_configuration(tmp_path, capsys):
    config = tmp_path / "study.toml"
    config.write_text("depth = [2, 4]\n")
    assert main(["study", "depth-width", str(config), "--out", str(tmp_path)]) == 2
    assert "unknown key 'depth' (did you mean 'depths'?)" in capsys.readouterr().err
