"""Laws of the noisy layers against exact expectations."""

import numpy as np
import pytest
from scipy import stats

import noisync as ns
from noisync.theory.layer_exponent import _chi_square, _normal


def one_token_factor(dim, variance, step):
    """E⟨X', X⟩ of one layer for a Gaussian field: E[(1 + sξ)/|w|], by quadrature."""
    normal, normal_weight = _normal()
    chi, chi_weight = _chi_square(dim - 1)
    s = np.sqrt(step * variance)
    along = 1 + s * normal[:, None]
    return normal_weight @ (along / np.sqrt(along**2 + s**2 * chi)) @ chi_weight


@pytest.mark.parametrize("activation", ["sigmoid", "relu"])
def test_one_token_is_brownian_motion(activation):
    """E⟨X_t, X_0⟩ = exp(−κ(1)(d−1)t/2) for N = 1.

    3000 noise paths; the mean may be off by 4.9 standard errors (false alarm 1e-6) and by the bias
    of finite depth, which is computed and must itself be below one standard error.
    """
    dim, horizon, layers, paths = 4, 1.0, 200, 3000
    noise = ns.MLP(activation, width=48, sigma_u=0.3, sigma_w=0.3)
    model = ns.Model(dim=dim, noise=noise)
    x = ns.sphere.uniform(1, dim)
    ends = [
        ns.simulate(
            model, x, horizon=horizon, layers=layers, seed=2, replicate=k, save=[layers], threads=1
        ).tokens[0, 0]
        for k in range(paths)
    ]
    cosines = np.array(ends) @ x[0]
    variance = noise.kernel(dim).variance
    exact = np.exp(-variance * (dim - 1) * horizon / 2)
    bias = abs(one_token_factor(dim, variance, horizon / layers) ** layers - exact)
    error = cosines.std() / np.sqrt(paths)
    assert bias < error
    assert abs(cosines.mean() - exact) < stats.norm.isf(0.5e-6) * error + bias
    # Power: d in place of d − 1 would be seen.
    wrong = np.exp(-variance * dim * horizon / 2)
    assert abs(cosines.mean() - wrong) > stats.norm.isf(0.5e-6) * error + bias


def test_two_near_tokens_approach_at_the_exponent_of_the_layer():
    """The measured mean of log|δX'|/|δX| is the exponent of a layer of this thickness.

    4000 independent layers of [A]'s sigmoid grid, each from a fresh pair at distance 1e-6; width
    512 stands in for infinity. The mean may be off by 4.9 standard errors (false alarm 1e-6).
    """
    dim, step, count = 64, 1 / 30, 4000
    noise = ns.MLP("sigmoid", width=512)
    x = ns.sphere.uniform(1, dim)[0]
    tangent = np.linalg.svd(x[None])[2][1]
    pair = ns.sphere.normalize([x, x + 1e-6 * tangent])
    moved = pair + np.sqrt(step) * ns.sample_field(noise, pair, layers=count, seed=3)
    moved /= np.linalg.norm(moved, axis=-1, keepdims=True)
    rates = np.log(np.linalg.norm(moved[:, 1] - moved[:, 0], axis=-1) / 1e-6) / step
    kernel = noise.kernel(dim)
    error = rates.std() / np.sqrt(count)
    assert abs(rates.mean() - kernel.layer_exponent(step)) < 4.9 * error
    # Power: the exponent of infinite depth is refused by the same data.
    assert abs(rates.mean() - kernel.lyapunov_exponent) > 4.9 * error
