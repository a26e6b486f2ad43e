from collections.abc import Callable, Sequence
from typing import Any, overload

import numpy as np
import numpy.typing as npt

level: str
features: str
compiler: str
eigen_version: str

def built_levels() -> list[str]: ...

# random
def philox4x32(counter: Sequence[int], key: Sequence[int]) -> list[int]: ...
def fill_normals(
    seed: int,
    replicate: int,
    layer: int,
    purpose: int,
    first: int,
    out: npt.NDArray[Any],
    part: int = 0,
) -> None: ...
def uniform_tokens(
    seed: int,
    first_replicate: int,
    replicates: int,
    first: int,
    count: int,
    dim: int,
    threads: int,
) -> npt.NDArray[np.float64]: ...
def initial_normals(
    seed: int, replicate: int, draw: int, tokens: npt.NDArray[np.uint64], dim: int
) -> npt.NDArray[np.float64]: ...
def initial_choices(
    seed: int, replicate: int, draw: int, tokens: npt.NDArray[np.uint64]
) -> npt.NDArray[np.float64]: ...

# activation
def activation_names() -> list[str]: ...
def activation(name: str, z: npt.NDArray[Any]) -> npt.NDArray[Any]: ...
def activation_derivative(name: str, z: npt.NDArray[Any]) -> npt.NDArray[Any]: ...

# harmonics
def harmonic_stretch(degree: int, dim: int, rows: int) -> int: ...
def harmonics_up_to(degree: int, dim: int) -> float: ...
def analyse(
    x: npt.NDArray[Any],
    weights: npt.NDArray[np.float64],
    values: npt.NDArray[np.float64],
    degree: int,
    threads: int,
) -> npt.NDArray[np.float64]: ...
def synthesise(
    x: npt.NDArray[Any], coefficients: npt.NDArray[np.float64], degree: int, threads: int
) -> npt.NDArray[np.float64]: ...

# attention
class NotConvergedError(RuntimeError): ...
class AttentionLaw: ...

class Summation:
    @overload
    def __init__(self) -> None: ...
    @overload
    def __init__(
        self, *, beta: float, harmonics: Sequence[float], tail: float, tolerance: float
    ) -> None: ...
    @property
    def method(self) -> str: ...
    @property
    def degree(self) -> int: ...

class SummedAttention:
    def __init__(self, law: AttentionLaw, summation: Summation) -> None: ...
    @property
    def method(self) -> str: ...

class Projections:
    def __init__(
        self,
        *,
        beta: float,
        value_scale: float,
        query: npt.NDArray[np.float64] | None = None,
        key: npt.NDArray[np.float64] | None = None,
        value: npt.NDArray[np.float64] | None = None,
        penalty: float = 0.0,
    ) -> None: ...

class Causal:
    def __init__(self, *, include_self: bool, decay: float) -> None: ...

def exponential_attention(
    projections: Projections,
    *,
    normalized: bool,
    mask: Causal | None = None,
) -> AttentionLaw: ...
def sinkhorn_attention(
    projections: Projections, *, tolerance: float, max_iterations: int
) -> AttentionLaw: ...
def attention_sum(parts: Sequence[SummedAttention]) -> AttentionLaw: ...
def attention(
    attention: SummedAttention,
    x: npt.NDArray[Any],
    weights: npt.NDArray[np.float64],
    threads: int,
) -> npt.NDArray[Any]: ...

# noise
class NoiseLaw: ...
class PairNoise: ...

def mlp_noise(
    *,
    activation: str,
    width: int,
    sigma_u: float,
    sigma_w: float,
    input_scale: float,
    output_scale: float,
) -> NoiseLaw: ...
def feature_noise(
    *,
    activation: str,
    width: int,
    sigma_u: float,
    sigma_w: float,
    input_scale: float,
    output_scale: float,
) -> NoiseLaw: ...
def harmonic_noise(variances: Sequence[float]) -> NoiseLaw: ...
def exact_noise(*, series: Sequence[float], slope: float, odd: bool) -> NoiseLaw: ...
def value_noise(*, attention: SummedAttention, scale: float) -> NoiseLaw: ...
def random_head_noise(
    *, beta: float, scale: float, heads: int, head_dim: int, head_scale: float
) -> NoiseLaw: ...
def independent_noise(*, scale: float) -> NoiseLaw: ...
def noise_sum(parts: Sequence[NoiseLaw]) -> NoiseLaw: ...
def kernel_pair_noise(series: Sequence[float]) -> PairNoise: ...
def value_pair_noise(*, attention: SummedAttention, scale: float) -> PairNoise: ...
def independent_pair_noise(*, scale: float) -> PairNoise: ...
def pair_noise_sum(parts: Sequence[PairNoise]) -> PairNoise: ...
def noise_fields(
    noise: NoiseLaw,
    x: npt.NDArray[Any],
    weights: npt.NDArray[np.float64],
    layers: int,
    seed: int,
    replicate: int,
    threads: int,
) -> npt.NDArray[Any]: ...

