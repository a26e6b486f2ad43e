"""Derivatives that Lyapunov exponents are made of, against differences of runs."""

from dataclasses import replace

import numpy as np
import pytest

import noisync as ns

D, N, TOKEN = 4, 9, 8


def attentions():
    rng = np.random.default_rng(7)
    Q, K = rng.standard_normal((2, 3, D))
    V = rng.standard_normal((D, D))
    return {
        "l2": ns.L2(1.5, value=-0.5),
        "l2 matrices": ns.L2(query=Q, key=K, value=V),
        "causal": ns.Softmax(2.0, mask=ns.Causal(decay=1.5)),
        "causal unnormalized": ns.Unnormalized(
            query=Q, key=K, value=V, mask=ns.Causal(include_self=False, decay=1.5)
        ),
        "causal l2": ns.L2(query=Q, key=K, value=V, mask=ns.Causal(include_self=False)),
        "sinkhorn": ns.Sinkhorn(2.0, value=-0.5, epsilon=0.7),
        "sinkhorn matrices": ns.Sinkhorn(query=Q, key=K, value=V),
        "heads": [ns.L2(query=Q, key=K), ns.Unnormalized(1.0, value=V), ns.Softmax(2.0)],
    }


def lengthened(attention):
    """The same for N + 1 tokens: weights fade as before from token to token."""
    mask = getattr(attention, "mask", None)
    if mask is None:
        return attention
    return replace(attention, mask=replace(mask, decay=mask.decay * (N + 1) / N))


@pytest.mark.parametrize("name", attentions())
def test_a_near_test_token_moves_as_the_tangents_say(name):
    """A token without weight at distance 1e-6 behind the last: the volume of three tangents."""
    x = ns.sphere.uniform(N, D, seed=1)
    w = np.arange(1.0, N + 1)
    w[TOKEN] = 0
    w /= w.sum()
    options = {"horizon": 0.6, "layers": 3}
    attention = attentions()[name]
    lyapunov = ns.Lyapunov(D - 1, token=TOKEN)
    run = ns.simulate(ns.Model(D, attention), x, weights=w, observe=[lyapunov], **options)
    growth = float(run.observed["lyapunov"][-1].sum()) * options["horizon"]
    tangents = np.linalg.svd(x[TOKEN : TOKEN + 1])[2][1:]
    distance = 1e-6
    moved = []
    for tangent in tangents:
        near = ns.sphere.normalize((x[TOKEN] + distance * tangent)[None])
        both = np.concatenate([x, near])
        model = ns.Model(D, lengthened(attention))
        other = ns.simulate(model, both, weights=[*w, 0], save=3, **options).tokens[-1]
        moved.append((other[-1] - other[TOKEN]) / distance)
    volume = np.linalg.svd(np.array(moved), compute_uv=False).prod()
    assert np.log(volume) == pytest.approx(growth, abs=2e-5)
    # Power: without the attention the volume would be 1.
    assert abs(growth) > 0.01
