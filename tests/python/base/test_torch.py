"""PyTorch, with an OpenMP of its own, in one process: the same bits, in either order of import."""

import subprocess
import sys
from importlib.util import find_spec

import pytest

pytestmark = pytest.mark.skipif(find_spec("torch") is None, reason="PyTorch is not installed")

SCRIPT = """
import hashlib
{imports}
import noisync as ns

def work():
    if "torch" in globals():
        torch.set_num_threads(2)
        x = torch.randn(600, 600)
        assert torch.isfinite(x @ x).all()

model = ns.Model(16, ns.Softmax(beta=1.0), ns.MLP("tanh", 64))
x = ns.sphere.uniform(700, 16)
for _ in range(3):
    work()
    run = ns.simulate(model, x, horizon=1.0, layers=5, threads=2)
work()
print(hashlib.sha256(run.tokens.tobytes()).hexdigest())
"""


def digest(imports):
    command = [sys.executable, "-c", SCRIPT.format(imports=imports)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_bits_are_those_without_it_in_either_order():
    alone = digest("")
    for imports in ("import torch", "import noisync\nimport torch"):
        assert digest(imports) == alone
