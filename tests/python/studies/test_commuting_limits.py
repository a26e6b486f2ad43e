"""The three limits: rates at tiny sizes, pictures and reports, what is refused."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

import noisync as ns
from noisync.cli import main

MODEL = ns.Model(2, ns.Softmax(beta=2.0), ns.GaussianField("tanh", 0.5, 0.1, sampler="harmonic"))
TINY = {
    "model": MODEL, "tokens": (8, 16), "depths": (2, 4), "refinement": 2, "depth_tokens": 4,
    "widths": (16, 64), "width_tokens": (2, 8), "width_layers": 2, "layers": 4, "replicates": 3,
    "threads": 1,
}  # fmt: skip


@pytest.fixture(scope="module")
def tiny():
    return ns.studies.commuting_limits(**TINY)


def test_slopes_are_minus_one():
    """128 paths: each within 4 standard errors, and 0.1 for the finite depth of the references."""
    data = ns.studies.commuting_limits(
        MODEL, tokens=(16, 32, 64, 128), depths=(8, 16, 32), refinement=8, depth_tokens=16,
        widths=(32, 128, 512), width_tokens=(4, 16), width_layers=4, layers=10, replicates=128,
        activations=("tanh",), threads=1,
    )  # fmt: skip
    slopes = [data.slope_tokens, data.slope_depth, data.slope_width[0, 1]]
    for estimate, low, high in (s.to_numpy() for s in slopes):
        error = (high - low) / 3.92
        assert error < 0.1
        assert abs(estimate + 1) < 4 * error + 0.1


def test_what_is_measured(tiny):
    assert tiny.tokens_error.dims == ("replicate", "tokens")
    assert tiny.width_error.dims == ("activation", "width_token", "replicate", "width")
    assert tiny.slope_width_tokens.dims == ("activation", "width", "bound")
    for name in ("tokens_error", "depth_error", "width_error"):
        assert np.all(tiny[name] > 0)


def test_a_checkpoint_goes_on(tmp_path, tiny):
    """No time at all: nothing is computed; then the whole, equal to one that was never stopped."""
    checkpoint = tmp_path / "study.ckpt"
    data = ns.studies.commuting_limits(**TINY, checkpoint=checkpoint, stop_after=1e-12)
    assert data.attrs["finished"] == 0
    assert np.isnan(data.width_error).all()
    assert ns.resume(checkpoint, threads=1).identical(tiny)


def test_picture_takes_axes_and_returns_them(tiny):
    _, panels = plt.subplots(1, 2)
    assert ns.plot.commuting_limits(tiny, panels) == tuple(panels)
    assert len(ns.plot.commuting_limits(tiny)) == 2
    plt.close("all")
    with pytest.raises(ns.ArgumentTypeError, match="ax must be two matplotlib Axes"):
        ns.plot.commuting_limits(tiny, panels[0])


def test_the_command_writes_everything(tmp_path, capsys):
    config = tmp_path / "study.toml"
    config.write_text(
        "tokens = [8, 16]\ndepths = [2, 4]\nwidths = [16, 64]\nwidth_tokens = [2, 4]\nlayers = 4\n"
        "replicates = 2\nwidth_layers = 2\n"
    )
    arguments = ["study", "commuting-limits", str(config), "--quick", "--out", str(tmp_path)]
    assert main(arguments) == 0
    assert "| m, relu, N = 4 |" in capsys.readouterr().out
    text = (tmp_path / "commuting-limits.md").read_text()
    assert "Does the error at fixed m grow with N?" in text
    for suffix in ("nc", "png", "csv"):
        assert (tmp_path / f"commuting-limits.{suffix}").stat().st_size > 100


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"model": ns.Model(3, noise=ns.MLP("relu", 4))}, "model must have a GaussianField"),
        (
            {"model": ns.Model(8, noise=ns.GaussianField("relu"))},
            "model must have dim 2 to 5, where the SPDE has a quadrature, got 8",
        ),
        (
            {"model": ns.Model(3, noise=ns.GaussianField("tanh", sampler="exact"))},
            "noise must be a function on the sphere",
        ),
        ({"width_tokens": (8, 1024)}, "width_tokens must be at most 512"),
        ({"activations": ("tanh", "tanh")}, "activations must be one or more different names"),
        ({"activations": ("tahn",)}, r"did you mean 'tanh'\?"),
        ({"tokens": (16, 8)}, "tokens must be two or more increasing integers"),
        ({"depths": (4, 6)}, "depths must be multiples of the first"),
        ({"layers": 0}, "layers must be a positive integer, got 0"),
        ({"replicates": 1}, "replicates must be an integer of at least 2, got 1"),
    ],
)
def test_bad_input(options, message):
    with pytest.raises(ns.NoisyncError, match=message):
        ns.studies.commuting_limits(**(TINY | options))
