// A layer either carries the state on or leaves it as it was.
#include <doctest/doctest.h>

#include <optional>
#include <stdexcept>
#include <vector>

#include "runs.hpp"

namespace {

using namespace noisync;
using reference::Case;
using reference::Failure;
using reference::kPath;
using reference::Parts;
using reference::ScriptedAttention;
using reference::started;
using reference::step_of;

template <class Real>
void apply(Layer<Real>& layer, State<Real>& state, Index times) {
    Execution execution;
    for (Index k = 0; k < times; ++k) {
        layer.apply(state, execution);
    }
}

template <class Real>
void fail(Failure failure, Layer<Real>& layer, State<Real>& state) {
    reference::StopAtLayer always(0);
    Execution execution(1, failure == Failure::interruption ? &always : nullptr);
    switch (failure) {
        case Failure::exception:
            CHECK_THROWS_AS(layer.apply(state, execution), std::domain_error);
            break;
        case Failure::interruption:
            CHECK_THROWS_AS(layer.apply(state, execution), Interrupted);
            break;
        case Failure::lost_token:
            try {
                layer.apply(state, execution);
                FAIL("a NaN has no direction");
            } catch (const LeftSphere& lost) {
                CHECK(lost.layer() == state.layer + 1);
                CHECK(lost.token() == reference::kTangentToken);
            }
            break;
    }
}

// The number of layers summed directly after `layers` layers with an attention that falls back in
// the calls given.
Index summed_directly(Scheme scheme, const std::vector<bool>& falls_back, Index layers) {
    ScriptedAttention<double>* attention = nullptr;
    ScriptedAttention<double> scripted([&](Index call, Tokens<double>&, Execution&) {
        attention->falls_back = falls_back[std::size_t(call) - 1];
    });
    attention = &scripted;
    const Vector<double> weights = Vector<double>::Constant(5, 0.2);
    Layer<double> layer({weights, &scripted, nullptr, scheme}, {0.1}, kPath);
    State<double> state = reference::first_state(reference::random_tokens<double>(5, 3, 311));
    apply(layer, state, layers);
    CHECK(scripted.calls == Index(falls_back.size()));
    return state.layers_summed_directly;
}

}  // namespace

TEST_CASE_TEMPLATE("a layer that fails leaves every bit of the state, and can be applied again",
                   Real, double, float) {
    for (const Case& setting : reference::cases()) {
        CAPTURE(reference::name(setting));
        for (const bool noise : {false, true}) {
            if (noise ? !setting.with_noise : !setting.with_attention) {
                continue;
            }
            for (const Failure failure :
                 {Failure::exception, Failure::lost_token, Failure::interruption}) {
                CAPTURE(noise);
                CAPTURE(int(failure));
                Parts<Real> parts(setting);
                Layer<Real> layer(parts.system(), step_of(setting), kPath);
                State<Real> undisturbed = started<Real>(setting).state;
                apply(layer, undisturbed, 3);
                State<Real> state = undisturbed;
                apply(layer, undisturbed, 2);
                const State<Real> before = state;
                // With four stages a layer in the third of them.
                parts.fail(failure, noise, setting.scheme == Scheme::rk4 ? 3 : 1);
                fail(failure, layer, state);
                parts.fail(failure, noise, 0);
                CHECK(reference::same_bits(state, before));
                apply(layer, state, 2);
                CHECK(reference::same_bits(state, undisturbed));
            }
        }
    }
}

TEST_CASE("one layer object serves one state after another") {
    for (const Case& setting : reference::cases()) {
        CAPTURE(reference::name(setting));
        Parts<double> parts(setting);
        Layer<double> shared(parts.system(), step_of(setting), kPath);
        State<double> with_tangents = started<double>({.tangents = 3}).state;
        State<double> without = started<double>({}).state;
        if (setting.scheme != Scheme::rk4) {
            apply(shared, with_tangents, 2);
        }
        apply(shared, without, 2);
        Layer<double> own(parts.system(), step_of(setting), kPath);
        State<double> alone = started<double>({}).state;
        apply(own, alone, 2);
        CHECK(reference::same_bits(without, alone));
    }
}

TEST_CASE("layers whose attention fell back are counted, each once") {
    constexpr bool t = true;
    constexpr bool f = false;
    for (const Scheme scheme : {Scheme::layer, Scheme::euler}) {
        CHECK(summed_directly(scheme, {f, t, f, f, t, t, f}, 7) == 3);
        CHECK(summed_directly(scheme, {t, f}, 2) == 1);
        CHECK(summed_directly(scheme, {f, f}, 2) == 0);
    }
    CHECK(summed_directly(Scheme::rk4, {f, f, f, f, f, f, t, f, t, t, t, t, f, f, f, f}, 4) == 2);
    CHECK(summed_directly(Scheme::rk4, {t, f, f, f, f, f, f, f, f, f, f, t}, 3) == 2);
}

TEST_CASE("without attention no layer counts as summed directly") {
    Parts<double> parts({.with_attention = false});
    Layer<double> layer(parts.system(), step_of({}), kPath);
    State<double> state = started<double>({}).state;
    state.layers_summed_directly = 4;
    apply(layer, state, 3);
    CHECK(state.layers_summed_directly == 4);
}
