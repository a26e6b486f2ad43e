"""The reproduction: the published table, and figures on a small scale."""

import csv
from dataclasses import replace

import numpy as np
import pytest
import xarray as xr

from noisync.cli import main
from noisync.measure.decay import measured_rate
from noisync.paper import figure1, grids, table, two_token
from noisync.paper.panel import Panel, end_state, theory


def test_all_published_numbers_agree(tmp_path):
    assert main(["reproduce", "table", "--out", str(tmp_path)]) == 0
    with (tmp_path / "table.csv").open() as lines:
        rows = list(csv.DictReader(lines))
    assert len(rows) == 24
    assert all(value == "True" for row in rows for key, value in row.items() if "agrees" in key)
    assert "All 96 numbers agree" in (tmp_path / "report-table.md").read_text()


def test_a_number_that_is_out_makes_the_command_fail(tmp_path, monkeypatch, capsys):
    rows = table.rows()
    rows[3] = replace(rows[3], published=("2.28e-02", "7.81e-03", "-4.81e-01", "-8.99e-01"))
    monkeypatch.setattr(table, "rows", lambda: rows)
    assert main(["reproduce", "table", "--out", str(tmp_path)]) == 1
    assert "not reproduced" in capsys.readouterr().err
    report = (tmp_path / "report-table.md").read_text()
    assert "1 of 96 numbers differ" in report
    assert report.count("✗") == 2


@pytest.mark.parametrize(
    ("published", "computed", "expected"),
    [
        ("1.00e-01", 0.1004999, True),
        ("1.00e-01", 0.1005001, False),
        ("-8.99e-01", -0.899375, True),
        ("7.81e-03", 0.0078125, True),
        ("7.82e-03", 0.0078125, False),
        ("1.00e-01", float("nan"), False),
    ],
)
def test_agreement_is_to_half_a_unit_of_the_last_digit(published, computed, expected):
    assert table.agrees(published, computed) is expected


@pytest.fixture
def small(monkeypatch):
    for name, value in {
        "DIMS": (5,), "TOKENS": 12, "LAYERS": 30, "WIDTH": 16, "REPLICATES": 2, "BINS": 10
    }.items():  # fmt: skip
        monkeypatch.setattr(grids, name, value)
    for name, value in {"TOKENS": 12, "LAYERS": 40, "WIDTH": 16, "REPLICATES": 2}.items():
        monkeypatch.setattr(figure1, name, value)


@pytest.mark.parametrize(("activation", "panels"), [("sigmoid", 6), ("tanh", 6), (None, 3)])
def test_a_grid(small, tmp_path, activation, panels):
    steps = []
    section = grids.grid(activation, tmp_path, lambda: steps.append(1))
    name = activation or "no-mlp"
    assert len(steps) == panels
    assert (tmp_path / f"{name}.png").stat().st_size > 10_000
    data = xr.load_dataset(tmp_path / f"{name}.nc")
    assert data.energy.sizes["panel"] == panels
    assert int(data.cosine_count.sum("cosine").min()) == 66
    assert section.body.count("what theory says") == 1
    assert section.body.count("\n| 5 |") == panels


def test_figure_1(small, tmp_path):
    section = figure1.figure1(tmp_path, lambda: None)
    assert (tmp_path / "figure1.png").stat().st_size > 10_000
    assert "ReLU" in section.body


def test_end_states():
    x = np.eye(3)[[0, 0, 0]]
    assert end_state(x).startswith("one cluster")
    x[1] *= -1
    assert end_state(x).startswith("antipodal pair")
    assert end_state(np.eye(3)).startswith("spread (cosines 0 to 0")
    assert end_state(np.eye(3)[:1]) == "one token"


def test_the_measured_rate_is_the_slope_near_one_cluster():
    time = np.linspace(0, 10, 201)
    energy = np.where(time < 2, 1.0, np.exp(-3 * (time - 2)))
    rate, duration, near = measured_rate(time, np.maximum(energy, 1e-31))
    assert rate == pytest.approx(-3)
    assert near
    assert duration == pytest.approx(10 - 2 - np.log(100) / 3, abs=0.1)
    rate, _, near = measured_rate(time, np.exp(-0.1 * time))
    assert rate == pytest.approx(-0.1)
    assert not near


def test_theory_of_a_panel_without_noise():
    rates = theory(Panel(None, 5, 0.0, 1.0, 1), 0.01)
    assert rates.cluster == -1.0
    assert rates.layered == pytest.approx(-np.log(1.01) / 0.01)
    assert rates.applies
    assert rates.bound == 0.0


@pytest.fixture
def few_pairs(monkeypatch):
    small = {
        "dims": (3,), "betas": (2.0,), "replicates": 60, "horizon": 20.0, "thickness": 0.2,
        "tokens": (2,), "group_dims": (3,), "group_betas": (2.0,), "group_replicates": 4, "seed": 1,
    }  # fmt: skip
    monkeypatch.setattr(two_token, "CONFIGURATION", small)


def test_two_tokens(tmp_path, few_pairs):
    assert main(["reproduce", "two-token", "--out", str(tmp_path)]) == 0
    report = (tmp_path / "report-two-token.md").read_text()
    assert "| 3 | 1 | 0.2224 | 0.222423 | 2e-05 |" in report
    assert "The pairs agree with theory" in report
    for name in ("two-token.png", "two-token-groups.png", "two-token.csv", "two-token.nc"):
        assert (tmp_path / name).stat().st_size > 100


def test_a_probability_that_is_out_makes_the_command_fail(tmp_path, few_pairs, monkeypatch):
    monkeypatch.setattr(two_token, "PUBLISHED", {(3, 1.0): "2.225e-01"})
    assert main(["reproduce", "two-token", "--out", str(tmp_path)]) == 1


def test_pairs_that_are_out_make_the_command_fail(tmp_path, few_pairs, monkeypatch):
    monkeypatch.setattr(two_token, "agreement", lambda data: (False, "they are out"))
    assert main(["reproduce", "two-token", "--out", str(tmp_path)]) == 1
    report = (tmp_path / "report-two-token.md").read_text()
    assert "**The pairs do not agree with theory:**" in report
