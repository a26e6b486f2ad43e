// How a run ends before its last layer.
#include <doctest/doctest.h>

#include <chrono>
#include <functional>
#include <limits>
#include <stdexcept>
#include <thread>
#include <utility>
#include <vector>

#include "attention/exponential.hpp"
#include "configurations.hpp"
#include "noise/mlp.hpp"
#include "noisync/dynamics.hpp"
#include "recorder.hpp"

namespace {

using namespace noisync;
using reference::Recorder;

const Vector<double> kEighths = Vector<double>::Constant(8, 0.125);

// Attention whose update is whatever the test says; counts its calls.
class ScriptedAttention final : public Attention<double> {
   public:
    using Script = std::function<void(Index call, const Tokens<double>& x, Tokens<double>& out)>;
    explicit ScriptedAttention(Script script) : script_(std::move(script)) {}

    void evaluate(const Tokens<double>& x, const Vector<double>&, Tokens<double>& out,
                  Execution& execution) override {
        ++calls;
        execution.for_each(1, [&](Index, int) { script_(calls, x, out); });
    }

    void differentiate(const Tokens<double>&, const Vector<double>&, Index, const Matrix<double>&,
                       Matrix<double>&) override {
        FAIL("no tangents are carried along here");
    }

    Index calls = 0;

   private:
    Script script_;
};

class StopAtLayer final : public Watch {
   public:
    explicit StopAtLayer(Index layer) : layer_(layer) {}
    bool poll(Index layer) override { return layer >= layer_; }

   private:
    Index layer_;
};

}  // namespace

TEST_CASE("a token that cancels in the first layer has left the sphere") {
    ExponentialAttention config;
    config.beta = 0.0;
    config.value_scale = -1.0;
    const auto attention = attention_law(config)->evaluator<double>({});
    Tokens<double> x(1, 2);
    x << 0.6, 0.8;
    const Vector<double> weights = Vector<double>::Ones(1);
    Execution execution;
    Progress progress{-7, -7};
    Recorder<double> recorder({0, 1});
    try {
        run_layers<double>(x, {weights, attention.get()}, {1.0, 1}, {}, nullptr, {&recorder},
                           execution, progress);
        FAIL("the zero vector has no direction");
    } catch (const LeftSphere& error) {
        CHECK(error.layer() == 1);
        CHECK(error.token() == 0);
    }
    CHECK(progress.computed == 0);
    CHECK(progress.observed == 0);
    CHECK(recorder.slots == std::vector<Index>{0});
}

TEST_CASE("LeftSphere names the layer and the token") {
    ScriptedAttention attention([](Index call, const Tokens<double>& x, Tokens<double>& out) {
        out = Tokens<double>::Zero(x.rows(), x.cols());
        if (call == 4) {
            out(2, 1) = std::numeric_limits<double>::quiet_NaN();
            out(5, 0) = std::numeric_limits<double>::infinity();
        }
    });
    Tokens<double> x = reference::random_tokens<double>(8, 3, 64);
    Execution execution;
    Progress progress{-7, -7};
    Recorder<double> recorder({3, 4});
    try {
        run_layers<double>(x, {kEighths, &attention}, {1.0, 10}, {}, nullptr, {&recorder},
                           execution, progress);
        FAIL("a NaN has no direction");
    } catch (const LeftSphere& error) {
        CHECK(error.layer() == 4);
        CHECK(error.token() == 2);
    }
    CHECK(progress.computed == 3);
    CHECK(progress.observed == 3);
    CHECK(recorder.slots == std::vector<Index>{0});
}

TEST_CASE("an interruption leaves the progress at the last finished layer") {
    ScriptedAttention slow([](Index, const Tokens<double>& x, Tokens<double>& out) {
        out = x;
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
    });
    for (const int threads : {1, 2}) {
        CAPTURE(threads);
        StopAtLayer watch(4);
        Execution execution(threads, &watch);
        Tokens<double> x = reference::random_tokens<double>(8, 3, 65);
        Recorder<double> recorder(Schedule::regular(1, 1000));
        Progress progress{-7, -7};
        CHECK_THROWS_AS(run_layers<double>(x, {kEighths, &slow}, {1.0, 1000}, {}, nullptr,
                                           {&recorder}, execution, progress),
                        Interrupted);
        CHECK(progress.computed >= 3);
        CHECK(progress.computed < 100);
        CHECK(progress.observed == progress.computed);
        CHECK(progress.observed == recorder.slots.back());
    }
}

TEST_CASE("an observer that throws leaves the progress before its layer") {
    for (const Index failing_slot : {0, 2}) {
        CAPTURE(failing_slot);
        Recorder<double> recorder({0, 1, 3}, failing_slot);
        const auto noise = noise_law(Mlp{Activation::tanh, 40})->field<double>();
        Tokens<double> x = reference::random_tokens<double>(8, 3, 66);
        Execution execution;
        Progress progress{-7, -7};
        CHECK_THROWS_AS(run_layers<double>(x, {kEighths, nullptr, noise.get()}, {1.0, 5}, {},
                                           nullptr, {&recorder}, execution, progress),
                        std::domain_error);
        CHECK(progress.observed == (failing_slot == 0 ? -1 : 2));
        CHECK(progress.computed == progress.observed + 1);
    }
}
