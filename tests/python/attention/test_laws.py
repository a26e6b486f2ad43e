"""A law of attention or noise that nothing else names is a part like the others."""

from dataclasses import dataclass

import numpy as np
import pytest

import noisync as ns
from noisync import _core
from noisync.attention.law import Attention
from noisync.noise.law import NoiseLaw


@pytest.fixture
def laws():
    """Define an attention and a noise, known to the registry while the test runs."""

    @dataclass(frozen=True, eq=False)
    class Halved(Attention):
        beta: float
        kind = "halved"

        def check_dim(self, dim):
            if dim > 4:
                raise ns.ArgumentError(f"dim must be at most 4, got {dim}")

        def law(self):
            return ns.Softmax(self.beta / 2).law()

        @property
        def rotation_scale(self):
            return self.beta / 2

    @dataclass(frozen=True, eq=False)
    class Silent(NoiseLaw):
        kind = "silent"

        def kernel(self, dim):
            raise ns.ArgumentError("kernel: there is none")

        def law(self, dim, n, method, tol):
            return _core.independent_noise(scale=0.0)

        def pair_noise(self, dim, beta):
            return _core.independent_pair_noise(scale=0.0)

    yield Halved, Silent
    del Attention.kinds["halved"], NoiseLaw.kinds["silent"]


def test_they_run_like_what_they_stand_for(laws):
    halved, silent = laws
    model = ns.Model(3, halved(4.0), silent())
    plain = ns.Model(3, ns.Softmax(2.0))
    assert ns.Model.from_toml(model.to_toml()) == model
    x = ns.sphere.uniform(30, 3, seed=1)
    first, second = (
        ns.simulate(m, x, horizon=1.0, layers=3, observe=[ns.Budget(1.0)]) for m in (model, plain)
    )
    np.testing.assert_allclose(first.tokens, second.tokens, atol=1e-15)
    np.testing.assert_allclose(first.observed["budget"], second.observed["budget"], atol=1e-14)
    for method in ("direct", "harmonic"):
        drifts = [ns.attention_drift(m.attention, x, method=method) for m in (model, plain)]
        np.testing.assert_array_equal(*drifts)
    assert ns.attention_growth(model.attention) is None
    assert ns.energy_bound(model, [1.0], 1.0) is None
    assert model.kernel_error is None


def test_messages_name_them(laws):
    halved, _ = laws
    with pytest.raises(ns.ArgumentTypeError, match=r"attention must be .*, Halved or None, got 3"):
        ns.Model(3, 3)
    with pytest.raises(ns.ArgumentTypeError, match=r"noise must be .*, Silent or None, got 3"):
        ns.sample_field(3, ns.sphere.uniform(2, 3))
    with pytest.raises(ns.ArgumentError, match=r"attention\.type must be one of halved, l2, "):
        ns.Model.from_dict({"dim": 3, "attention": {"type": "hard"}})
    with pytest.raises(ns.ArgumentError, match="dim must be at most 4, got 5"):
        ns.Model(5, halved(1.0))
