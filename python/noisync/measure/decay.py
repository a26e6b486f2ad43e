"""How fast an energy decays along a run."""

from __future__ import annotations

import numpy as np

from noisync.base.validate import FloatArray

#: The energy below which rounding, not the dynamics, decides (float64).
FLOOR = 1e-28


def measured_rate(time: FloatArray, energy: FloatArray) -> tuple[float, float, bool]:
    """Fit log E = rate·t and return (rate, duration of the fit, near one cluster).

    The fit takes the stretch where the energy is below a hundredth of its start and above rounding:
    there the tokens are one cluster and its exponents decide. Without such a stretch of at least
    ten states, it takes the second half of the run and says so.
    """
    resolved = energy > FLOOR
    near = (energy < 1e-2 * energy[0]) & resolved
    clustered = int(near.sum()) >= 10
    chosen = near if clustered else resolved & (time >= 0.5 * (time[0] + time[-1]))
    if chosen.sum() < 2:
        return float("nan"), 0.0, False
    slope = float(np.polyfit(time[chosen], np.log(energy[chosen]), 1)[0])
    return slope, float(np.ptp(time[chosen])), clustered
