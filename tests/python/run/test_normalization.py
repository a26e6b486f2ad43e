"""Where the normalisation stands: layers, closed laws of gathering, norms in results and files."""

import pickle

import numpy as np
import pytest
import reference

import noisync as ns

NAMES = ("post", "pre", "mix", "peri", "ngpt", "sqrt")
KEEPING = ("pre", "mix", "peri")


def settings(name):
    """The name with parameters other than the default."""
    parameters = {
        "pre": {"initial_norm": 1.5},
        "mix": {"initial_norm": 0.7, "switch_time": 0.5},
        "peri": {"initial_norm": 2.0},
        "ngpt": {"alpha": 0.6},
    }
    return ns.Normalization(name, **parameters.get(name, {}))


def slow(model, x, horizon, layers, seed=0):
    """The run, layer by layer."""
    placement, step = model.normalization, horizon / layers
    r, tokens, norms = np.full(len(x), placement.initial_norm), [x], []
    norms.append(r)
    for layer in range(layers):
        name = placement.name
        if name == "mix":
            name = "post" if layer * step < placement.switch_time - 1e-9 else "pre"
        noise = None
        if model.noise is not None:
            noise = lambda y: ns.sample_field(model.noise, y, layers=layer + 1, seed=seed)[-1]  # noqa: B023, E731
        x, r = reference.normalized_layer(
            name, x, r, step, layer * step, lambda y: ns.attention_drift(model.attention, y),
            placement.alpha, noise,
        )  # fmt: skip
        tokens.append(x)
        norms.append(r)
    return np.array(tokens), np.array(norms)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("n", "d"), [(1, 2), (7, 3), (300, 5), (65, 40)])
def test_layers_are_those_of_the_formula(name, n, d, rng):
    attention = ns.Softmax(3.0, value=rng.standard_normal((d, d)))
    model, x = ns.Model(d, attention, normalization=settings(name)), ns.sphere.uniform(n, d)
    tokens, norms = slow(model, x, 1.0, 6)
    run = ns.simulate(model, x, horizon=1.0, layers=6)
    np.testing.assert_allclose(run.tokens, tokens, atol=1e-12)
    single = ns.simulate(model, x, horizon=1.0, layers=6, dtype="float32")
    np.testing.assert_allclose(single.tokens, tokens, atol=1e-4)
    if name in KEEPING:
        np.testing.assert_allclose(run.norms, norms, rtol=1e-12)
        np.testing.assert_allclose(single.norms, norms, rtol=1e-4)
        assert single.norms.dtype == np.float32
    else:
        assert run.norms is None
        assert run.state.norms is None
    alone = ns.simulate(model, x, horizon=1.0, layers=6, threads=1)
    np.testing.assert_array_equal(alone.tokens, run.tokens)
    np.testing.assert_array_equal(alone.state.norms, run.state.norms)


@pytest.mark.parametrize("name", ["post", "pre"])
@pytest.mark.parametrize("noise", [ns.MLP("tanh", 20, 0.3, 0.3), ns.IndependentNoise(0.5)])
def test_layers_with_noise(name, noise):
    model = ns.Model(4, ns.Softmax(2.0), noise, settings(name))
    x = ns.sphere.uniform(9, 4)
    tokens, norms = slow(model, x, 2.0, 5, seed=3)
    run = ns.simulate(model, x, horizon=2.0, layers=5, seed=3)
    np.testing.assert_allclose(run.tokens, tokens, atol=1e-12)
    if name == "pre":
        np.testing.assert_allclose(run.norms, norms, rtol=1e-12)


def test_the_noise_lengthens_tokens_as_it_should():
    """Under pre without attention E r² = r_0² + κ(1) d t, at any thickness of layers.

    4000 runs, 4.9 standard errors: false alarm 1e-6. Noise added to LN(y), or not scaled by √Δ,
    would be refused.
    """
    noise, dim, start = ns.MLP("tanh", 16, 0.5, 0.5), 3, 0.5
    model = ns.Model(dim, noise=noise, normalization=ns.Normalization("pre", initial_norm=start))
    data = ns.ensemble(
        model, np.eye(dim)[:1], replicates=4000, horizon=2.0, layers=5, seed=4, save=[5],
        observe=[ns.Norms()],
    )  # fmt: skip
    squares = data.norms.to_numpy()[:, 0, 0] ** 2
    error = 4.9 * squares.std() / np.sqrt(squares.size)
    grown = noise.kernel(dim).variance * dim * 2.0
    assert abs(squares.mean() - start**2 - grown) < error
    assert error < 0.1 * grown


