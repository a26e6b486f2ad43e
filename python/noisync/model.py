"""What happens in one layer: a dimension, an attention, a noise and a normalisation.

A :class:`Model` is frozen, compares by value and round-trips through a dict and TOML.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import tomli_w

from noisync.attention.law import Attention
from noisync.attention.sum import total as sum_of_attentions
from noisync.base import validate
from noisync.errors import ArgumentError, ArgumentTypeError
from noisync.noise.law import NoiseLaw
from noisync.noise.sum import checked_noise, each_part
from noisync.noise.sum import total as sum_of_noises
from noisync.normalization import Normalization
from noisync.theory.kernel import Kernel

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


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
    attention : Softmax, Unnormalized, L2 or Sinkhorn, or a list of them, optional
        The deterministic part; None leaves it out. Those of a list add: multi-head attention. Kept
        as given, a list as a tuple.
    noise : MLP, GaussianField, ValueNoise or IndependentNoise, or a list of them, optional
        The random part, the same for all tokens but for IndependentNoise; None leaves it out. The
        parts of a list add, and are independent: the first meets the noise that it meets alone, the
        others draw from streams of their own. Kept as given, a list as a tuple.
    normalization : str or Normalization
        Where the normalisation stands: ``"post"`` as above, or another name of
        :class:`noisync.Normalization`, which says what becomes of a layer then. Kept as a
        Normalization.

    Raises
    ------
    ArgumentError, ArgumentTypeError
        For dim below 2, a part of the wrong kind, an empty list, matrices that do not fit dim, an
        unknown normalisation, or noise with one that is not defined for it.

    References
    ----------
    arXiv:2604.26898, eq. (1.1).

    Examples
    --------
    >>> import noisync as ns
    >>> model = ns.Model(dim=64, attention=ns.Softmax(beta=1.0), noise=ns.MLP("relu", width=512))
    >>> ns.Model.from_toml(model.to_toml()) == model
    True
    """

    dim: int
    attention: Attention | Sequence[Attention] | None = None
    noise: NoiseLaw | Sequence[NoiseLaw] | None = None
    normalization: str | Normalization = "post"

    def __post_init__(self) -> None:
        object.__setattr__(self, "dim", validate.integer("dim", self.dim, minimum=2, maximum=2**24))
        object.__setattr__(self, "attention", Attention.check_parts("attention", self.attention))
        object.__setattr__(self, "noise", checked_noise(self.noise))
        if self.total_attention is not None:
            self.total_attention.check_dim(self.dim)
        if self.total_noise is not None:
            self.total_noise.check_dim(self.dim)
        normalization = Normalization.from_setting(self.normalization)
        object.__setattr__(self, "normalization", normalization)
        if self.noise is not None and not normalization.takes_noise:
            raise ArgumentError(
                "normalization must be 'post' or 'pre' for a model with noise, "
                f"got {normalization.name!r}"
            )

    @property
    def placement(self) -> Normalization:
        """Where the normalisation stands."""
        return Normalization.from_setting(self.normalization)

    @property
    def total_attention(self) -> Attention | None:
        """The attention as one law: the sum of its parts."""
        return sum_of_attentions(self.attention)

    @property
    def total_noise(self) -> NoiseLaw | None:
        """The noise as one law: the sum of its parts."""
        return sum_of_noises(self.noise)

    @property
    def kernel(self) -> Kernel:
        """The covariance kernel of the noise; an error for a model whose noise is no field.

        Where noises add, the sum of their kernels.
        """
        noise = self.total_noise
        if noise is None:
            raise ArgumentError("kernel: the model has no noise, so there is no covariance kernel")
        return noise.kernel(self.dim)

    @property
    def kernel_error(self) -> float | None:
        """What the noise leaves out of the kernel, relative to κ(1); None: nothing or no kernel."""
        noise = self.total_noise
        return None if noise is None else noise.kernel_error(self.dim)

    def resolved(self, n: int) -> Model:
        """Return the model as it is used for n tokens: choices left to noisync are made."""
        return replace(self, noise=each_part(self.noise, lambda p: p.resolved(self.dim, n)))

    def on_sphere(self) -> Model:
        """Return the model with noise that is a function on the sphere, whatever the tokens."""
        return replace(self, noise=each_part(self.noise, lambda p: p.on_sphere(self.dim)))

    def to_dict(self) -> dict[str, Any]:
        """Return the model as plain numbers, strings, lists and dicts."""
        result: dict[str, Any] = {"dim": self.dim}
        if isinstance(self.attention, Attention):
            result["attention"] = self.attention.to_dict()
        elif self.attention is not None:
            result["attention"] = [part.to_dict() for part in self.attention]
        if isinstance(self.noise, NoiseLaw):
            result["noise"] = self.noise.to_dict()
        elif self.noise is not None:
            result["noise"] = [part.to_dict() for part in self.noise]
        if self.normalization != "post":
            result["normalization"] = self.placement.to_setting()
        return result

    @classmethod
    def from_dict(cls, table: Mapping[str, Any]) -> Model:
        """Return the model that :meth:`to_dict` described; unknown keys are an error."""
        if not isinstance(table, Mapping):
            raise ArgumentTypeError(f"model must be a table, got {validate.shown(table)}")
        validate.keys("model", table, ("dim", "attention", "noise", "normalization"))
        if "dim" not in table:
            raise ArgumentError("model: the key 'dim' is missing")
        parts: dict[str, Any] = {}
        if table.get("attention") is not None:
            parts["attention"] = Attention.from_tables("model.attention", table["attention"])
        if table.get("noise") is not None:
            parts["noise"] = NoiseLaw.from_tables("model.noise", table["noise"])
        if table.get("normalization") is not None:
            parts["normalization"] = Normalization.from_setting(table["normalization"])
        return cls(dim=table["dim"], **parts)

    def to_toml(self) -> str:
        """Return the model as a TOML document."""
        return self.toml(self.to_dict())

    @staticmethod
    def toml(table: Mapping[str, Any]) -> str:
        """Return a table, such as :meth:`to_dict` gives, as a TOML document."""
        return tomli_w.dumps(table)

    @classmethod
    def from_toml(cls, text: str) -> Model:
        """Return the model that a TOML document describes."""
        return cls.from_dict(cls.table(text))

    @staticmethod
    def table(text: str) -> dict[str, Any]:
        """Return the table that a TOML document describes."""
        try:
            table: dict[str, Any] = tomllib.loads(text)
        except (tomllib.TOMLDecodeError, TypeError, AttributeError) as error:
            raise ArgumentError(f"model: not valid TOML: {error}") from None
        return table


def check_model(model: object) -> None:
    """Refuse what is no Model."""
    if not isinstance(model, Model):
        raise ArgumentTypeError(f"model must be a Model, got {validate.shown(model)}")
