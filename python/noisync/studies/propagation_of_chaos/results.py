"""The Dataset of the study: what was measured, with slopes, and what theory says beside them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr

from noisync.base.validate import FloatArray
from noisync.model import Model
from noisync.studies.bootstrap import interval
from noisync.studies.propagation_of_chaos.conditional import (
    Sums,
    covariance_slope,
    pair_covariance,
    resampled_covariances,
)
from noisync.studies.propagation_of_chaos.cost import estimate
from noisync.studies.propagation_of_chaos.design import Design
from noisync.studies.propagation_of_chaos.growth import GROWTH_MODELS, GROWTH_VALUES, Growth
from noisync.studies.propagation_of_chaos.rates import (
    fitted_slope,
    growing_rate,
    smooth_rate,
    theorem_rate,
)
from noisync.studies.slopes import slope

#: Slopes over the largest error in time, and over that at the end.
OVER = ("sup", "end")

#: The covariance given the noise is ~ 1/N from here on.
CHAOS_TOKENS = 64

_BOUND = ("estimate", "low", "high")


def dataset(
    design: Design,
    errors: Mapping[str, FloatArray],
    floors: Mapping[str, FloatArray],
    chaos: Mapping[int, list[tuple[Sums, Sums]]],
    limits: Mapping[int, float],
    growth: Growth | None,
    grown: Mapping[str, FloatArray],
) -> xr.Dataset:
    """Label everything; models that were not reached have NaN."""
    over = ("model", "replicate", "tokens")
    variables: dict[str, Any] = {
        name: ((*over, "time"), errors[name]) for name in ("coupling", "energy", "wasserstein")
    }
    variables["sobolev"] = (("model", "replicate", "order", "tokens", "time"), errors["sobolev"])
    variables["sobolev_growing"] = (over, errors["sobolev_growing"])
    own = {"sobolev": ("order",), "wasserstein": ("tokens",)}
    for name in ("coupling", "energy", "wasserstein", "sobolev"):
        dims = ("model", *own.get(name, ()))
        variables[f"floor_{name}"] = (dims, np.array(floors[name], dtype=np.float64))
    _add_particle_floors(design, errors, variables)
    variables |= _slopes(design, errors)
    variables |= _expected(design)
    variables["resolved_until"] = ("model", floors["resolved_until"])
    if design.starts:
        variables |= _chaos(design, chaos, limits)
    if growth:
        long = ("growth_model", "growth_replicate", "growth_time")
        variables |= {name: (long, grown[name]) for name in ("growth", "growth_spread")}
        variables["floor_growth"] = (("growth_model", "growth_time"), grown["floor_growth"])
    return xr.Dataset(variables, _coordinates(design, growth), _attributes(design, growth))


def _add_particle_floors(
    design: Design, errors: Mapping[str, FloatArray], variables: dict[str, Any]
) -> None:
    """Extend the errors to the N of a reference of many tokens, by their rates."""
    sizes = np.array(design.tokens, dtype=np.float64)
    for k, model in enumerate(design.models):
        known = slice(len(design.sizes(model)))
        if design.spde(model) or not np.isfinite(errors["coupling"][k][:, known]).all():
            continue
        for name, power in (("coupling", 1.0), ("energy", 0.5), ("sobolev", 1.0)):
            sup = errors[name][k][..., known, :].max(axis=-1).mean(axis=0)
            scale = (sup * sizes[known] ** power).mean(axis=-1)
            variables[f"floor_{name}"][1][k] = scale * design.reference_tokens**-power


def _slopes(design: Design, errors: Mapping[str, FloatArray]) -> dict[str, Any]:
    variables: dict[str, Any] = {}
    for name in ("coupling", "energy", "wasserstein"):
        slopes = np.array([_sup_and_end(design, one) for one in errors[name]])
        variables[f"slope_{name}"] = (("model", "over", "bound"), slopes)
    by_order = [
        [_sup_and_end(design, one[:, j]) for j in range(len(design.orders))]
        for one in errors["sobolev"]
    ]
    variables["slope_sobolev"] = (("model", "order", "over", "bound"), np.array(by_order))
    growing = [_slope(design, one) for one in errors["sobolev_growing"]]
    variables["slope_sobolev_growing"] = (("model", "bound"), np.array(growing))
    return variables


def _sup_and_end(design: Design, errors: FloatArray) -> FloatArray:
    """Return slopes of E sup_t and of the mean at the end, from (replicates, N, times)."""
    return np.array([_slope(design, errors.max(axis=2)), _slope(design, errors[:, :, -1])])


def _slope(design: Design, errors: FloatArray) -> FloatArray:
    """Return a slope over the sizes that were measured on every noise path, with its interval."""
    known = np.isfinite(errors).all(axis=0)
    if known.sum() < 2:
        return np.full(3, np.nan)
    return np.array(slope(np.array(design.tokens)[known], errors[:, known]))


def _expected(design: Design) -> dict[str, Any]:
    """Return slopes of the rates that theory knows, on the same sizes."""
    transport = [design.transport_sizes(model) for model in design.models]
    growing = [design.growing_sizes(model) for model in design.models]

    def slopes(rate: Any, sizes: list[tuple[int, ...]]) -> tuple[str, FloatArray]:
        values = [
            fitted_slope(n, rate(model.dim, n)) if len(n) > 1 else np.nan
            for model, n in zip(design.models, sizes, strict=True)
        ]
        return "model", np.array(values)

    return {
        "expected_wasserstein": slopes(smooth_rate, transport),
        "bound_wasserstein": slopes(theorem_rate, transport),
        "expected_sobolev_growing": slopes(growing_rate, growing),
    }


def _chaos(
    design: Design, chaos: Mapping[int, list[tuple[Sums, Sums]]], limits: Mapping[int, float]
) -> dict[str, Any]:
    sizes = np.array(design.conditional_tokens)
    shape = (len(design.models), sizes.size)
    covariances = np.full((2, *shape, 3), np.nan)
    slopes = np.full((shape[0], 3), np.nan)
    fluctuation = np.full((*shape, design.starts), np.nan)
    large = sizes >= CHAOS_TOKENS
    for model, pairs in chaos.items():
        for kind in range(2):
            sums = [pair[kind] for pair in pairs]
            estimates = np.array(list(map(pair_covariance, sizes, sums)))
            resampled = resampled_covariances(sizes, sums)
            covariances[kind, model] = [
                interval(estimate, own)
                for estimate, own in zip(estimates, resampled.T, strict=True)
            ]
            if kind == 0 and large.sum() > 1:
                slopes[model] = covariance_slope(
                    sizes[large], estimates[large], resampled[:, large]
                )
        means = np.array([given.mean for given, _ in pairs])
        fluctuation[model] = np.sqrt(sizes)[:, None] * (means - limits[model])
    dims = ("model", "conditional_tokens")
    return {
        "conditional": ((*dims, "bound"), covariances[0]),
        "unconditional": ((*dims, "bound"), covariances[1]),
        "slope_conditional": (("model", "bound"), slopes),
        "fluctuation": ((*dims, "start"), fluctuation),
    }


def _coordinates(design: Design, growth: Growth | None) -> dict[str, Any]:
    coordinates = {
        "model": np.arange(len(design.models)),
        **_labels("", design.models),
        "from_spde": ("model", [design.spde(model) for model in design.models]),
        "replicate": np.arange(design.replicates),
        "tokens": np.array(design.tokens),
        "time": design.setting.times,
        "order": np.array(design.orders),
        "over": list(OVER),
        "bound": list(_BOUND),
    }
    if design.starts:
        coordinates["conditional_tokens"] = np.array(design.conditional_tokens)
    if growth:
        coordinates |= {
            "growth_model": np.arange(len(GROWTH_MODELS)),
            **_labels("growth_", GROWTH_MODELS),
            "growth_coercivity": (
                "growth_model",
                [model.kernel.coercivity for model in GROWTH_MODELS],
            ),
            "growth_exponent": (
                "growth_model",
                [model.kernel.lyapunov_exponent for model in GROWTH_MODELS],
            ),
            "growth_value": ("growth_model", list(GROWTH_VALUES)),
            "growth_time": growth.setting.times,
        }
    return coordinates


def _labels(prefix: str, models: Sequence[Model]) -> dict[str, Any]:
    """Return what tells models apart: dim, attention and noise, and all of it as TOML."""
    return {
        f"{prefix}{name}": (f"{prefix}model", values)
        for name, values in {
            "dim": [model.dim for model in models],
            "attention": [_shown(model.attention) for model in models],
            "noise": [_shown(model.noise) for model in models],
            "toml": [model.to_toml() for model in models],
        }.items()
    }


def _shown(part: object) -> str:
    """Write a part of a model without what was not given."""
    return re.sub(r", \w+=None", "", repr(part))


def _attributes(design: Design, growth: Growth | None) -> dict[str, Any]:
    setting = design.setting
    attributes: dict[str, Any] = {
        "horizon": setting.horizon,
        "layers": setting.layers,
        "saved": setting.saved,
        "concentration": setting.concentration,
        "beta": design.beta,
        "degree": design.degree,
        "transport_tokens": design.transport_tokens,
        "transport_beyond_circle": int(design.transport),
        "reference_tokens": design.reference_tokens,
        "replicates": design.replicates,
        "starts": design.starts,
        "seed": str(setting.seed),
        "cost": estimate(design, growth),
    }
    if growth:
        attributes |= {"growth_tokens": growth.tokens, "growth_layers": growth.setting.layers}
    return attributes