def at_infinite_temperature(name, n, u, t):
    """⟨x, e⟩ and r at time t from equal angles, e the direction of the mean; β = 0, V = I.

    A = ⟨x, e⟩ e for all tokens, so that all move towards e, and under pre and peri what is
    orthogonal to it, p, stays.
    """
    c = np.sqrt((1 + (n - 1) * u) / n)
    placement = settings(name)
    r, alpha = placement.initial_norm, placement.alpha
    if name in ("post", "sqrt"):
        time = 2 * (np.sqrt(t + 1) - 1) if name == "sqrt" else t
        return 1 / np.sqrt(1 + (1 / c**2 - 1) * np.exp(-2 * time)), None
    if name == "ngpt":
        return np.tanh(np.arctanh(c) + alpha * t), None
    if name == "mix":
        c = 1 / np.sqrt(1 + (1 / c**2 - 1) * np.exp(-2 * min(t, placement.switch_time)))
        t = max(t - placement.switch_time, 0.0)
    p, z = r * np.sqrt(1 - c**2), r * c
    if name == "peri":
        z = z + t
    else:  # z' = ⟨x, e⟩ = z/√(p² + z²)
        for _ in range(200):  # t = √(p²+z²) − p asinh(p/z), by Newton's method
            flow = [np.hypot(p, v) - p * np.arcsinh(p / v) for v in (r * c, z)]
            z = max(z - (flow[1] - flow[0] - t) * z / np.hypot(p, z), 1e-3 * z)
    return z / np.hypot(p, z), np.hypot(p, z)


@pytest.mark.parametrize("name", NAMES)
def test_equal_angles_at_infinite_temperature(name):
    n, d, u, horizon = 5, 6, 0.1, 2.0
    x = reference.equal_angles(n, d, u)
    model = ns.Model(d, ns.Softmax(beta=0.0), normalization=settings(name))
    direction = x.sum(axis=0) / np.linalg.norm(x.sum(axis=0))
    run = ns.simulate(model, x, horizon=horizon, layers=160, scheme="rk4")
    for layer in (20, 40, 80, 160):
        c, r = at_infinite_temperature(name, n, u, run.time[layer])
        np.testing.assert_allclose(run.tokens[layer] @ direction, c, rtol=1e-9)
        if r is not None:
            np.testing.assert_allclose(run.norms[layer], r, rtol=1e-9)
    # Layers are a step of order 1.
    errors = []
    for layers in (400, 800):
        ends = ns.simulate(model, x, horizon=horizon, layers=layers, save=[layers])
        errors.append(float((ends.tokens[-1] @ direction)[0] - c))
    if name == "peri":  # the field is constant: exact
        assert abs(errors[1]) < 1e-13
    else:
        assert errors[0] / errors[1] == pytest.approx(2, abs=0.1)


@pytest.mark.parametrize("beta", [0.5, 2.0])
@pytest.mark.parametrize("name", NAMES)
def test_laws_of_gathering(name, beta):
    """1 − u of equal angles, V = I, falls as e^{−2t}, t^{−2}, e^{−2αt} or e^{−4√t}.

    With s what the law says grows linearly in log(1 − u), the slope between two late times; under
    pre, mix and peri ṙ → 1, and (1−u) r² becomes constant.
    """
    n, horizon, layers = 4, 60.0, 6000
    parameters = {"switch_time": 2.0} if name == "mix" else {"alpha": 0.7} if name == "ngpt" else {}
    placement = ns.Normalization(name, **parameters)
    model = ns.Model(n, ns.Softmax(beta), normalization=placement)
    run = ns.simulate(
        model, reference.equal_angles(n, n, 0.2), horizon=horizon, layers=layers, scheme="rk4",
        save=100,
    )  # fmt: skip
    t, gap = run.time, 0.5 * np.sum((run.tokens[:, 0] - run.tokens[:, 1]) ** 2, axis=1)
    if name in KEEPING:
        early, late = np.searchsorted(t, [30.0, 60.0])
        invariant = gap * run.norms[:, 0] ** 2
        assert invariant[late] == pytest.approx(invariant[early], rel=5e-3)
        growth = (run.norms[late] - run.norms[early]) / (t[late] - t[early])
        np.testing.assert_allclose(growth, 1, rtol=5e-3)
        assert gap[late] > 1e-5
        if name == "mix":
            post = ns.Model(n, ns.Softmax(beta))
            same = ns.simulate(post, run.tokens[0], horizon=2.0, layers=200, scheme="rk4", save=100)
            np.testing.assert_allclose(run.tokens[:3], same.tokens, atol=1e-14)
            np.testing.assert_array_equal(run.norms[:3], 1.0)
        return
    scale = {"post": t, "ngpt": 0.7 * t, "sqrt": 2 * np.sqrt(t + 1)}[name]
    early, late = np.searchsorted(t, [40.0, 60.0] if name == "sqrt" else [6.0, 9.0])
    slope = np.log(gap[late] / gap[early]) / (scale[late] - scale[early])
    assert slope == pytest.approx(-2, abs=5e-4)


