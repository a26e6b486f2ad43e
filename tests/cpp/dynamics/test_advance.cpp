// From any state to any later layer, and on from wherever a run stopped.
#include <doctest/doctest.h>

#include <cmath>
#include <stdexcept>
#include <vector>

#include "base/sphere.hpp"
#include "runs.hpp"

namespace {

using namespace noisync;
using reference::Case;
using reference::kPath;
using reference::Parts;
using reference::Run;
using reference::started;

template <class Real>
void carry(Run<Real>& run, const Case& setting, Index last) {
    Parts<Real> parts(setting);
    Execution execution;
    run.advance(parts.system(), reference::step_of(setting), kPath, last, execution);
}

// Goes on to layer `last` and returns the layers that were seen; throws at `failing`.
std::vector<Index> layers_seen(Run<double>& run, Index last, Index failing = -1) {
    Parts<double> parts({});
    Layer<double> layer(parts.system(), reference::step_of({}), kPath);
    Execution execution;
    std::vector<Index> layers;
    const auto see = [&](const State<double>& state) {
        if (state.layer == failing) {
            throw std::domain_error("see");
        }
        layers.push_back(state.layer);
    };
    if (failing < 0) {
        advance(run.state, last, layer, run.seen, execution, see);
    } else {
        CHECK_THROWS_AS(advance(run.state, last, layer, run.seen, execution, see),
                        std::domain_error);
    }
    return layers;
}

}  // namespace

TEST_CASE_TEMPLATE("0 -> 7 is 0 -> 3 -> 7, bit for bit", Real, double, float) {
    for (const Case& setting : reference::cases()) {
        CAPTURE(reference::name(setting));
        Run<Real> whole = started<Real>(setting);
        const State<Real> start = whole.state;
        carry(whole, setting, 7);
        CHECK(whole.state.layer == 7);
        CHECK(whole.seen == 7);
        CHECK(whole.state.layers_summed_directly == (setting.with_attention ? 7 : 0));
        const bool moves = setting.with_attention || setting.with_noise;
        CHECK(moves == (reference::largest(whole.state.tokens - start.tokens) > Real(0.01)));
        Run<Real> split = started<Real>(setting);
        for (const Index last : {3, 3, 2, 7}) {
            carry(split, setting, last);
            CHECK(split.state.layer == (last == 7 ? 7 : 3));
            CHECK(split.seen == split.state.layer);
        }
        CHECK(reference::same_bits(split.state, whole.state));
    }
}

TEST_CASE("a run from the state of a layer, without what led to it, is the rest of the run") {
    for (const Case& setting : reference::cases()) {
        CAPTURE(reference::name(setting));
        Run<double> whole = started<double>(setting);
        carry(whole, setting, 4);
        Run<double> copy{whole.state};
        carry(whole, setting, 6);
        carry(copy, setting, 6);
        CHECK(reference::same_bits(copy.state, whole.state));
    }
}

TEST_CASE("the noise of a layer is that of its place in the path, wherever a run starts") {
    const Case setting{.with_attention = false, .span = 3};
    Run<double> moved = started<double>(setting);
    moved.state.layer = 5;
    Parts<double> parts(setting);
    Execution execution;
    moved.advance(parts.system(), reference::step_of(setting), kPath, 6, execution);
    const auto noise = noise_law(reference::noise_config())->field<double>();
    Run<double> run = started<double>(setting);
    Tokens<double> expected = run.state.tokens;
    const double scale = std::sqrt(reference::step_of(setting).thickness / 3);
    noise->add(run.state.tokens, parts.weights, {kPath.seed, kPath.replicate, 15, 3}, scale,
               expected, nullptr, execution);
    normalize_rows(expected, execution);
    CHECK(reference::same_bits(moved.state.tokens, expected));
}

TEST_CASE("every layer is seen once, the first and the last too") {
    Run<double> run = started<double>({});
    CHECK(layers_seen(run, 0) == std::vector<Index>{0});
    CHECK(layers_seen(run, 0).empty());
    CHECK(layers_seen(run, 3) == std::vector<Index>{1, 2, 3});
    CHECK(layers_seen(run, 2).empty());
    CHECK(layers_seen(run, 5) == std::vector<Index>{4, 5});
}

TEST_CASE("a state that was reached and not seen to the end is seen again on going on") {
    Run<double> whole = started<double>({});
    layers_seen(whole, 5);
    for (const Index failing : {0, 3, 5}) {
        CAPTURE(failing);
        Run<double> run = started<double>({});
        const std::vector<Index> before = layers_seen(run, 5, failing);
        CHECK(Index(before.size()) == failing);
        CHECK(run.state.layer == failing);
        CHECK(run.seen == failing - 1);
        const std::vector<Index> after = layers_seen(run, 5);
        CHECK(after.front() == failing);
        CHECK(Index(after.size()) == 6 - failing);
        CHECK(reference::same_bits(run.state, whole.state));
    }
}

TEST_CASE_TEMPLATE(
    "after a layer that failed a run stands before it, and goes on as if undisturbed", Real, double,
    float) {
    for (const Case& setting : reference::cases()) {
        if (!setting.with_attention && !setting.with_noise) {
            continue;
        }
        CAPTURE(reference::name(setting));
        Run<Real> whole = started<Real>(setting);
        // The second call from layer 3 on belongs to layer 5, of four stages a layer to layer 4.
        carry(whole, setting, setting.scheme == Scheme::rk4 ? 3 : 4);
        const State<Real> reached = whole.state;
        carry(whole, setting, 7);
        Run<Real> run = started<Real>(setting);
        carry(run, setting, 3);
        Parts<Real> parts(setting);
        parts.fail(reference::Failure::exception, setting.with_noise, 2);
        Execution execution;
        CHECK_THROWS_AS(
            run.advance(parts.system(), reference::step_of(setting), kPath, 7, execution),
            std::domain_error);
        CHECK(run.state.layer == reached.layer);
        CHECK(run.seen == reached.layer);
        CHECK(reference::same_bits(run.state, reached));
        carry(run, setting, 7);
        CHECK(run.seen == 7);
        CHECK(reference::same_bits(run.state, whole.state));
    }
}
