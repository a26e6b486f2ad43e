"""Pictures of runs and studies. Functions take ``ax=None`` and return the matplotlib Axes.

Those of studies are found where the studies are listed, in :mod:`noisync.studies`.
"""

from __future__ import annotations

from typing import Any

from noisync.figures.animate import animate
from noisync.figures.budget import budget
from noisync.figures.cosines import cosines
from noisync.figures.density import density
from noisync.figures.energy import energy
from noisync.figures.style import style
from noisync.figures.tokens import leading_plane, snapshots, tokens
from noisync.studies import PICTURES

__all__ = [
    "animate",
    "budget",
    "cosines",
    "density",
    "energy",
    "leading_plane",
    "snapshots",
    "style",
    "tokens",
    *sorted(PICTURES),
]


def __getattr__(name: str) -> Any:
    if name in PICTURES:
        return PICTURES[name]
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
