from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

level: str
compiler: str
eigen_version: str

def built_levels() -> list[str]: ...

# random
def philox4x32(counter: Sequence[int], key: Sequence[int]) -> list[int]: ...
def initial_normals(seed: int, replicate: int, count: int) -> npt.NDArray[np.float64]: ...

# activation
def activation_names() -> list[str]: ...
def activation(name: str, z: npt.NDArray[Any]) -> npt.NDArray[Any]: ...
def activation_derivative(name: str, z: npt.NDArray[Any]) -> npt.NDArray[Any]: ...

# attention
class ExponentialAttention:
    def __init__(
        self,
        *,
        normalized: bool,
        beta: float,
        value_scale: float,
        query: npt.NDArray[np.float64] | None = None,
        key: npt.NDArray[np.float64] | None = None,
        value: npt.NDArray[np.float64] | None = None,
    ) -> None: ...

def attention(
    attention: ExponentialAttention,
    x: npt.NDArray[Any],
    weights: npt.NDArray[np.float64],
    threads: int,
) -> npt.NDArray[Any]: ...

# noise
class Mlp:
    def __init__(self, *, activation: str, width: int, sigma_u: float, sigma_w: float) -> None: ...

def noise_fields(
    noise: Mlp, x: npt.NDArray[Any], layers: int, seed: int, replicate: int, threads: int
) -> npt.NDArray[Any]: ...

# energy
def interaction_energy(
    x: npt.NDArray[Any],
    weights: npt.NDArray[np.float64],
    betas: Sequence[float],
    threads: int,
) -> npt.NDArray[np.float64]: ...
def cosine_histogram(x: npt.NDArray[Any], bins: int, threads: int) -> npt.NDArray[np.int64]: ...

# dynamics
class SaveRequest:
    def __init__(self, layers: Sequence[int], out: npt.NDArray[Any]) -> None: ...

class EnergyRequest:
    def __init__(self, betas: Sequence[float], out: npt.NDArray[np.float64]) -> None: ...

class CallRequest:
    def __init__(self, function: Callable[[npt.NDArray[Any]], None]) -> None: ...

class Outcome:
    @property
    def completed(self) -> int: ...
    @property
    def saved(self) -> int: ...
    @property
    def lost_token(self) -> int: ...
    @property
    def error(self) -> BaseException | None: ...

def run_layers(
    tokens: npt.NDArray[Any],
    weights: npt.NDArray[np.float64],
    *,
    attention: ExponentialAttention | None,
    noise: Mlp | None,
    horizon: float,
    layers: int,
    seed: int,
    replicate: int,
    requests: Sequence[SaveRequest | EnergyRequest | CallRequest],
    threads: int,
    progress: Callable[[int], None] | None,
) -> Outcome: ...
