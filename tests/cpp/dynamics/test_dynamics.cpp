#include <doctest/doctest.h>

#include <utility>
#include <vector>

#include "attention/exponential.hpp"
#include "noise/mlp.hpp"
#include "recorder.hpp"
#include "reference_noise.hpp"
#include "states.hpp"

namespace {

using namespace noisync;
using reference::Long;
using reference::LongMatrix;
using reference::Recorder;

constexpr Path kPath{0x1122334455667788U, 5};

ExponentialAttention attention_config() {
    ExponentialAttention config;
    config.beta = 3.0;
    config.value = reference::random_matrix(3, 3, 61);
    return config;
}

// Wide enough for several tiles of neurons, between which no token may have moved.
const Mlp kMlp{Activation::tanh, 300, 0.5, 0.25};

struct Setup {
    Index rows = 20;
    double thickness = 0.1;
    Index layers = 7;
    bool with_attention = true;
    bool with_noise = true;
    int threads = 1;
};

template <class Real>
Tokens<Real> start(Index rows) {
    return reference::random_tokens<Real>(rows, 3, 62);
}

template <class Real>
Tokens<Real> run(const Setup& setup, std::vector<CallRecord<Real>> calls = {}) {
    reference::Run<Real> run{reference::first_state(start<Real>(setup.rows))};
    const Vector<Real> weights = reference::random_weights<Real>(setup.rows, false, 63);
    const auto attention = attention_law(attention_config())->evaluator<Real>({});
    const auto noise = noise_law(kMlp)->field<Real>();
    Execution execution(setup.threads);
    run.advance({weights, setup.with_attention ? attention.get() : nullptr,
                 setup.with_noise ? noise.get() : nullptr},
                {setup.thickness}, kPath, setup.layers, execution, {{}, std::move(calls)});
    CHECK(run.state.layer == setup.layers);
    CHECK(run.seen == setup.layers);
    return run.state.tokens;
}

// The states of all layers, from the two half-steps in long double.
template <class Real>
std::vector<LongMatrix> reference_states(const Setup& setup) {
    const Long step = setup.thickness;
    LongMatrix x = start<Real>(setup.rows).template cast<Long>();
    const reference::LongVector weights =
        reference::random_weights<Real>(setup.rows, false, 63).template cast<Long>();
    std::vector<LongMatrix> states{x};
    for (Index layer = 0; layer < setup.layers; ++layer) {
        if (setup.with_attention) {
            x += step * reference::attention(x, weights, attention_config()).value;
            reference::normalize_rows(x);
        }
        if (setup.with_noise) {
            const LayerKey key{kPath.seed, kPath.replicate, std::uint32_t(layer)};
            x += std::sqrt(step) * reference::mlp(x, kMlp, key).value;
            reference::normalize_rows(x);
        }
        states.push_back(x);
    }
    return states;
}

template <class Real>
Long distance(const Tokens<Real>& x, const LongMatrix& expected) {
    return (x.template cast<Long>() - expected).cwiseAbs().maxCoeff();
}

}  // namespace

TEST_CASE_TEMPLATE("the layers are the two half-steps, one after the other", Real, double, float) {
    for (const bool with_attention : {true, false}) {
        for (const bool with_noise : {true, false}) {
            for (const Index rows : {1, 20, 70}) {
                CAPTURE(with_attention);
                CAPTURE(with_noise);
                CAPTURE(rows);
                Setup setup{.rows = rows};
                setup.with_attention = with_attention;
                setup.with_noise = with_noise;
                // Errors of a layer are roundings, which seven layers of order-one slopes amplify.
                CHECK(distance<Real>(run<Real>(setup), reference_states<Real>(setup).back()) <=
                      100 * reference::kRoundoff<Real>);
            }
        }
    }
}

TEST_CASE("without attention and noise nothing moves") {
    const Setup still{.rows = 5, .with_attention = false, .with_noise = false};
    CHECK(reference::same_bits(run<double>(still), start<double>(5)));
}

TEST_CASE("calls see the layers of their schedules, in their slots") {
    const Setup setup;
    Recorder<double> some({0, 3, 7});
    Recorder<double> all(Schedule::regular(1, setup.layers));
    Recorder<double> beyond({2, 8, 9});
    Recorder<double> none(std::vector<Index>{});
    const Tokens<double> last =
        run<double>(setup, {some.record(), all.record(), beyond.record(), none.record()});
    const std::vector<LongMatrix> expected = reference_states<double>(setup);
    CHECK(some.slots == std::vector<Index>{0, 1, 2});
    CHECK(all.slots == std::vector<Index>{0, 1, 2, 3, 4, 5, 6, 7});
    CHECK(beyond.slots == std::vector<Index>{0});
    CHECK(none.slots.empty());
    REQUIRE(all.states.size() == 8);
    for (std::size_t layer = 0; layer < 8; ++layer) {
        CAPTURE(layer);
        CHECK(distance<double>(all.states[layer], expected[layer]) < 1e-14L);
    }
    CHECK(reference::same_bits(some.states[0], all.states[0]));
    CHECK(reference::same_bits(some.states[1], all.states[3]));
    CHECK(reference::same_bits(some.states[2], last));
    CHECK(reference::same_bits(beyond.states[0], all.states[2]));
    CHECK(reference::same_bits(last, run<double>(setup)));
}

TEST_CASE_TEMPLATE("the number of threads changes no bit", Real, double, float) {
    Setup setup{.rows = 300};
    const Tokens<Real> alone = run<Real>(setup);
    for (const int threads : {2, 4}) {
        setup.threads = threads;
        CHECK(reference::same_bits(alone, run<Real>(setup)));
    }
}
