"""Pictures of runs. Every function takes ``ax=None`` and returns the matplotlib Axes."""

from noisync.plot._cosines import cosines
from noisync.plot._energy import energy
from noisync.plot._style import style
from noisync.plot._tokens import leading_plane, tokens

__all__ = ["cosines", "energy", "leading_plane", "style", "tokens"]
