"""Where the normalisation of a layer stands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from math import ceil, isclose
from typing import Any

from noisync import _core
from noisync.base import validate
from noisync.errors import ArgumentError, ArgumentTypeError

#: The names, and the parameters that each of them has.
NAMES: dict[str, tuple[str, ...]] = {
    "post": (),
    "pre": ("initial_norm",),
    "mix": ("initial_norm", "switch_time"),
    "peri": ("initial_norm",),
    "ngpt": ("alpha",),
    "sqrt": (),
}


@dataclass(frozen=True, eq=False)
class Normalization:
    r"""Where the normalisation of a layer stands: what becomes of the sum of tokens and attention.

    A token has a direction x on the sphere and, under ``pre``, ``mix`` and ``peri``, a norm r that
    is part of the state. With A the attention of the directions, a layer of thickness Δ from time t
    on, and its limit as Δ → 0:

    ====== ================================================= ==================================
    name   layer                                             limit
    ====== ================================================= ==================================
    post   x ← LN(x + ΔA)                                    ẋ = P_x A
    pre    y = r x + ΔA; r ← \|y\|, x ← y/r                  ẋ = P_x A/r, ṙ = ⟨x, A⟩
    mix    post until `switch_time`, then pre                as these
    peri   y = r x + ΔA/\|A\|; r ← \|y\|, x ← y/r            ẋ = P_x A/(r\|A\|), ṙ = ⟨x, A⟩/\|A\|
    ngpt   x ← LN(x + ΔαA/\|A\|)                             ẋ = αP_x A/\|A\|
    sqrt   x ← LN(x + ΔA/√(t+1))                             ẋ = P_x A/√(t+1)
    ====== ================================================= ==================================

    A/\|A\| is 0 for a token that attends to none. With noise, ``post`` is the layer of
    :class:`noisync.Model`; under ``pre`` the noise at the directions is added to y,
    y ← y + √Δ G(y/\|y\|). The others are for models without noise. A Normalization without
    parameters equals its name.

    Parameters
    ----------
    name : {"post", "pre", "mix", "peri", "ngpt", "sqrt"}
    initial_norm : float
        r of every token at the start; positive. Of pre, mix (where pre starts from it) and peri.
    switch_time : float, optional
        Until when mix is post; a quarter of the horizon by default. A layer is post that begins
        before.
    alpha : float
        α of ngpt, positive.

    Raises
    ------
    ArgumentError, ArgumentTypeError
        For an unknown name, a value that breaks a rule, or a parameter that the name does not have.

    References
    ----------
    arXiv:2510.22026.

    Examples
    --------
    >>> import noisync as ns
    >>> model = ns.Model(dim=3, attention=ns.Softmax(), normalization="pre")
    >>> run = ns.simulate(model, ns.sphere.uniform(4, 3), horizon=1.0, layers=10)
    >>> run.norms.shape
    (11, 4)
    """

    name: str = "post"
    initial_norm: float = 1.0
    switch_time: float | None = None
    alpha: float = 1.0

    def __post_init__(self) -> None:
        validate.choice("normalization", self.name, NAMES)
        for name in ("initial_norm", "alpha"):
            object.__setattr__(self, name, validate.positive(name, getattr(self, name)))
        if self.switch_time is not None:
            time = validate.non_negative("switch_time", self.switch_time)
            object.__setattr__(self, "switch_time", time)
        for name in self._given():
            if name not in NAMES[self.name]:
                owners = [owner for owner, own in NAMES.items() if name in own]
                raise ArgumentError(
                    f"{name} is for the normalization {' or '.join(map(repr, owners))}, got "
                    f"{getattr(self, name):g} with {self.name!r}"
                )

    def _given(self) -> list[str]:
        return [f.name for f in fields(self)[1:] if getattr(self, f.name) != f.default]

    def __eq__(self, other: object) -> bool:
        return self.to_setting() == (
            other.to_setting() if isinstance(other, Normalization) else other
        )

    def __hash__(self) -> int:
        setting = self.to_setting()
        return hash(setting if isinstance(setting, str) else tuple(setting.items()))

    @property
    def keeps_norms(self) -> bool:
        """Whether the norms of tokens are part of the state."""
        return "initial_norm" in NAMES[self.name]

    @property
    def takes_noise(self) -> bool:
        """Whether it is defined for layers with noise."""
        return self.name in ("post", "pre")

    def core(self, thickness: float, layers: int) -> _core.LayerNorm:
        """Return the core's description, for runs of so many layers."""
        return _core.LayerNorm(
            self.name, switch_layer=self._switch_layer(thickness, layers), alpha=self.alpha
        )

    def _switch_layer(self, thickness: float, layers: int) -> int:
        """Return the first layer that does not begin before the switch."""
        if self.switch_time is None:
            return -(-layers // 4)
        place = min(self.switch_time / thickness, float(layers))
        return round(place) if isclose(place, round(place), rel_tol=1e-9) else ceil(place)

    def to_setting(self) -> str | dict[str, Any]:
        """Return the name, or a dict where there are parameters."""
        given = {name: getattr(self, name) for name in self._given()}
        return {"name": self.name, **given} if given else self.name

    @classmethod
    def from_setting(cls, setting: object) -> Normalization:
        """Return what a name, a dict of :meth:`to_setting` or a Normalization stands for."""
        if isinstance(setting, Normalization):
            return setting
        if isinstance(setting, str):
            return cls(setting)
        if not isinstance(setting, Mapping):
            raise ArgumentTypeError(
                f"normalization must be one of {', '.join(NAMES)} or a Normalization, "
                f"got {validate.shown(setting)}"
            )
        validate.keys("normalization", setting, [field.name for field in fields(cls)])
        if "name" not in setting:
            raise ArgumentError("normalization: the key 'name' is missing")
        return cls(**setting)


def require_post(normalization: Normalization, what: str) -> None:
    """Refuse another normalisation than post: `what` is not defined for it."""
    if normalization.name != "post":
        raise ArgumentError(
            f"{what}: defined for models with the normalization 'post', got {normalization.name!r}"
        )
