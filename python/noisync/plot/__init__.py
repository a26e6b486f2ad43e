"""Pictures of runs and studies. Functions take ``ax=None`` and return the matplotlib Axes."""

from noisync.plot._animate import animate
from noisync.plot._budget import budget
from noisync.plot._cosines import cosines
from noisync.plot._depth_width import depth_width
from noisync.plot._energy import energy
from noisync.plot._style import style
from noisync.plot._synchronization import activation_rates, mean_energy, phase_diagram
from noisync.plot._tokens import leading_plane, snapshots, tokens

__all__ = [
    "activation_rates",
    "animate",
    "budget",
    "cosines",
    "depth_width",
    "energy",
    "leading_plane",
    "mean_energy",
    "phase_diagram",
    "snapshots",
    "style",
    "tokens",
]
