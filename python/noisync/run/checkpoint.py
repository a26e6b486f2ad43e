"""What is asked of a checkpoint: where it lies and how often it is written."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from noisync.base import validate
from noisync.errors import ArgumentTypeError


@dataclass(frozen=True)
class Checkpoint:
    """A folder that a computation goes on from after any end.

    Parameters
    ----------
    path : path-like
        It exists once the computation can go on from it.
    minutes : float
        How long at most the work between two checkpoints takes: what is lost where the process is
        killed. Where writing takes more than a hundredth of that, the time between them grows. 0:
        as often as possible.
    allow_other_level : bool
        Go on also from a checkpoint that was computed at another SIMD level, whose bits differ;
        the result says so.

    Raises
    ------
    ArgumentError, ArgumentTypeError
        For a path that is no path, or minutes below 0.
    """

    path: Path
    minutes: float = 5.0
    allow_other_level: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "path", validate.path("checkpoint", self.path))
        object.__setattr__(self, "minutes", validate.non_negative("minutes", self.minutes))
        if not isinstance(self.allow_other_level, bool):
            raise ArgumentTypeError(
                f"allow_other_level must be True or False, got {self.allow_other_level!r}"
            )


def as_checkpoint(checkpoint: Checkpoint | str | os.PathLike[str] | None) -> Checkpoint | None:
    """Return the Checkpoint that the argument of that name asks for."""
    if checkpoint is None or isinstance(checkpoint, Checkpoint):
        return checkpoint
    return Checkpoint(validate.path("checkpoint", checkpoint))
