// How a run ends before its last layer.
#include <doctest/doctest.h>

#include <limits>
#include <stdexcept>
#include <vector>

#include "attention/exponential.hpp"
#include "configurations.hpp"
#include "noise/mlp.hpp"
#include "recorder.hpp"
#include "scripted.hpp"
#include "states.hpp"

namespace {

using namespace noisync;
using reference::Recorder;
using reference::ScriptedAttention;

const Vector<double> kEighths = Vector<double>::Constant(8, 0.125);

reference::Run<double> run_of_eight(unsigned seed) {
    return {reference::first_state(reference::random_tokens<double>(8, 3, seed))};
}

}  // namespace

TEST_CASE("a token that cancels in the first layer has left the sphere") {
    ExponentialAttention config;
    config.beta = 0.0;
    config.value_scale = -1.0;
    const auto attention = attention_law(config)->evaluator<double>({});
    Tokens<double> x(1, 2);
    x << 0.6, 0.8;
    reference::Run<double> run{reference::first_state(x)};
    const Vector<double> weights = Vector<double>::Ones(1);
    Execution execution;
    Recorder<double> recorder({0, 1});
    try {
        run.advance({weights, attention.get()}, {1.0}, {}, 1, execution, {{}, {recorder.record()}});
        FAIL("the zero vector has no direction");
    } catch (const LeftSphere& error) {
        CHECK(error.layer() == 1);
        CHECK(error.token() == 0);
    }
    CHECK(run.state.layer == 0);
    CHECK(run.seen == 0);
    CHECK(reference::same_bits(run.state.tokens, x));
    CHECK(recorder.slots == std::vector<Index>{0});
}

TEST_CASE("LeftSphere names the layer and the token") {
    ScriptedAttention<double> attention([](Index call, Tokens<double>& out, Execution&) {
        if (call == 4) {
            out(2, 1) = std::numeric_limits<double>::quiet_NaN();
            out(5, 0) = std::numeric_limits<double>::infinity();
        }
    });
    reference::Run<double> run = run_of_eight(64);
    Execution execution;
    Recorder<double> recorder({3, 4});
    try {
        run.advance({kEighths, &attention}, {0.1}, {}, 10, execution, {{}, {recorder.record()}});
        FAIL("a NaN has no direction");
    } catch (const LeftSphere& error) {
        CHECK(error.layer() == 4);
        CHECK(error.token() == 2);
    }
    CHECK(run.state.layer == 3);
    CHECK(run.seen == 3);
    CHECK(recorder.slots == std::vector<Index>{0});
}

TEST_CASE("an interruption leaves the run at the last finished layer") {
    for (const int threads : {1, 2}) {
        CAPTURE(threads);
        ScriptedAttention<double> attention([](Index call, Tokens<double>&, Execution& execution) {
            if (call == 5) {
                reference::work_until_interrupted(execution);
            }
        });
        reference::StopAtLayer watch(4);
        Execution execution(threads, &watch);
        reference::Run<double> run = run_of_eight(65);
        Recorder<double> recorder(Schedule::regular(1, 1000));
        CHECK_THROWS_AS(run.advance({kEighths, &attention}, {0.001}, {}, 1000, execution,
                                    {{}, {recorder.record()}}),
                        Interrupted);
        CHECK(run.state.layer == 4);
        CHECK(run.seen == 4);
        CHECK(recorder.slots == std::vector<Index>{0, 1, 2, 3, 4});
    }
}

TEST_CASE("a call that throws leaves the run before its layer was seen") {
    for (const Index failing_slot : {0, 2}) {
        CAPTURE(failing_slot);
        Recorder<double> recorder({0, 1, 3}, failing_slot);
        const auto noise = noise_law(Mlp{Activation::tanh, 40})->field<double>();
        reference::Run<double> run = run_of_eight(66);
        Execution execution;
        CHECK_THROWS_AS(run.advance({kEighths, nullptr, noise.get()}, {0.2}, {}, 5, execution,
                                    {{}, {recorder.record()}}),
                        std::domain_error);
        CHECK(run.seen == (failing_slot == 0 ? -1 : 2));
        CHECK(run.state.layer == run.seen + 1);
    }
}
