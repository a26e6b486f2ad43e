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

from noisync import measure, plot, spde, sphere, studies
from noisync.attention.drift import attention_drift
from noisync.attention.exponential import Softmax, Unnormalized
from noisync.attention.l2 import L2
from noisync.attention.mask import Causal
from noisync.attention.sinkhorn import Sinkhorn
from noisync.base.version import __version__
from noisync.bounds import attention_growth, energy_bound
from noisync.errors import (
    ArgumentError,
    ArgumentTypeError,
    CheckpointWarning,
    KernelAccuracyWarning,
    NoisyncError,
    SimulationError,
    Terminated,
)
from noisync.measure.budget import Budget
from noisync.measure.clusters import Clusters
from noisync.measure.cosines import Cosines
from noisync.measure.energy import Energy
from noisync.measure.function import Function
from noisync.measure.lyapunov import Lyapunov
from noisync.measure.norms import Norms
from noisync.measure.observer import Observer
from noisync.measure.order import OrderParameters
from noisync.measure.tokens import Tokens
from noisync.model import Model
from noisync.noise.gaussian_field import GaussianField
from noisync.noise.independent import IndependentNoise
from noisync.noise.mlp import MLP
from noisync.noise.sample import sample_field
from noisync.noise.value import ValueNoise
from noisync.normalization import Normalization
from noisync.run import schemes
from noisync.run.checkpoint import Checkpoint
from noisync.run.ensemble import ensemble
from noisync.run.extend import extend
from noisync.run.merging import merge
from noisync.run.results import load, save
from noisync.run.resume import resume
from noisync.run.simulation import simulate
from noisync.run.state import State
from noisync.run.trajectory import Trajectory
from noisync.theory import activations, two_token
from noisync.theory.kernel import Kernel

__all__ = [
    "L2",
    "MLP",
    "ArgumentError",
    "ArgumentTypeError",
    "Budget",
    "Causal",
    "Checkpoint",
    "CheckpointWarning",
    "Clusters",
    "Cosines",
    "Energy",
    "Function",
    "GaussianField",
    "IndependentNoise",
    "Kernel",
    "KernelAccuracyWarning",
    "Lyapunov",
    "Model",
    "NoisyncError",
    "Normalization",
    "Norms",
    "Observer",
    "OrderParameters",
    "SimulationError",
    "Sinkhorn",
    "Softmax",
    "State",
    "Terminated",
    "Tokens",
    "Trajectory",
    "Unnormalized",
    "ValueNoise",
    "__version__",
    "activations",
    "attention_drift",
    "attention_growth",
    "energy_bound",
    "ensemble",
    "extend",
    "load",
    "measure",
    "merge",
    "plot",
    "resume",
    "sample_field",
    "save",
    "schemes",
    "simulate",
    "spde",
    "sphere",
    "studies",
    "two_token",
]