def test_schemes_meet():
    x = ns.sphere.uniform(6, 3)
    for name in NAMES:
        model = ns.Model(3, ns.Softmax(2.0), normalization=settings(name))
        ends = {
            scheme: ns.simulate(
                model, x, horizon=1.0, layers=1000, scheme=scheme, save=[1000]
            ).tokens[-1]
            for scheme in ("layer", "euler", "rk4")
        }
        np.testing.assert_array_equal(ends["layer"], ends["euler"])
        error = np.abs(ends["layer"] - ends["rk4"]).max()
        assert 1e-7 < error < 3e-3


def test_attention_in_linear_time():
    x = ns.sphere.uniform(3000, 3)
    for name in ("peri", "ngpt", "pre"):
        model = ns.Model(3, ns.Softmax(2.0), normalization=name)
        fast, slow_ = (
            ns.simulate(model, x, horizon=1.0, layers=2, save=[2], method=method)
            for method in ("harmonic", "direct")
        )
        assert fast.method == "harmonic"
        np.testing.assert_allclose(fast.tokens, slow_.tokens, atol=1e-10)


def test_the_switch_is_a_layer():
    """A layer is post that begins before the switch, by default a quarter of the horizon."""
    x = ns.sphere.uniform(4, 3)
    for layers, switch, expected in (
        (8, None, 2), (10, None, 3), (3, None, 1), (100, None, 25), (10, 0.3, 3), (10, 0.31, 4),
        (10, 0.0, 0), (10, 7.0, 10), (10, 0.1 + 0.2, 3),
    ):  # fmt: skip
        model = ns.Model(3, ns.Softmax(), normalization=ns.Normalization("mix", switch_time=switch))
        run = ns.simulate(model, x, horizon=1.0, layers=layers)
        still = np.all(run.norms == 1, axis=1)
        assert still.sum() == expected + 1, (layers, switch)
        assert np.all(still[: expected + 1])


@pytest.mark.parametrize("name", KEEPING)
def test_norms_are_in_results_and_files(name, tmp_path):
    model = ns.Model(3, ns.Softmax(2.0), normalization=settings(name))
    x, options = ns.sphere.uniform(5, 3), {"horizon": 1.0, "layers": 8}
    whole = ns.simulate(model, x, observe=[ns.Norms()], **options)
    assert whole.norms.shape == (9, 5)
    np.testing.assert_array_equal(whole.norms[0], model.normalization.initial_norm)
    np.testing.assert_array_equal(whole.observed["norms"], whole.norms)
    for save in (None, 3, [2, 4], []):
        run = ns.simulate(model, x, save=save, observe=[ns.Norms(layers=[1])], **options)
        np.testing.assert_array_equal(run.norms, whole.norms[run.layer])
        np.testing.assert_array_equal(run.state.norms, whole.norms[-1])
        for array in (run.norms, run.state.norms):
            assert not array.flags.writeable
        run.save(tmp_path / "run.nc")
        for again in (ns.load(tmp_path / "run.nc"), pickle.loads(pickle.dumps(run))):
            np.testing.assert_array_equal(again.norms, run.norms)
            np.testing.assert_array_equal(again.state.norms, run.state.norms)
            np.testing.assert_array_equal(again.observed["norms"], whole.norms[[1]])
            assert again.model == model
    data = ns.ensemble(model, x, replicates=2, observe=[ns.Norms(), ns.Tokens()], **options)
    assert data.norms.dims == ("replicate", "time", "token")
    np.testing.assert_array_equal(data.norms[1], whole.norms)
    np.testing.assert_array_equal(data.tokens[1], whole.tokens)


def test_an_ended_run_has_its_norms():
    def stop(tokens):
        stop.calls += 1
        if stop.calls == 4:
            raise KeyboardInterrupt
        return 0.0

    stop.calls = 0
    model = ns.Model(3, ns.Softmax(), normalization="pre")
    x, options = ns.sphere.uniform(4, 3), {"horizon": 1.0, "layers": 8}
    with pytest.raises(KeyboardInterrupt) as stopped:
        ns.simulate(model, x, observe={"stop": stop}, **options)
    run = stopped.value.trajectory
    whole = ns.simulate(model, x, **options)
    assert run.state.layer == 3
    np.testing.assert_array_equal(run.norms, whole.norms[: len(run.norms)])
    np.testing.assert_array_equal(run.state.norms, whole.norms[3])


