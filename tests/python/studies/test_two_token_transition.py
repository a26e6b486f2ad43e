"""Where tokens end under random value matrices: how it is counted, and beside theory."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from scipy import stats

import noisync as ns
from noisync.cli import main
from noisync.studies.two_token_transition.agreement import (
    exact_bounds,
    largest_allowed,
    z_scores,
)
from noisync.studies.two_token_transition.cells import leaving
from noisync.studies.two_token_transition.ends import ends
from noisync.studies.two_token_transition.report import agreement

TINY = {
    "dims": (3, 6), "betas": (0.5, 2.5), "replicates": 120, "horizon": 30.0, "thickness": 0.2,
    "tokens": (2, 5), "group_dims": (3,), "group_betas": (2.0,), "group_replicates": 30,
    "threads": 1,
}  # fmt: skip


@pytest.fixture(scope="module")
def tiny():
    return ns.studies.two_token_transition(**TINY)


def test_ends_of_known_runs():
    """One point, antipodes, a pair that is not there yet, and unequal groups off one line."""
    x, y = np.eye(3)[:2]
    near = np.array([1.0, 1e-6, 0.0])  # 1 − u = 5e-13
    off = ns.sphere.normalize(np.array([1.0, 0.01, 0.0]))
    runs = np.array(
        [
            [[x, y, x, y], [x, x, x, near]],
            [[x, -x, x, -near], [x, -near, x, -x]],
            [[x, x, x, x], [x, x, x, off]],
            [[x, y, x, y], [x, y, x, x]],
        ]
    )
    found = ends(np.array([0.0, 2.0]), runs)
    assert found.settled.tolist() == [True, True, False, False]
    assert found.antipodal.tolist() == [False, True, False, False]
    assert found.arrival.tolist() == [2.0, 0.0, np.inf, np.inf]
    assert found.groups.tolist() == [1, 2, 1, 2]
    assert found.smaller.tolist() == [0, 2, 0, 1]
    assert found.counts.tolist() == [1, 1, 2]


def test_bounds_are_those_of_the_binomial_test():
    counts = np.array([[0, 20, 0], [20, 0, 0], [13, 7, 0], [10, 7, 3]])
    low, high = exact_bounds(counts)
    for k, successes in enumerate((20, 0, 7)):
        expected = stats.binomtest(successes, 20).proportion_ci(0.95, "exact")
        assert (low[k], high[k]) == pytest.approx((expected.low, expected.high), abs=1e-12)
    assert low[3] == low[2]  # the undecided may all have ended at one point,
    most = stats.binomtest(10, 20).proportion_ci(0.95, "exact").high
    assert high[3] == pytest.approx(most)  # or all as antipodes
    assert exact_bounds(counts, leaving=0.25)[0] == pytest.approx(0.75 * low)


def test_cells_of_no_score():
    """Too few at an end, undecided ones, and antipodes that may still leave."""
    counts = np.array([[100, 100, 0], [195, 5, 0], [150, 40, 10], [100, 100, 0]])
    z = z_scores(
        np.array([0.5, 0.03, 0.2, 0.5]), np.full(4, 0.04), np.array([0.42, 0.1, 0.2, 0.5]), counts,
        np.array([0.0, 0.0, 0.0, 0.1]),
    )  # fmt: skip
    assert z[0] == pytest.approx(2.0)
    assert np.isnan(z[1:]).all()
    assert largest_allowed(10) == pytest.approx(stats.norm.isf(5e-5))


def test_antipodes_leave_rarely_away_from_the_line():
    assert leaving(3, 2.0) < 1e-4
    assert leaving(6, 1.05) > 0.1  # β_c = 1.03
    assert leaving(6, 1.0) == 1.0


def test_pairs_agree_with_theory(tiny):
    """Two tests of one in 1000 each; shifted by 0.15 theory fails both kinds."""
    passed, words = agreement(tiny)
    assert passed, words
    assert np.isfinite(tiny.z.sel(beta=2.5)).any()
    assert np.isnan(tiny.z.sel(dim=6, beta=0.5))
    assert tiny.exact.sel(dim=6, beta=0.5) == 0
    shifted = tiny.assign(exact=tiny.exact + 0.15, z=tiny.z - 0.15 / tiny.error)
    assert not agreement(shifted)[0]
    other = tiny.assign(exact=tiny.exact + 0.15)
    assert not agreement(other)[0]  # by the exact bounds alone


def test_what_is_counted(tiny):
    assert np.all(tiny.ended.sum("end") == 120)
    assert np.all(tiny.group_ended.sum("end") == 30)
    assert np.all(tiny.groups.sum("count") == 30)
    assert tiny.critical_beta.to_numpy().tolist() == [0.0, ns.two_token.critical_beta(6)]
    five = tiny.sel(tokens=5, group_dim=3, group_beta=2.0)
    assert five.group_ended.sel(end="two antipodes") == 0  # an odd number has no equal halves
    assert five.group_size.sum() == five.groups.sel(count=2)
    assert five.group_size[0] == 0


def test_unequal_antipodal_groups_part():
    """Two of three tokens at x, one at −x: they do not stay on the line, two and two do."""
    model = ns.Model(3, noise=ns.ValueNoise(1.0))
    x = np.eye(3)[0]
    for tokens, stay in (([x, -x], True), ([x, x, -x, -x], True), ([x, x, -x], False)):
        run = ns.simulate(model, np.array(tokens), horizon=1.0, layers=100, seed=1)
        last = run.tokens[-1]
        assert bool(abs(last[0] @ last[-1]) > 1 - 1e-12) is stay


def test_results_do_not_depend_on_threads(tiny):
    assert tiny.identical(ns.studies.two_token_transition(**(TINY | {"threads": 2})))


def test_pictures_take_axes_and_return_them(tiny):
    for name, count in (("two_token_transition", 2), ("antipodal_groups", 3)):
        draw = getattr(ns.plot, name)
        _, panels = plt.subplots(1, count)
        assert draw(tiny, ax=panels) == tuple(panels)
        assert len(draw(tiny)) == count
        with pytest.raises(ns.ArgumentTypeError, match="ax must be"):
            draw(tiny, ax=panels[:1])
        with pytest.raises(
            ns.ArgumentError, match=r"must come from ns\.studies\.two_token_transition"
        ):
            draw(tiny[["critical_beta"]])
        plt.close("all")


def test_the_command_writes_everything(tmp_path, capsys):
    config = tmp_path / "study.toml"
    config.write_text(
        "dims = [3]\nbetas = [1.0, 2.0]\nreplicates = 20\nhorizon = 5.0\nthickness = 0.5\n"
        "tokens = [2, 4]\ngroup_dims = [3]\ngroup_betas = [2.0]\ngroup_replicates = 4\n"
    )
    out = tmp_path / "out"
    assert main(["study", "two-token-transition", str(config), "--out", str(out)]) == 0
    assert "one point / antipodes / undecided" in capsys.readouterr().out
    assert "The pairs agree with theory" in (out / "two-token-transition.md").read_text()
    for name in ("two-token-transition.png", "antipodal-groups.png", "two-token-transition.nc"):
        assert (out / name).stat().st_size > 100
    assert len((out / "two-token-transition.csv").read_text().splitlines()) == 3


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"dims": (2, 3)}, "dims must be an integer of at least 3, got 2"),
        ({"group_dims": (2,)}, "group_dims must be an integer of at least 3, got 2"),
        ({"dims": ()}, r"dims must be one or more increasing integers, got \(\)"),
        ({"betas": (1.0, 1.0)}, "betas must be one or more increasing numbers"),
        ({"betas": (0.0,)}, "betas must be a positive number, got 0"),
        ({"tokens": (1, 2)}, "tokens must be an integer of at least 2, got 1"),
        ({"cosine": 1.0}, "cosine must lie between -1 and 1, got 1"),
        ({"replicates": 1}, "replicates must be an integer of at least 2, got 1"),
        ({"horizon": 0.0}, "horizon must be a positive number, got 0"),
    ],
)
def test_bad_input(options, message):
    with pytest.raises(ns.NoisyncError, match=message):
        ns.studies.two_token_transition(**(TINY | options))
