"""Kinds of noise side by side: their strength, what they do, what is refused."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

import noisync as ns
from noisync.cli import main
from noisync.studies.noise_kinds.kinds import Kinds

TINY = {"dim": 4, "tokens": 12, "width": 64, "layers": 100, "saved": 20, "replicates": 8,
        "horizon": 10.0, "threads": 1}  # fmt: skip


@pytest.fixture(scope="module")
def tiny():
    return ns.studies.noise_kinds(**TINY)


def test_all_noises_have_one_strength_where_tokens_have_gathered():
    """E|√Δ G|² = Δ d s at one token: 3 % of 4000 layers, off by chance in 6 of 10⁵ streams."""
    kinds = Kinds(4, 3.0, 0.5, "relu", 32, 0.3, 2, 4)
    x = ns.sphere.uniform(1, 4, seed=0)
    step = 1e-6
    for name, model in kinds.models().items():
        if name == "attention":
            continue
        runs = ns.ensemble(
            model, x, replicates=4000, horizon=step, layers=1, observe=[ns.Tokens()], threads=1
        )
        moved = np.sum((runs.tokens[:, -1, 0].to_numpy() - x) ** 2, axis=1)  # d − 1 of d parts
        expected = step * 3 * 0.5
        assert moved.mean() == pytest.approx(expected, abs=4 * moved.std() / 4000**0.5), name
        assert 4 * moved.std() / 4000**0.5 < 0.1 * expected


def test_random_heads_have_logits_of_one_size():
    """E⟨Ax, y⟩² = 1 for unit x and y, of 4000 matrices A = W Wᵀ', within 4 standard errors."""
    noise = Kinds(6, 3.0, 0.5, "relu", 8, 0.3, 2, 5).models()["random heads"].noise
    w = noise.head_scale * np.random.default_rng(0).standard_normal((2, 4000, 6, 5))
    squares = np.einsum("kr,kr->k", w[0, :, 0], w[1, :, 1]) ** 2
    assert squares.mean() == pytest.approx(1, abs=4 * squares.std() / 4000**0.5)
    assert 4 * squares.std() / 4000**0.5 < 0.2


def test_what_each_kind_does(tiny):
    """Independent noise gathers nobody; every common one and attention most; budgets are known."""
    assert tiny.kind.to_numpy().tolist() == [
        "attention", "value", "random heads", "mlp", "independent", "mlp and value",
    ]  # fmt: skip
    start, end = (tiny.energy.isel(time=k).mean("replicate") for k in (0, -1))
    assert np.all(start == start[0])
    fallen = (end / start).sel(kind=["attention", "value", "random heads", "mlp", "mlp and value"])
    assert np.all(fallen < 0.6)
    assert end.sel(kind="independent") > 0.8 * start[0]
    assert np.isnan(tiny.budget.sel(kind="random heads")).all()
    assert np.isfinite(tiny.budget.drop_sel(kind="random heads")).all()
    assert np.all(tiny.budget.sel(kind="attention", part="noise") == 0)
    assert np.all(tiny.budget.sel(kind="mlp", part="attention") == 0)
    pairs = 12 * 11 / 2
    assert np.all(tiny.cosines.sum("bin") == pairs)


def test_results_do_not_depend_on_threads(tiny):
    assert tiny.identical(ns.studies.noise_kinds(**(TINY | {"threads": 2})))


def test_the_picture_takes_axes_and_returns_them(tiny):
    _, panels = plt.subplots(6, 3)
    assert ns.plot.noise_kinds(tiny, ax=panels) == tuple(panels.ravel())
    assert len(ns.plot.noise_kinds(tiny)) == 18
    with pytest.raises(ns.ArgumentTypeError, match="ax must be 18 matplotlib Axes"):
        ns.plot.noise_kinds(tiny, ax=panels[0])
    with pytest.raises(ns.ArgumentError, match=r"must come from ns\.studies\.noise_kinds"):
        ns.plot.noise_kinds(tiny[["energy"]])
    plt.close("all")


def test_the_command_writes_everything(tmp_path, capsys):
    config = tmp_path / "study.toml"
    config.write_text("dim = 3\ntokens = 6\nwidth = 8\nlayers = 20\nsaved = 4\nreplicates = 3\n")
    out = tmp_path / "out"
    assert main(["study", "noise-kinds", str(config), "--out", str(out)]) == 0
    assert "clusters at T: median" in capsys.readouterr().out
    assert (out / "noise-kinds.png").stat().st_size > 1000
    assert len((out / "noise-kinds.csv").read_text().splitlines()) == 7


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"strength": 0.0}, "strength must be a positive number, got 0"),
        ({"beta": 0.0}, "beta must be a positive number, got 0"),
        ({"tokens": 1}, "tokens must be an integer of at least 2, got 1"),
        ({"layers": 101}, "layers must be a multiple of saved = 20, got 101"),
        ({"replicates": 1}, "replicates must be an integer of at least 2, got 1"),
        ({"activation": "rleu"}, r"activation must be one of .*got 'rleu'"),
        ({"heads": 0}, "heads must be a positive integer, got 0"),
        ({"angle": 0.0}, "angle must be a positive number, got 0"),
    ],
)
def test_bad_input(options, message):
    with pytest.raises(ns.NoisyncError, match=message):
        ns.studies.noise_kinds(**(TINY | options))
