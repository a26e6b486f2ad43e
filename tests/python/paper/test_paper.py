"""The reproduction: the published table, and figures on a small scale."""

import csv
from dataclasses import replace

import numpy as np
import pytest
import xarray as xr

from noisync.cli import main
from noisync.measure.decay import measured_rate
from noisync.paper import figure1, grids, table
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
