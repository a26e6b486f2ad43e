"""Transformers as interacting particle systems with common noise.

Tokens are particles on the sphere S^{d−1}, layers are time. Each layer moves the tokens by
self-attention (deterministic, interacting) and by a random MLP (the same random field for all
tokens). noisync simulates the layers, measures them, and computes the rates that theory predicts.

>>> import noisync as ns
>>> model = ns.Model(dim=3, attention=ns.Softmax(beta=1.0), noise=ns.MLP("tanh", width=64))
>>> run = ns.simulate(model, ns.sphere.uniform(16, 3), horizon=1.0, layers=10, seed=1)
>>> run.tokens.shape
(11, 16, 3)
"""

from noisync import activations, energy, plot, schemes, sphere, studies, two_token
from noisync._version import __version__
from noisync.bounds import attention_growth, energy_bound
from noisync.ensembles import ensemble
from noisync.errors import (
    ArgumentError,
    ArgumentTypeError,
    KernelAccuracyWarning,
    NoisyncError,
    SimulationError,
)
from noisync.exponential import Softmax, Unnormalized
from noisync.fields import attention_drift, sample_field
from noisync.gaussian_field import GaussianField
from noisync.independent_noise import IndependentNoise
from noisync.kernel import Kernel
from noisync.mlp import MLP
from noisync.model import Model
from noisync.observers import (
    Budget,
    Clusters,
    Cosines,
    Energy,
    Lyapunov,
    OrderParameters,
    Tokens,
)
from noisync.simulation import simulate
from noisync.trajectory import Trajectory, load
from noisync.value_noise import ValueNoise

__all__ = [
    "MLP",
    "ArgumentError",
    "ArgumentTypeError",
    "Budget",
    "Clusters",
    "Cosines",
    "Energy",
    "GaussianField",
    "IndependentNoise",
    "Kernel",
    "KernelAccuracyWarning",
    "Lyapunov",
    "Model",
    "NoisyncError",
    "OrderParameters",
    "SimulationError",
    "Softmax",
    "Tokens",
    "Trajectory",
    "Unnormalized",
    "ValueNoise",
    "__version__",
    "activations",
    "attention_drift",
    "attention_growth",
    "energy",
    "energy_bound",
    "ensemble",
    "load",
    "plot",
    "sample_field",
    "schemes",
    "simulate",
    "sphere",
    "studies",
    "two_token",
]
