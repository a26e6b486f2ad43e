"""Numerical experiments, each beside the theorem it tests; a study returns an xarray Dataset.

This is the one place where studies are listed: the command line and ``noisync.plot`` know them from
here.
"""

from __future__ import annotations

from noisync.run.resume import RESUMED
from noisync.studies.activations.plot import activation_rates as draw_activation_rates
from noisync.studies.activations.study import activation_rates
from noisync.studies.commuting_limits import report as limits_report
from noisync.studies.commuting_limits.plot import commuting_limits as draw_limits
from noisync.studies.commuting_limits.study import QUICK as LIMITS_QUICK
from noisync.studies.commuting_limits.study import commuting_limits
from noisync.studies.depth_width import report as depth_width_report
from noisync.studies.depth_width.plot import depth_width as draw_depth_width
from noisync.studies.depth_width.study import QUICK as DEPTH_WIDTH_QUICK
from noisync.studies.depth_width.study import depth_width
from noisync.studies.noise_kinds import report as kinds_report
from noisync.studies.noise_kinds.plot import noise_kinds as draw_kinds
from noisync.studies.noise_kinds.study import QUICK as KINDS_QUICK
from noisync.studies.noise_kinds.study import noise_kinds
from noisync.studies.propagation_of_chaos import report as chaos_report
from noisync.studies.propagation_of_chaos.design import LARGE as CHAOS_LARGE
from noisync.studies.propagation_of_chaos.design import QUICK as CHAOS_QUICK
from noisync.studies.propagation_of_chaos.plot import propagation_of_chaos as draw_chaos
from noisync.studies.propagation_of_chaos.plot_chaos import conditional_chaos, coupling_growth
from noisync.studies.propagation_of_chaos.study import cost as chaos_cost
from noisync.studies.propagation_of_chaos.study import propagation_of_chaos
from noisync.studies.study import Study
from noisync.studies.synchronization import report as synchronization_report
from noisync.studies.synchronization.plot import mean_energy, phase_diagram
from noisync.studies.synchronization.study import QUICK as SYNCHRONIZATION_QUICK
from noisync.studies.synchronization.study import synchronization
from noisync.studies.two_token_transition import report as transition_report
from noisync.studies.two_token_transition.plot import antipodal_groups
from noisync.studies.two_token_transition.plot import two_token_transition as draw_transition
from noisync.studies.two_token_transition.study import QUICK as TRANSITION_QUICK
from noisync.studies.two_token_transition.study import two_token_transition

__all__ = [
    "STUDIES",
    "Study",
    "activation_rates",
    "commuting_limits",
    "depth_width",
    "noise_kinds",
    "propagation_of_chaos",
    "synchronization",
    "two_token_transition",
]

#: The studies by the name that the command line has for them, and what draws them.
STUDIES = {
    "commuting-limits": Study(
        commuting_limits,
        LIMITS_QUICK,
        limits_report.report,
        {"commuting_limits": draw_limits},
    ),
    "depth-width": Study(
        depth_width,
        DEPTH_WIDTH_QUICK,
        depth_width_report.report,
        {"depth_width": draw_depth_width},
    ),
    "noise-kinds": Study(
        noise_kinds,
        KINDS_QUICK,
        kinds_report.report,
        {"noise_kinds": draw_kinds},
    ),
    "propagation-of-chaos": Study(
        propagation_of_chaos,
        CHAOS_QUICK,
        chaos_report.report,
        {
            "propagation_of_chaos": draw_chaos,
            "conditional_chaos": conditional_chaos,
            "coupling_growth": coupling_growth,
        },
        large=CHAOS_LARGE,
        cost=chaos_cost,
    ),
    "synchronization": Study(
        synchronization,
        SYNCHRONIZATION_QUICK,
        synchronization_report.report,
        {"mean_energy": mean_energy, "phase_diagram": phase_diagram},
    ),
    "two-token-transition": Study(
        two_token_transition,
        TRANSITION_QUICK,
        transition_report.report,
        {"two_token_transition": draw_transition, "antipodal_groups": antipodal_groups},
    ),
}

# A checkpoint of a study knows it by the name of its function.
RESUMED.update({f"study {study.run.__name__}": study.run for study in STUDIES.values()})
RESUMED["study activation_rates"] = lambda threads, **others: activation_rates(**others)

#: What draws a study, by the name that it has in ``noisync.plot``.
PICTURES = {
    "activation_rates": draw_activation_rates,
    **{name: draw for study in STUDIES.values() for name, draw in study.pictures.items()},
}
