"""The cells of the study, and what they have come to."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

import numpy as np
import xarray as xr

from noisync import spde
from noisync.base.validate import FloatArray
from noisync.base.version import __version__
from noisync.model import Model
from noisync.studies.cells import Values
from noisync.studies.propagation_of_chaos import results
from noisync.studies.propagation_of_chaos.conditional import Sums, final_sums
from noisync.studies.propagation_of_chaos.design import Design
from noisync.studies.propagation_of_chaos.errors import (
    empty,
    floors,
    measured,
    no_floors,
    reference,
)
from noisync.studies.propagation_of_chaos.growth import GROWTH_MODELS, Growth


class Found:
    """What the cells have come to until now, by their keys, in ``values``."""

    def __init__(self, design: Design, growth: Growth | None) -> None:
        self.design, self.growth = design, growth
        self.values: dict[str, Values] = {}

    def cells(self) -> Iterator[tuple[str, Callable[[], Values]]]:
        """Return the cells in their order: a key, and what computes it."""
        design = self.design
        for k, model in enumerate(design.models):
            yield f"floors {k}", partial(_floors, design, model)
            for replicate in range(design.replicates):
                yield f"errors {k} {replicate}", partial(measured, design, model, replicate)
            if design.conditional(model):
                yield f"limit {k}", partial(_limit, design, model)
                for n in design.conditional_tokens:
                    yield f"chaos {k} {n}", partial(_chaos, design, model, n)
        if self.growth:
            for k, model in enumerate(GROWTH_MODELS):
                yield f"growth floor {k}", partial(self.growth.floor, model)
                for replicate in range(self.growth.replicates):
                    yield f"growth {k} {replicate}", partial(self.growth.errors, model, replicate)

    def dataset(self, cells: int) -> xr.Dataset:
        """Return what was found, of so many cells; NaN for what was not."""
        design, growth = self.design, self.growth
        models = range(len(design.models))
        unknown = empty(design)
        errors = [
            [self.values.get(f"errors {k} {r}", unknown) for r in range(design.replicates)]
            for k in models
        ]
        floor = [self.values.get(f"floors {k}") or _unknown_floors(design) for k in models]
        data: xr.Dataset = results.dataset(
            design,
            {name: np.array([[e[name] for e in one] for one in errors]) for name in unknown},
            {name: np.array([each[name] for each in floor]) for name in floor[0]},
            {k: chaos for k in models if (chaos := self._chaos(k)) is not None},
            {k: self.values[f"limit {k}"]["limit"] for k in models if f"limit {k}" in self.values},
            growth,
            self._growth() if growth else {},
        )
        data.attrs |= {
            "study": "propagation-of-chaos", "version": __version__,
            "finished": int(len(self.values) == cells),
        }  # fmt: skip
        return data

    def _chaos(self, k: int) -> list[tuple[Sums, Sums]] | None:
        """Return the sums of all N, given the noise and over noise paths, or None."""
        keys = [f"chaos {k} {n}" for n in self.design.conditional_tokens]
        if not all(key in self.values for key in keys):
            return None
        cells = [self.values[key] for key in keys]
        return [(Sums(*cell["given"]), Sums(*cell["free"])) for cell in cells]

    def _growth(self) -> dict[str, FloatArray]:
        assert self.growth is not None
        unknown = {name: np.full(self.growth.setting.saved + 1, np.nan) for name in
                   ("growth", "growth_spread", "floor_growth")}  # fmt: skip
        models, paths = range(len(GROWTH_MODELS)), range(self.growth.replicates)
        grown = [[self.values.get(f"growth {k} {r}", unknown) for r in paths] for k in models]
        found = {
            name: np.array([[each[name] for each in one] for one in grown])
            for name in ("growth", "growth_spread")
        }
        floor = [self.values.get(f"growth floor {k}", unknown)["floor_growth"] for k in models]
        return found | {"floor_growth": np.array(floor)}


def _floors(design: Design, model: Model) -> Values:
    return {**floors(design, model), "resolved_until": _resolved_until(design, model)}


def _unknown_floors(design: Design) -> Values:
    return {**no_floors(design), "resolved_until": float("nan")}


def _limit(design: Design, model: Model) -> Values:
    """Return ⟨f, μ⟩ at the end on the noise path of replicate 0, f the first coordinate."""
    limit = reference(design, model, 0).limit
    return {"limit": float(limit.weights @ limit.tokens[-1, :, 0])}


def _chaos(design: Design, model: Model, n: int) -> Values:
    """Run many starts on the noise path of replicate 0, and as many noise paths."""
    given = final_sums(model, design.setting, n, design.starts, 0)
    free = final_sums(model, design.setting, n, design.starts, None)
    return {"given": np.array(given), "free": np.array(free)}


def _resolved_until(design: Design, model: Model) -> float:
    """Return the time until which the nodes resolve the SPDE, on the first noise path."""
    setting = design.setting
    if not design.spde(model):
        return float("nan")
    solution = spde.solve(
        model,
        setting.start(model.dim, 1),
        degree=design.quadrature_degree(model),
        horizon=setting.horizon,
        layers=setting.layers,
        save=setting.layers // setting.saved,
        seed=setting.seed,
        threads=setting.threads,
    )
    until = solution.resolved_until
    return float("nan") if until is None else until
