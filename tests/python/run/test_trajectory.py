"""Results in memory and on disk."""

import copy
import pickle

import numpy as np
import pytest
import xarray as xr

import noisync as ns


def test_save_and_load(small_run, tmp_path):
    path = tmp_path / "run.nc"
    small_run.save(path)
    loaded = ns.load(path)
    np.testing.assert_array_equal(loaded.tokens, small_run.tokens)
    np.testing.assert_array_equal(loaded.time, small_run.time)
    np.testing.assert_array_equal(loaded.weights, small_run.weights)
    for name in ("model", "seed", "replicate", "horizon", "layers", "version"):
        assert getattr(loaded, name) == getattr(small_run, name)
    assert [file.name for file in tmp_path.iterdir()] == ["run.nc"]


def test_observed_values_and_large_seeds_survive(tmp_path):
    model = ns.Model(dim=3, noise=ns.MLP("relu", 8))

    def mean(tokens):
        return tokens.mean(axis=0)

    run = ns.simulate(
        model,
        ns.sphere.uniform(4, 3),
        horizon=1,
        layers=5,
        seed=2**64 - 1,
        save=[],
        observe=[ns.Energy(), mean],
        dtype="float32",
    )
    run.save(tmp_path / "run.nc")
    loaded = ns.load(tmp_path / "run.nc")
    assert loaded.seed == 2**64 - 1
    assert set(loaded.observed) == {"energy", "mean"}
    np.testing.assert_array_equal(loaded.observed["mean"], run.observed["mean"])
    assert loaded.tokens.shape == (0, 4, 3)


def test_the_dataset_is_labelled(small_run):
    data = small_run.to_dataset()
    assert isinstance(data, xr.Dataset)
    assert data.tokens.dims == ("time", "token", "component")
    np.testing.assert_allclose(data.tokens.sel(time=0.5, method="nearest"), small_run.tokens[4])
    assert ns.Model.from_toml(data.attrs["model"]) == small_run.model


def test_energy_and_cosines(small_run):
    np.testing.assert_array_equal(small_run.energy(0.5), ns.measure.energy(small_run.tokens, 0.5))
    assert small_run.pair_cosines().shape == (9, 66)
    np.testing.assert_array_equal(
        small_run.pair_cosines()[3], ns.measure.pair_cosines(small_run.tokens[3])
    )


def test_weights_enter_the_energy():
    w = np.array([0.5, 0.25, 0.25])
    x = ns.sphere.uniform(3, 3)
    run = ns.simulate(ns.Model(dim=3, attention=ns.Softmax()), x, horizon=1, layers=2, weights=w)
    assert run.energy()[0] == ns.measure.energy(x, 1.0, w)


@pytest.mark.parametrize("content", [b"", b"not netCDF", None])
def test_unreadable_files(content, tmp_path):
    path = tmp_path / "bad.nc"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ns.ArgumentError, match=r"path: (cannot read )?'.*bad.nc'"):
        ns.load(path)


def test_a_foreign_netcdf_file(tmp_path):
    xr.Dataset({"a": 1}).to_netcdf(tmp_path / "other.nc", engine="netcdf4")
    with pytest.raises(ns.ArgumentError, match="was not written by noisync"):
        ns.load(tmp_path / "other.nc")


def test_an_unwritable_target(small_run, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ns.ArgumentError, match="path: cannot write"):
        small_run.save(tmp_path / "file" / "run.nc")
    with pytest.raises(ns.ArgumentError, match="path: cannot write"):
        small_run.save(tmp_path / "missing" / "run.nc")


def test_results_and_kernels_can_be_pickled(small_run):
    for same in (pickle.loads(pickle.dumps(small_run)), copy.deepcopy(small_run)):
        np.testing.assert_array_equal(same.tokens, small_run.tokens)
        assert same.model == small_run.model
    kernel = small_run.model.kernel
    assert pickle.loads(pickle.dumps(kernel)) == kernel
    assert kernel == ns.Kernel("tanh", 3, 0.1, 0.2)
    assert kernel != ns.Kernel("tanh", 4, 0.1, 0.2)


def test_an_observer_without_a_usable_name_is_numbered(tmp_path):
    model = ns.Model(dim=3, noise=ns.MLP("relu", 8))
    run = ns.simulate(
        model, ns.sphere.uniform(4, 3), horizon=1, layers=2, observe=[lambda x: x.sum()]
    )
    run.save(tmp_path / "run.nc")
    assert set(ns.load(tmp_path / "run.nc").observed) == {"observer_0"}


