"""``noisync theory``: rates that theory predicts for noise laws."""

from __future__ import annotations

import argparse
import json

import matplotlib as mpl

from noisync.errors import ArgumentError
from noisync.studies import activation_rates
from noisync.studies.activations.report import rankings, write_rankings
from noisync.theory.kernel import Kernel


def theory(options: argparse.Namespace) -> int:
    """Print the rates of one noise, or rank all activations by them."""
    if options.all:
        return _ranking(options)
    for name in ("activation", "dim"):
        if getattr(options, name) is None:
            raise ArgumentError(f"{name} must be given, or --all, got neither")
    for name in ("sigma", "out"):
        if getattr(options, name) is not None:
            raise ArgumentError(f"{name} belongs to --all, got it without")
    if len(options.dim) != 1:
        raise ArgumentError(f"dim must be one number without --all, got {options.dim}")
    kernel = Kernel(
        options.activation,
        options.dim[0],
        options.sigma_u,
        options.sigma_w,
        options.input_scale,
        options.output_scale,
    )
    rate = kernel.dissipation_rate(options.beta)
    if options.json:
        facts = {
            "activation": kernel.activation, "dim": kernel.dim, "sigma_u": kernel.sigma_u,
            "sigma_w": kernel.sigma_w, "input_scale": kernel.input_scale,
            "output_scale": kernel.output_scale, "variance": kernel.variance,
            "slope": kernel.slope, "lyapunov_exponent": kernel.lyapunov_exponent,
            "lyapunov_spectrum": kernel.lyapunov_spectrum.tolist(),
            "coercivity": kernel.coercivity, "beta": options.beta, "dissipation_rate": rate,
        }  # fmt: skip
        print(json.dumps(facts))
        return 0
    print(kernel)
    rows = [
        ("kappa(1)", kernel.variance, "variance of each component of the noise"),
        ("kappa'(1)", kernel.slope, ""),
        ("lambda_1", kernel.lyapunov_exponent, "top Lyapunov exponent of the noise alone"),
        ("lambda_min", float(kernel.lyapunov_spectrum[-1]), f"last of {kernel.dim - 1}"),
        ("lambda_bar", kernel.coercivity, "coercivity; mean energy decays if negative"),
        (f"lambda_bar'({options.beta:g})", rate, "rate of the bound on the mean energy"),
    ]
    for name, value, meaning in rows:
        print(f"  {name:<16} {value:+.10e}  {meaning}".rstrip())
    return 0


def _ranking(options: argparse.Namespace) -> int:
    if options.activation is not None:
        raise ArgumentError(f"activation goes without --all, got {options.activation!r}")
    chosen = {"dims": options.dim, "sigmas": options.sigma}
    data = activation_rates(**{name: value for name, value in chosen.items() if value is not None})
    if options.json:
        print(json.dumps(data.to_dict(), default=str))
        return 0
    if options.out is None:
        print(rankings(data))
        return 0
    mpl.use("agg")
    print(f"report: {write_rankings(data, options.out)}")
    return 0
