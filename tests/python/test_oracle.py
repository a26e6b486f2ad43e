"""A fast part of ``make validate``: simulations beside exact values."""

import oracle
import pytest


@pytest.mark.parametrize("activation", oracle.ACTIVATIONS)
def test_pairs(activation):
    """E e^{βu} of two tokens, 20,000 replicates; |z| < 4.4 (false alarm 1e-5)."""
    row = oracle.pair_row("gaussian", activation, 4, replicates=20_000, layers=64)
    assert abs(row.z) < 4.4
    assert row.agrees
    assert row.error < 0.01  # power: a relative error of 2 % would be seen


@pytest.mark.parametrize(("law", "activation"), [("mlp", "relu"), ("gaussian", "sigmoid")])
def test_systems(law, activation):
    """E_β of 64 tokens, 200 replicates."""
    row = oracle.system_row(law, activation, 8, replicates=200, layers=32)
    assert abs(row.z) < 4.4
    assert row.agrees


@pytest.mark.parametrize(("activation", "dim"), [("relu", 5), ("sigmoid", 64)])
def test_lyapunov_exponents(activation, dim):
    """λ_1, and the gaps at d = 5, to 8 %."""
    for row in oracle.lyapunov_rows(activation, dim, 0.1, precision=0.08):
        assert abs(row.z) < 4.4
        assert row.agrees