def test_paths_are_names():
    with pytest.raises(ns.ArgumentTypeError, match="path must be the name of a file, got 3"):
        ns.load(3)


@pytest.mark.parametrize("name", ["a/b", "", 3, None, "é"])
def test_names_of_observers_must_suit_a_file(name):
    with pytest.raises(ns.ArgumentError, match="name must be letters"):
        ns.Energy(name=name)


@pytest.mark.parametrize("save", [None, [], [0, 2]])
def test_the_last_state_survives_in_a_file(save, tmp_path):
    model = ns.Model(dim=3, noise=ns.MLP("relu", 8))
    run = ns.simulate(
        model, ns.sphere.uniform(4, 3), horizon=1, layers=5, save=save,
        observe=[ns.Lyapunov(2), ns.Tokens(layers=[1]), ns.Energy(layers=2)],
    )  # fmt: skip
    run.save(tmp_path / "run.nc")
    loaded = ns.load(tmp_path / "run.nc")
    assert (loaded.state.layer, loaded.finished) == (5, True)
    np.testing.assert_array_equal(loaded.state.tokens, run.state.tokens)
    np.testing.assert_array_equal(loaded.state.tangents, run.state.tangents)
    np.testing.assert_array_equal(loaded.state.growth, run.state.growth)
    assert set(loaded.observed) == {"lyapunov", "tokens", "energy"}
    for name, series in run.observed.items():
        xr.testing.assert_identical(loaded.observed[name], series)


def test_every_result_says_what_it_is(tmp_path):
    matrix = np.arange(9.0).reshape(3, 3)
    model = ns.Model(3, ns.Softmax(query=matrix, key=np.eye(3)), ns.GaussianField("relu", 0.1))
    observe = [
        ns.Energy((1.0, 2.0)), ns.Lyapunov(2), ns.Cosines(5), ns.OrderParameters(),
        ns.Clusters(0.2), ns.Tokens("x"),
    ]  # fmt: skip
    options = {"horizon": 1.0, "layers": 4, "save": 2, "seed": 2**63, "observe": observe}
    law = ns.sphere.Uniform(8, 3)
    run = ns.simulate(model, law, **options)
    data = run.to_dataset()
    many = ns.ensemble(model, law, replicates=2, **options)
    for each in (data, many):
        for name, variable in each.variables.items():
            assert {"long_name", "units"} <= variable.attrs.keys(), name
        np.testing.assert_array_equal(each["model.attention.query"], matrix)
        expected = {
            "seed": str(2**63), "tol": 1e-12, "scheme": "layer", "method": "direct", "save": "2",
            "start": "Uniform(n=8, dim=3)", "dtype": "float64", "finished": 1, "horizon": 1.0,
        }  # fmt: skip
        assert {name: each.attrs[name] for name in expected} == expected
        assert f"noisync {ns.__version__}" in each.attrs["versions"]
        assert each.attrs["level"].startswith(ns._core.level)
        assert '"beta": [1.0, 2.0]' in each.attrs["observers"]
        assert "6.0" not in each.attrs["model"]  # matrices are variables, not text
    # The same variables for one run and for an ensemble, apart from the saved states.
    shared = {name for name in many.data_vars if name in data}
    assert shared == set(many.data_vars)
    for name in (*run.observed, "weights", "model.attention.key"):
        of_run = data[name].dims
        of_many = [str(each) for each in many[name].dims if each != "replicate"]
        assert len(of_run) == len(of_many)
    ns.save(run, tmp_path / "run.nc")
    assert ns.load(tmp_path / "run.nc") == run
    given = ns.simulate(model, law.sample(), **options)
    assert given.origin.start.startswith("sha256 ")
    assert given.origin.start.endswith(" of float64 (8, 3)")


def test_equality_is_that_of_all_values(small_run):
    again = ns.simulate(small_run.model, small_run.tokens[0], horizon=1.0, layers=8, seed=3)
    assert again == small_run
    assert again.state == small_run.state
    for change in ({"seed": 4}, {"horizon": 1.1}, {"dtype": "float32"}, {"save": 2}):
        options = {"horizon": 1.0, "layers": 8, "seed": 3} | change
        other = ns.simulate(small_run.model, small_run.tokens[0], **options)
        assert other != small_run
    assert small_run != 3