# measures
class Measure:
    @property
    def size(self) -> int: ...
    def stretch(self, rows: int) -> int: ...

def energy_measure(
    betas: Sequence[float], scaled: bool, series: Sequence[Sequence[float]], dim: int
) -> Measure: ...
def budget_measure(
    beta: float,
    scaled: bool,
    attention: SummedAttention | None,
    noise: PairNoise | None,
    dim: int,
) -> Measure: ...
def harmonic_budget_measure(
    beta: float,
    scaled: bool,
    attention: SummedAttention | None,
    harmonics: Sequence[float],
    noise: Sequence[float],
    limit: float,
    dim: int,
) -> Measure: ...
def cosine_measure(bins: int, by_mass: bool) -> Measure: ...
def order_measure() -> Measure: ...
def cluster_measure(angle: float) -> Measure: ...
def token_measure(n: int, dim: int) -> Measure: ...
def norm_measure(n: int) -> Measure: ...
def growth_measure(tangents: int) -> Measure: ...
def jacobian_measure(n: int, dim: int) -> Measure: ...
def measure(
    measure: Measure, x: npt.NDArray[Any], weights: npt.NDArray[np.float64], threads: int
) -> npt.NDArray[np.float64]: ...
def clusters(x: npt.NDArray[Any], angle: float) -> npt.NDArray[np.int64]: ...

# distances
def circle_transport(
    x: npt.NDArray[np.float64],
    x_masses: npt.NDArray[np.int64],
    y: npt.NDArray[np.float64],
    y_masses: npt.NDArray[np.int64],
    threads: int,
) -> float: ...
def zonal_sum(
    x: npt.NDArray[Any],
    weights: npt.NDArray[np.float64],
    series: Sequence[float],
    threads: int,
) -> float: ...

# dynamics
class Schedule:
    @staticmethod
    def regular(every: int, last: int) -> Schedule: ...
    @staticmethod
    def listed(layers: Sequence[int]) -> Schedule: ...

class MeasureRequest:
    def __init__(
        self, schedule: Schedule, measure: Measure, outputs: Sequence[npt.NDArray[Any]]
    ) -> None: ...

class CallRequest:
    def __init__(
        self, schedule: Schedule, function: Callable[[int, int, npt.NDArray[Any]], None]
    ) -> None: ...

class States:
    def __init__(
        self,
        *,
        tokens: npt.NDArray[Any],
        norms: npt.NDArray[Any] | None = None,
        vectors: npt.NDArray[Any],
        growth: npt.NDArray[np.float64],
        least_jacobian: npt.NDArray[np.float64] | None,
        layers: npt.NDArray[np.int64],
        layers_summed_directly: npt.NDArray[np.int64],
        seen: npt.NDArray[np.int64],
    ) -> None: ...

class LayerNorm:
    def __init__(self, name: str, *, switch_layer: int, alpha: float) -> None: ...

class Ranks:
    def __init__(
        self,
        *,
        rows: int,
        first: int,
        count: int,
        tangents: int,
        first_tangent: int,
        gather: Callable[[npt.NDArray[np.float64]], Sequence[npt.NDArray[np.float64]]],
    ) -> None: ...

class Dynamics:
    def __init__(
        self,
        *,
        attention: SummedAttention | None,
        noise: NoiseLaw | None,
        scheme: str,
        layer_norm: LayerNorm | None = None,
        thickness: float,
        span: int,
        seed: int,
        first_replicate: int,
        shares_path: bool,
        tangent_token: int,
        tangent_tokens: int,
        weights: npt.NDArray[np.float64],
    ) -> None: ...

def advance(
    dynamics: Dynamics,
    states: States,
    *,
    last: int,
    requests: Sequence[MeasureRequest | CallRequest],
    threads: int,
    side_by_side: bool,
    progress: Callable[[int], None] | None,
    ranks: Ranks | None = None,
) -> tuple[int, int, str, float | None] | None: ...