def test_models_round_trip():
    for name in NAMES:
        for normalization in (name, settings(name)):
            model = ns.Model(3, ns.Softmax(), normalization=normalization)
            assert model.normalization == normalization
            for copy in (
                ns.Model.from_toml(model.to_toml()),
                ns.Model.from_dict(model.to_dict()),
                pickle.loads(pickle.dumps(model)),
            ):
                assert copy == model
                assert hash(copy) == hash(model)
    assert "normalization" not in ns.Model(3).to_dict()
    assert ns.Model(3, normalization="pre").to_dict()["normalization"] == "pre"
    assert ns.Model(3, normalization="pre") == ns.Model(3, normalization=ns.Normalization("pre"))
    assert ns.Model(3, normalization="pre") != ns.Model(3)
    assert ns.Normalization("ngpt", alpha=2.0) != "ngpt"
    assert ns.Normalization() == "post"
    assert len({ns.Normalization("pre"), "pre", ns.Normalization("peri")}) == 2


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("scheme", ["layer", "euler", "rk4"])
def test_what_cancels_has_no_direction(scheme, dtype):
    """Equal tokens, V = −I: in one layer of thickness 1 they would go to zero, up to rounding."""
    x = np.repeat(ns.sphere.uniform(1, 7, seed=1), 5, axis=0)
    model = ns.Model(7, ns.Softmax(1.0, value=-1.0))
    options = {"horizon": 1.0, "layers": 1, "scheme": scheme, "dtype": dtype}
    if scheme == "rk4":  # tangential: they stand still
        run = ns.simulate(model, x, **options)
        np.testing.assert_allclose(run.tokens[1], x, atol=1e-6)
    else:
        with pytest.raises(ns.SimulationError, match="layer 1: token 0 left the sphere") as error:
            ns.simulate(model, x, **options)
        assert error.value.trajectory.state.layer == 0
    for name in ("peri", "ngpt"):
        pair = np.concatenate([ns.sphere.uniform(3, 7), -ns.sphere.uniform(3, 7)])
        none = ns.Model(7, ns.Softmax(beta=0.0), normalization=name)
        with pytest.raises(ns.SimulationError, match="left the sphere"):
            ns.simulate(none, pair, **options)
        # Without attention there is nothing to add.
        still = ns.simulate(ns.Model(7, normalization=name), x, **options)
        np.testing.assert_allclose(still.tokens[1], x, atol=1e-6)
    with pytest.raises(ns.SimulationError, match=r"replicate [01], layer 1: token 0 left"):
        ns.ensemble(none, pair, replicates=2, observe=[ns.Energy()], **options)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: ns.Model(3, normalization="postt"),
            r"normalization must be one of mix, .*got 'postt' \(did you mean 'post'\?\)",
        ),
        (lambda: ns.Model(3, normalization=None), "normalization must be one of post, .*got None"),
        (lambda: ns.Model(3, normalization={}), "normalization: the key 'name' is missing"),
        (
            lambda: ns.Model(3, normalization={"name": "pre", "norm": 1}),
            "normalization: unknown key 'norm'",
        ),
        (
            lambda: ns.Normalization("pre", initial_norm=0.0),
            "initial_norm must be a positive number, got 0",
        ),
        (lambda: ns.Normalization("ngpt", alpha=-1), "alpha must be a positive number, got -1"),
        (lambda: ns.Normalization("mix", switch_time=-1), "switch_time must be a non-negative"),
        (lambda: ns.Normalization("mix", switch_time=np.nan), "switch_time must be a non-negative"),
        (
            lambda: ns.Normalization("post", alpha=2.0),
            "alpha is for the normalization 'ngpt', got 2 with 'post'",
        ),
        (
            lambda: ns.Normalization("ngpt", initial_norm=2.0),
            "initial_norm is for the normalization 'pre' or 'mix' or 'peri', got 2 with 'ngpt'",
        ),
        (lambda: ns.Normalization("pre", switch_time=2.0), "switch_time is for .*'mix', got 2"),
        *(
            (
                lambda name=name: ns.Model(3, noise=ns.MLP("relu", 8), normalization=name),
                f"normalization must be 'post' or 'pre' for a model with noise, got '{name}'",
            )
            for name in ("mix", "peri", "ngpt", "sqrt")
        ),
        *(
            (
                lambda name=name: ns.measure.budget(
                    ns.Model(3, ns.Softmax(), normalization=name), np.eye(3)
                ),
                f"budget: defined for models with the normalization 'post', got '{name}'",
            )
            for name in NAMES[1:]
        ),
        (
            lambda: ns.energy_bound(ns.Model(3, ns.Softmax(), normalization="pre"), [1.0], 1.0),
            "energy_bound: defined for models with the normalization 'post', got 'pre'",
        ),
        *(
            (
                lambda observer=observer: ns.simulate(
                    ns.Model(3, ns.Softmax(), normalization="pre"), np.eye(3), horizon=1.0,
                    layers=1, observe=[observer],
                ),
                "defined for models with the normalization 'post', got 'pre'",
            )
            for observer in (ns.Lyapunov(), ns.Budget())
        ),
        (
            lambda: ns.simulate(
                ns.Model(3), np.eye(3), horizon=1.0, layers=1, observe=[ns.Norms()]
            ),
            "observe: norms is for the normalizations 'pre', 'mix' and 'peri', got 'post'",
        ),
    ],
)  # fmt: skip
def test_refusals(make, message):
    with pytest.raises(ns.NoisyncError, match=message) as error:
        make()
    assert isinstance(error.value, (ValueError, TypeError))


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("save", [None, 3, []])
def test_extended_and_resumed_runs_are_one_run(name, save, dtype, tmp_path):
    placement = ns.Normalization("mix", switch_time=0.7) if name == "mix" else settings(name)
    model, law = ns.Model(3, ns.Softmax(2.0), normalization=placement), ns.sphere.Uniform(5, 3)
    options = {"save": save, "dtype": dtype}
    whole = ns.simulate(model, law, horizon=1.5, layers=12, **options)
    for layers in (3, 8):  # before the switch and after it
        part = ns.simulate(model, law, horizon=layers * 0.125, layers=layers, **options)
        assert ns.extend(part, layers=12 - layers) == whole
        part.save(tmp_path / f"{layers}.nc")
        assert ns.extend(ns.load(tmp_path / f"{layers}.nc"), layers=12 - layers) == whole
    path = tmp_path / "run.ckpt"
    run = ns.simulate(
        model, law, horizon=1.5, layers=12, checkpoint=path, stop_after=1e-9, **options
    )
    while not run.finished:
        run = ns.resume(path)
    assert run == whole


