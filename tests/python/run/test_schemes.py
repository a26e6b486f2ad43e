"""Orders of convergence, measured: strong with the noise, deterministic without."""

import numpy as np
import pytest
import reference

import noisync as ns
from noisync.studies.slopes import slope

DEPTHS = (8, 16, 32, 64)


@pytest.mark.parametrize("scheme", ["layer", "euler"])
def test_strong_order_one_half_with_noise(scheme):
    """Slope −1 of the squared error against 16 times as many layers on the same path.

    300 paths; the 95 % interval must reach within 0.05 of −1 (what finite depth and the reference's
    own error leave) and exclude −2, the slope of a method of order 1.
    """
    model = ns.Model(3, ns.Softmax(beta=2.0), ns.GaussianField("tanh", 0.5, 0.1))
    path = 16 * DEPTHS[-1]

    def ends(layers):
        return ns.ensemble(
            model,
            ns.sphere.Uniform(4, 3),
            replicates=300,
            horizon=1.0,
            layers=layers,
            path_layers=path,
            save=[layers],
            scheme=scheme,
            observe=[ns.Tokens()],
        ).tokens.to_numpy()[:, 0]

    limit = ends(path)
    errors = [np.sum((ends(depth) - limit) ** 2, axis=2).mean(axis=1) for depth in DEPTHS]
    estimate, low, high = slope(DEPTHS, np.stack(errors, axis=1))
    assert low - 0.05 <= -1 <= high + 0.05
    assert -1.3 < low < high < -0.7
    assert ns.schemes.SCHEMES[scheme].strong_order == 0.5
    assert -estimate / 2 == pytest.approx(0.5, abs=0.1)


@pytest.mark.parametrize(
    "attention",
    [
        ns.Softmax(beta=2.0),
        ns.Unnormalized(beta=1.0, value=-1.0),
        ns.Softmax(
            query=[[1, 0.5, 0], [0, 2, 0]], key=[[0, 1, 0], [1, 0, 1]], value=np.eye(3)[::-1]
        ),
    ],
    ids=["softmax", "repulsive", "matrices"],
)
@pytest.mark.parametrize("scheme", ["layer", "euler", "rk4"])
def test_order_without_noise(attention, scheme):
    """Errors against a very fine Runge–Kutta run fall with the declared order."""
    model = ns.Model(3, attention)
    x = ns.sphere.uniform(6, 3, seed=2)

    def end(scheme, layers):
        run = ns.simulate(model, x, horizon=1.0, layers=layers, scheme=scheme, save=[layers])
        return run.tokens[0]

    limit = end("rk4", 3000)
    sizes = (16, 32, 64) if scheme == "rk4" else (128, 256, 512)
    errors = np.array([[np.abs(end(scheme, count) - limit).max() for count in sizes]])
    measured = -np.polyfit(np.log(sizes), np.log(errors[0]), 1)[0]
    order = ns.schemes.SCHEMES[scheme].deterministic_order
    assert measured == pytest.approx(order, abs=0.12 if order == 4 else 0.03)


def test_equal_angles_follow_their_closed_equation():
    """β = 0: (1−r)/((N−1)r+1) = e^{−2t} (1−r_0)/((N−1)r_0+1) for equal cosines r."""
    n = 3
    x = np.linalg.cholesky(np.full((n, n), 0.2) + 0.8 * np.eye(n))
    run = ns.simulate(ns.Model(n, ns.Softmax(beta=0.0)), x, horizon=1.5, layers=60, scheme="rk4")
    r = np.array([state[0] @ state[1] for state in run.tokens])
    ratio = (1 - r) / ((n - 1) * r + 1)
    np.testing.assert_allclose(ratio, ratio[0] * np.exp(-2 * run.time), rtol=1e-7)


def test_euler_is_a_single_step():
    x = ns.sphere.uniform(5, 3)
    model = ns.Model(3, ns.Softmax(beta=2.0), ns.MLP("relu", 16, 0.1, 0.1))
    run = ns.simulate(model, x, horizon=0.5, layers=1, scheme="euler", seed=4)
    drift = ns.attention_drift(model.attention, x)
    noise = ns.sample_field(model.noise, x, seed=4)[0]
    expected = reference.normalize(x + 0.5 * drift + np.sqrt(0.5) * noise)
    np.testing.assert_allclose(run.tokens[1], expected, atol=1e-14)
    assert run.scheme == "euler"


def test_path_and_scheme_survive_a_file(tmp_path):
    model = ns.Model(3, noise=ns.GaussianField("tanh", 0.1))
    run = ns.simulate(
        model, ns.sphere.uniform(3, 3), horizon=1.0, layers=2, path_layers=6, scheme="euler"
    )
    run.save(tmp_path / "run.nc")
    again = ns.load(tmp_path / "run.nc")
    assert (again.path_layers, again.scheme, again.model) == (6, "euler", run.model)


def test_the_path_of_as_many_layers_is_the_default():
    model = ns.Model(3, noise=ns.MLP("relu", 8))
    x = ns.sphere.uniform(3, 3)
    options = {"horizon": 1.0, "layers": 4, "seed": 2}
    np.testing.assert_array_equal(
        ns.simulate(model, x, path_layers=4, **options).tokens,
        ns.simulate(model, x, **options).tokens,
    )
