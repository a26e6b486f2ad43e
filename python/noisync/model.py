"""What happens in one layer: attention, noise and the dimension, as frozen, validated values.

A :class:`Model` compares by value and round-trips through a dict and TOML.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import tomli_w

from noisync import _core, _validate, activations
from noisync.errors import ArgumentError, ArgumentTypeError
from noisync.kernel import Kernel

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


class _Part:
    """A part of a model: a frozen dataclass that compares arrays by value and becomes a dict."""

    kind: ClassVar[str]

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and self.to_dict() == other.to_dict()

    def __hash__(self) -> int:
        return hash(repr(sorted(self.to_dict().items())))

    def to_dict(self) -> dict[str, Any]:
        """Return plain numbers, strings and nested lists; parameters that are None are left out."""
        result: dict[str, Any] = {"type": self.kind}
        for field in fields(self):  # type: ignore[arg-type]
            value = getattr(self, field.name)
            if isinstance(value, np.ndarray):
                value = value.tolist()
            if value is not None:
                result[field.name] = value
        return result


@dataclass(frozen=True, eq=False)
class _Exponential(_Part):
    beta: float | None = None
    value: float | npt.ArrayLike = 1.0
    query: npt.ArrayLike | None = None
    key: npt.ArrayLike | None = None

    normalized: ClassVar[bool]

    def __post_init__(self) -> None:
        if (self.query is None) != (self.key is None):
            missing = "key" if self.key is None else "query"
            raise ArgumentError(f"{missing} must be given together with the other of query and key")
        if self.query is not None and self.key is not None:
            if self.beta is not None:
                raise ArgumentError(
                    f"beta must be left out where query and key are given, got {self.beta!r}"
                )
            query = _validate.matrix("query", self.query)
            key = _validate.matrix("key", self.key)
            if query.shape != key.shape:
                raise ArgumentError(
                    f"query and key must have the same shape, got {query.shape} and {key.shape}"
                )
            object.__setattr__(self, "query", query)
            object.__setattr__(self, "key", key)
        else:
            beta = 1.0 if self.beta is None else self.beta
            object.__setattr__(self, "beta", _validate.real("beta", beta))
        if np.ndim(self.value) == 0:
            object.__setattr__(self, "value", _validate.real("value", self.value))
        else:
            value = _validate.matrix("value", self.value)
            if value.shape[0] != value.shape[1]:
                raise ArgumentError(f"value must be a number or square, got shape {value.shape}")
            object.__setattr__(self, "value", value)

    def check_dim(self, dim: int) -> None:
        for name in ("query", "key", "value"):
            matrix = getattr(self, name)
            if isinstance(matrix, np.ndarray) and matrix.shape[1] != dim:
                raise ArgumentError(
                    f"{name} must have {dim} columns like the tokens, got shape {matrix.shape}"
                )

    def _core_config(self) -> _core.ExponentialAttention:
        is_matrix = isinstance(self.value, np.ndarray)
        return _core.ExponentialAttention(
            normalized=self.normalized,
            beta=0.0 if self.beta is None else self.beta,
            value_scale=1.0 if is_matrix else self.value,  # type: ignore[arg-type]
            query=self.query,  # type: ignore[arg-type]
            key=self.key,  # type: ignore[arg-type]
            value=self.value if is_matrix else None,  # type: ignore[arg-type]
        )


@dataclass(frozen=True, eq=False)
class Softmax(_Exponential):
    r"""Softmax self-attention.

    .. math:: \mathrm{Attn}(x) = \sum_j \frac{w_j e^{\langle Qx, Kx_j\rangle}}
              {\sum_k w_k e^{\langle Qx, Kx_k\rangle}} V x_j

    Parameters
    ----------
    beta : float, optional
        Inverse temperature: :math:`Q^T K = \beta I`. 1 unless `query` and `key` are given.
    value : float or (dim, dim) array_like
        V; a number a means V = aI: attractive for a > 0, repulsive for a < 0, off for 0.
    query, key : (h, dim) array_like, optional
        Q and K, instead of `beta`.

    Raises
    ------
    ArgumentError
        For matrices of the wrong shape, NaN, or `beta` together with `query` and `key`.

    References
    ----------
    arXiv:2312.10794; arXiv:2604.26898, eq. (1.1).
    """

    kind: ClassVar[str] = "softmax"
    normalized: ClassVar[bool] = True


@dataclass(frozen=True, eq=False)
class Unnormalized(_Exponential):
    r"""Self-attention without the softmax denominator.

    .. math:: \mathrm{Attn}(x) = \sum_j w_j e^{\langle Qx, Kx_j\rangle} V x_j

    Parameters are those of :class:`Softmax`.

    References
    ----------
    arXiv:2312.10794, where it is called USA.
    """

    kind: ClassVar[str] = "unnormalized"
    normalized: ClassVar[bool] = False


@dataclass(frozen=True, eq=False)
class MLP(_Part):
    r"""A random two-layer perceptron with fresh weights in every layer, as common noise.

    .. math:: G(y) = m^{-1/2} W \varphi(d^{-1/2} U y + b_U) + b_W

    with independent entries: U and W standard normal, b_U of standard deviation `sigma_u`, b_W of
    standard deviation `sigma_w`. Its covariance is :class:`noisync.Kernel` at any width.

    Parameters
    ----------
    activation : str
        :math:`\varphi`, one of ``noisync.activations.NAMES``.
    width : int
        m, the number of hidden neurons. A network is the first m neurons of any wider one with the
        same seed.
    sigma_u, sigma_w : float
        Standard deviations of the biases.

    References
    ----------
    arXiv:2604.26898, §1.1.
    """

    activation: str
    width: int
    sigma_u: float = 0.0
    sigma_w: float = 0.0

    kind: ClassVar[str] = "mlp"

    def __post_init__(self) -> None:
        object.__setattr__(self, "activation", activations.check_name(self.activation))
        object.__setattr__(self, "width", _validate.integer("width", self.width, minimum=1))
        object.__setattr__(self, "sigma_u", _validate.non_negative("sigma_u", self.sigma_u))
        object.__setattr__(self, "sigma_w", _validate.non_negative("sigma_w", self.sigma_w))

    def kernel(self, dim: int) -> Kernel:
        """Return the covariance kernel of the field on S^{dim-1}."""
        return Kernel(self.activation, dim, self.sigma_u, self.sigma_w)

    def _core_config(self) -> _core.Mlp:
        return _core.Mlp(
            activation=self.activation,
            width=self.width,
            sigma_u=self.sigma_u,
            sigma_w=self.sigma_w,
        )


Attention = Softmax | Unnormalized
Noise = MLP

_ATTENTIONS: dict[str, type[Softmax] | type[Unnormalized]] = {
    cls.kind: cls for cls in (Softmax, Unnormalized)
}
_NOISES: dict[str, type[MLP]] = {cls.kind: cls for cls in (MLP,)}


@dataclass(frozen=True)
class Model:
    r"""One layer of a transformer as a step of an interacting particle system.

    .. math::
        Y_i = \mathrm{LN}(X_i + \Delta\,\mathrm{Attn}_X(X_i)),\qquad
        X_i' = \mathrm{LN}(Y_i + \sqrt\Delta\, G(Y_i))

    Parameters
    ----------
    dim : int
        d, the dimension of the tokens, at least 2.
    attention : Softmax or Unnormalized, optional
        The deterministic part; None leaves it out.
    noise : MLP, optional
        The random part, the same field for all tokens; None leaves it out.

    Examples
    --------
    >>> import noisync as ns
    >>> model = ns.Model(dim=64, attention=ns.Softmax(beta=1.0), noise=ns.MLP("relu", width=512))
    >>> ns.Model.from_toml(model.to_toml()) == model
    True
    """

    dim: int
    attention: Attention | None = None
    noise: Noise | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "dim", _validate.integer("dim", self.dim, minimum=2))
        if self.attention is not None:
            if not isinstance(self.attention, _Exponential):
                raise ArgumentTypeError(
                    f"attention must be Softmax, Unnormalized or None, got {self.attention!r}"
                )
            self.attention.check_dim(self.dim)
        if self.noise is not None and not isinstance(self.noise, MLP):
            raise ArgumentTypeError(f"noise must be MLP or None, got {self.noise!r}")

    @property
    def kernel(self) -> Kernel:
        """The covariance kernel of the noise; an error for a model without noise."""
        if self.noise is None:
            raise ArgumentError("kernel: the model has no noise, so there is no covariance kernel")
        return self.noise.kernel(self.dim)

    def to_dict(self) -> dict[str, Any]:
        """Return the model as plain numbers, strings, lists and dicts."""
        result: dict[str, Any] = {"dim": self.dim}
        if self.attention is not None:
            result["attention"] = self.attention.to_dict()
        if self.noise is not None:
            result["noise"] = self.noise.to_dict()
        return result

    @classmethod
    def from_dict(cls, table: Mapping[str, Any]) -> Model:
        """Return the model that :meth:`to_dict` described; unknown keys are an error."""
        _validate.keys("model", table, ("dim", "attention", "noise"))
        if "dim" not in table:
            raise ArgumentError("model: the key 'dim' is missing")
        return cls(
            dim=table["dim"],
            attention=_part("model.attention", table.get("attention"), _ATTENTIONS),
            noise=_part("model.noise", table.get("noise"), _NOISES),
        )

    def to_toml(self) -> str:
        """Return the model as a TOML document."""
        return tomli_w.dumps(self.to_dict())

    @classmethod
    def from_toml(cls, text: str) -> Model:
        """Return the model that a TOML document describes."""
        return cls.from_dict(tomllib.loads(text))


def _part(where: str, table: object, kinds: Mapping[str, Any]) -> Any:
    if table is None:
        return None
    if not isinstance(table, Mapping):
        raise ArgumentTypeError(f"{where} must be a table, got {table!r}")
    if "type" not in table:
        raise ArgumentError(f"{where}: the key 'type' is missing ({', '.join(sorted(kinds))})")
    part = kinds[_validate.choice(f"{where}.type", table["type"], kinds)]
    parameters = [field.name for field in fields(part)]
    _validate.keys(where, table, ["type", *parameters])
    arguments = {name: table[name] for name in parameters if name in table}
    try:
        return part(**arguments)
    except TypeError as error:
        if isinstance(error, ArgumentTypeError):
            raise
        raise ArgumentError(f"{where}: {str(error).removeprefix('MLP.__init__() ')}") from None


def value_scale(attention: Attention | None) -> float | None:
    """Return a where V = aI (0 without attention), or None where V is a matrix."""
    if attention is None:
        return 0.0
    return attention.value if isinstance(attention.value, float) else None