def test_a_quarter_of_the_horizon_cannot_be_extended():
    run = ns.simulate(
        ns.Model(3, ns.Softmax(), normalization="mix"), ns.sphere.uniform(4, 3), horizon=1.0,
        layers=4,
    )  # fmt: skip
    with pytest.raises(ns.ArgumentError, match=r"trajectory must have .* with a switch_time"):
        ns.extend(run, layers=4)


@pytest.mark.parametrize("name", ["peri", "ngpt"])
@pytest.mark.parametrize("attention", [ns.Softmax, ns.Unnormalized, ns.L2])
def test_a_token_that_sees_none_stands_still(name, attention):
    x = ns.sphere.uniform(5, 3)
    masked = attention(2.0, mask=ns.Causal(include_self=False))
    run = ns.simulate(ns.Model(3, masked, normalization=name), x, horizon=1.0, layers=4)
    np.testing.assert_allclose(run.tokens[:, 0], np.tile(x[0], (5, 1)), atol=1e-15)
    assert np.abs(run.tokens[-1, 1:] - x[1:]).max() > 0.1
    # Token 1 sees token 0 alone: A/|A| = x_0.
    moved = reference.normalize(x[1] + 0.25 * x[0])
    np.testing.assert_allclose(run.tokens[1, 1], moved, atol=1e-14)
    # Beside a head that it sees through, it moves; the other head gives it nothing.
    heads = ns.Model(3, [masked, ns.Softmax(1.0)], normalization=name)
    both = ns.simulate(heads, x, horizon=1.0, layers=4)
    seen = ns.attention_drift(ns.Softmax(1.0), x)[0]
    np.testing.assert_allclose(
        both.tokens[1, 0], reference.normalize(x[0] + 0.25 * reference.normalize(seen)), atol=1e-14
    )


def test_heads_that_cancel_have_no_direction():
    x = ns.sphere.uniform(5, 3)
    heads = [ns.Softmax(2.0, value=0.7), ns.Softmax(2.0, value=-0.7)]
    with pytest.raises(ns.SimulationError, match="token 0 left the sphere"):
        ns.simulate(ns.Model(3, heads, normalization="ngpt"), x, horizon=1.0, layers=4)
