"""More layers for a run that has ended: the whole is one run over all of them, bit for bit."""

import numpy as np
import pytest
from test_checkpoint import LAW, MODEL, BreakdownError, Fragile, cases, model_of

import noisync as ns

OBSERVE = [
    ns.Energy((0.5, 2.0)), ns.Lyapunov(2), ns.Cosines(4, layers=3), ns.Clusters(0.3, layers=5),
    ns.Tokens("x", [0, 5]), ns.OrderParameters(layers=4),
]  # fmt: skip


def run(layers, *more, **options):
    options = {"seed": 3, "save": 4, "observe": [*OBSERVE, *more], **options}
    return ns.simulate(MODEL, LAW, horizon=0.25 * layers, layers=layers, **options)


@pytest.mark.parametrize("save", [None, 1, 4, [], [0, 6]])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize(("first", "second"), [(6, 6), (10, 3), (7, 6)])
def test_the_whole_is_one_run(save, dtype, first, second, tmp_path):
    options = {"save": save, "dtype": dtype, "replicate": 2, "weights": np.arange(7) / 21}
    part = run(first, **options)
    whole = run(first + second, **options)
    assert ns.extend(part, layers=second) == whole
    assert ns.extend(part, layers=second).origin == whole.origin
    part.save(tmp_path / "part.nc")
    assert ns.extend(ns.load(tmp_path / "part.nc"), layers=second, threads=2) == whole
    twice = ns.extend(ns.extend(part, layers=1), layers=second - 1)
    assert twice == whole


@pytest.mark.parametrize(("horizon", "first", "second"), [(1.0, 10, 7), (1.3, 13, 9), (0.7, 7, 4)])
def test_exponents_of_layers_of_any_thickness(horizon, first, second):
    """Also where Δ has no short binary fraction, and times by T/L would differ in the last bit."""
    options = {"seed": 3, "observe": [ns.Lyapunov(2)]}
    part = ns.simulate(MODEL, LAW, horizon=horizon, layers=first, **options)
    extended = ns.extend(part, layers=second)
    whole = ns.simulate(
        MODEL, LAW, horizon=extended.horizon, layers=first + second, **options
    )  # fmt: skip
    assert whole.thickness == part.thickness
    assert extended == whole


@pytest.mark.parametrize("case", cases()[::3], ids=lambda case: "-".join(map(str, case)))
def test_every_noise_and_attention(case):
    model = model_of(case)
    options = {"dtype": case.dtype, "scheme": case.scheme, "seed": 8, "observe": [ns.Energy(1.0)]}
    law = ns.sphere.Uniform(8, 4)
    part = ns.simulate(model, law, horizon=1.0, layers=8, **options)
    whole = ns.simulate(model, law, horizon=2.0, layers=16, **options)
    assert ns.extend(part, layers=8) == whole


def test_finer_noise_paths_and_the_noise_of_another_replicate():
    options = {"path_layers": 12, "noise_replicate": 9, "observe": []}
    part = run(6, **options)
    assert ns.extend(part, layers=6) == run(12, **{**options, "path_layers": 24})


def test_functions_are_given_again():
    part = run(6, Fragile())
    with pytest.raises(ns.ArgumentError, match="observe must give 'fragile' again"):
        ns.extend(part, layers=2)
    assert ns.extend(part, layers=2, observe=[Fragile()]) == run(8, Fragile())


@pytest.mark.parametrize("calls", [1, 2, 5, 9])
def test_a_run_that_was_stopped_goes_on_from_its_last_layer(calls):
    with pytest.raises(BreakdownError) as stopped:
        run(9, Fragile(calls))
    part = stopped.value.trajectory
    reached = part.state.layer
    assert reached == calls - 1
    whole = run(9, Fragile())
    assert ns.extend(part, layers=9 - reached, observe=[Fragile()]) == whole


def test_an_extension_has_checkpoints_too(tmp_path):
    part, path = run(6, Fragile()), tmp_path / "run.ckpt"
    whole = run(14, Fragile())
    for calls in (1, 4):
        with pytest.raises(BreakdownError):
            ns.extend(part, layers=8, observe=[Fragile(calls)], checkpoint=path)
    with pytest.raises(BreakdownError):
        ns.resume(path, observe=[Fragile(2)])
    with pytest.raises(ns.ArgumentError, match="of another call: layers is 8 there and 9 here"):
        ns.extend(part, layers=9, observe=[Fragile()], checkpoint=path)
    assert ns.resume(path, observe=[Fragile()]) == whole
    assert ns.extend(part, layers=8, observe=[Fragile(1)], checkpoint=path) == whole


def test_the_thickness_is_taken_over():
    """T / L is no number here that T' / L' gives again."""
    part = ns.simulate(MODEL, LAW, horizon=0.7, layers=3, save=[])
    more = ns.extend(part, layers=4)
    assert more.thickness == part.thickness == 0.7 / 3
    again = ns.extend(more, layers=4)
    assert again.thickness == part.thickness
    assert again == ns.extend(part, layers=8)
    assert again.horizon == pytest.approx(0.7 * 11 / 3, rel=1e-15)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"layers": 0}, "layers must be a positive integer, got 0"),
        ({"layers": 2**32}, "layers must be at most"),
        ({"layers": 1, "trajectory": 3}, "trajectory must be a Trajectory, got 3"),
        ({"layers": 1, "threads": 0}, "threads must be a positive integer"),
    ],
)
def test_bad_input(options, message):
    part = options.pop("trajectory", None) or run(6)
    with pytest.raises(ns.NoisyncError, match=message):
        ns.extend(part, **options)


def test_a_trajectory_that_lacks_what_its_schedule_says_is_refused():
    part = run(6)
    observed = {**part.observed, "energy": part.observed["energy"][::2]}
    values = {name: getattr(part, name) for name in part.__dataclass_fields__}
    thinned = ns.Trajectory(**{**values, "observed": observed})
    with pytest.raises(ns.ArgumentError, match="'energy' was not recorded at layer 1"):
        ns.extend(thinned, layers=2)
