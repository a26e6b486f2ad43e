import signal

import matplotlib as mpl
import numpy as np
import pytest
from hypothesis import HealthCheck, settings

import noisync as ns

mpl.use("agg")
# Examples are the same in every run: a failure seen once can be seen again.
settings.register_profile(
    "noisync", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("noisync")


@pytest.fixture
def rng():
    return np.random.default_rng(20260422)


@pytest.fixture
def ctrl_c():
    """Python's usual handling of SIGINT, which a background job of a shell starts without."""
    before = [(number, signal.getsignal(number)) for number in (signal.SIGINT, signal.SIGTERM)]
    signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    for number, handler in before:
        signal.signal(number, handler)


@pytest.fixture
def small_run():
    model = ns.Model(
        dim=3, attention=ns.Softmax(beta=2.0), noise=ns.MLP("tanh", 32, sigma_u=0.1, sigma_w=0.2)
    )
    return ns.simulate(model, ns.sphere.uniform(12, 3, seed=5), horizon=1.0, layers=8, seed=3)
