"""``make validate``: every simulation that has an exact value beside it, as a table of z-scores.

Exits non-zero if a value is further off than three standard errors and the measured bias, or a
z-score (bias taken out) is above 4.2: with about 100 rows that happens by chance in 0.3 % of seeds.
"""

from __future__ import annotations

import sys
import time

import oracle

import noisync as ns

DIMS = (4, 8, 32)
SIGMAS = (0.0, 0.1)
WORST = 4.2


def rows():
    for activation in oracle.ACTIVATIONS:
        for dim in DIMS:
            for law in ("gaussian", "mlp"):
                yield oracle.pair_row(law, activation, dim)
                yield oracle.system_row(law, activation, dim)
    for activation in oracle.ACTIVATIONS:
        for dim in (5, 64):
            for sigma in SIGMAS:
                yield from oracle.lyapunov_rows(activation, dim, sigma, precision=0.02)
    for activation in ("sigmoid", "relu"):
        yield from oracle.lyapunov_rows(activation, 5, 0.1, precision=0.02, law="mlp")


def slopes_in_tokens():
    """Print the slopes that are −1 by theory, in N, L and m; return those that are off.

    Within the interval and 0.05 more, as those of depth and width.
    """
    chaos = ns.studies.propagation_of_chaos(growth_horizon=0.0)
    limits = ns.studies.commuting_limits(width_tokens=(8, 32, 128))
    slopes = {"covariance given the noise": chaos.slope_conditional[0]}
    for k, dim in enumerate(chaos.dim.to_numpy()):
        slopes[f"coupling, d = {dim}"] = chaos.slope_coupling[k].sel(over="sup")
        for order in chaos.order.to_numpy():
            slopes[f"Sobolev, s = {order:g}, d = {dim}"] = chaos.slope_sobolev[k].sel(
                over="sup", order=order
            )
    slopes |= {"N": limits.slope_tokens, "L": limits.slope_depth}
    for n, slope in zip(limits.width_token.to_numpy(), limits.slope_width[0], strict=True):
        slopes[f"m, N = {n}"] = slope
    for name, slope in slopes.items():
        estimate, low, high = slope.to_numpy()
        print(f"slope, {name}: {estimate:.3f} [{low:.3f}, {high:.3f}], theorem -1")
        if not low - 0.05 <= -1 <= high + 0.05:
            yield f"slope, {name}"


def main() -> int:
    begin = time.perf_counter()
    print(f"{'':52} {'exact':>12} {'mean':>12} {'std. error':>11} {'bias':>10} {'z':>6}")
    failed, scores = [], []
    for row in rows():
        scores.append(row.z)
        bad = not row.agrees or abs(row.z) > WORST
        failed += [row.name] * bad
        print(
            f"{row.name:52} {row.exact:12.6g} {row.mean:12.6g} {row.error:11.2g} "
            f"{row.bias:10.2g} {row.z:6.2f}{'  <--' if bad else ''}",
            flush=True,
        )
    square = sum(z * z for z in scores) / len(scores)
    print(f"{len(scores)} rows, mean square of z {square:.2f} (1 expected)")
    data = ns.studies.depth_width()
    for what in ("depth", "width"):
        estimate, low, high = data[f"slope_{what}"].to_numpy()
        print(f"slope in {what}: {estimate:.3f} [{low:.3f}, {high:.3f}], theorem -1")
        if not low - 0.05 <= -1 <= high + 0.05:
            failed.append(f"slope in {what}")
    failed += list(slopes_in_tokens())
    print(f"{time.perf_counter() - begin:.0f} s")
    print(f"off: {', '.join(failed)}" if failed else "all agree")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
