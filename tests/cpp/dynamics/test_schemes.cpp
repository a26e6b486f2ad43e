// The schemes other than the layer of the transformer, and layers over several noise increments.
#include <doctest/doctest.h>

#include <cmath>
#include <utility>
#include <vector>

#include "attention/exponential.hpp"
#include "fields.hpp"
#include "kernels.hpp"
#include "noise/features.hpp"
#include "noise/harmonics.hpp"
#include "noise/mlp.hpp"
#include "recorder.hpp"
#include "reference_noise.hpp"
#include "states.hpp"

namespace {

using namespace noisync;
using reference::largest;
using reference::Long;
using reference::LongMatrix;
using reference::LongVector;
using reference::Recorder;

constexpr Path kPath{0x1357924680abcdefU, 8};

ExponentialAttention attention_config() {
    ExponentialAttention config;
    config.beta = 3.0;
    config.value = reference::random_matrix(3, 3, 171);
    return config;
}

// So many layers.
struct Depth {
    Step step;
    Index layers = 1;
};

// The end of a run of 12 tokens in dimension 3.
template <class Real>
Tokens<Real> end(Scheme scheme, const Depth& depth, const SharedAttentionLaw& attention,
                 const SharedNoiseLaw& noise, std::vector<CallRecord<Real>> calls = {}) {
    reference::Run<Real> run{reference::first_state(reference::random_tokens<Real>(12, 3, 172))};
    const Vector<Real> weights = reference::random_weights<Real>(12, false, 173);
    const auto drift = attention ? attention->evaluator<Real>({}) : nullptr;
    const auto field = noise ? noise->field<Real>() : nullptr;
    Execution execution;
    run.advance({weights, drift.get(), field.get(), scheme}, depth.step, kPath, depth.layers,
                execution, {{}, std::move(calls)});
    CHECK(run.state.layer == depth.layers);
    return run.state.tokens;
}

LongMatrix start() {
    return reference::random_tokens<double>(12, 3, 172).cast<Long>();
}

// Attn_X(X) of the unit rows under x.
LongMatrix attention_at(LongMatrix x, const ExponentialAttention& config) {
    reference::normalize_rows(x);
    const LongVector weights = reference::random_weights<double>(12, false, 173).cast<Long>();
    return reference::attention(x, weights, config).value;
}

// x' = P Attn, by the classical method of order 4 for v -> f(v / |v|).
LongMatrix slow_runge_kutta(LongMatrix x, Long step, Index steps,
                            const ExponentialAttention& config) {
    const auto f = [&](LongMatrix v) -> LongMatrix {
        const LongMatrix drift = attention_at(v, config);
        reference::normalize_rows(v);
        return drift - (drift.cwiseProduct(v)).rowwise().sum().asDiagonal() * v;
    };
    for (Index k = 0; k < steps; ++k) {
        const LongMatrix k1 = f(x);
        const LongMatrix k2 = f(x + step / 2 * k1);
        const LongMatrix k3 = f(x + step / 2 * k2);
        const LongMatrix k4 = f(x + step * k3);
        x += step / 6 * (k1 + 2 * k2 + 2 * k3 + k4);
        reference::normalize_rows(x);
    }
    return x;
}

}  // namespace

TEST_CASE("an Euler step adds attention and noise at the same state") {
    const SharedAttentionLaw attention = attention_law(attention_config());
    const Mlp mlp{Activation::tanh, 200, 0.5, 0.25};
    const SharedNoiseLaw noise = noise_law(mlp);
    for (const bool with_attention : {true, false}) {
        for (const bool with_noise : {true, false}) {
            CAPTURE(with_attention);
            CAPTURE(with_noise);
            const Long step = 0.2L;
            LongMatrix x = start();
            for (std::uint32_t layer = 0; layer < 3; ++layer) {
                LongMatrix next = x;
                if (with_attention) {
                    next += step * attention_at(x, attention_config());
                }
                if (with_noise) {
                    next += std::sqrt(step) *
                            reference::mlp(x, mlp, {kPath.seed, kPath.replicate, layer}).value;
                }
                x = next;
                reference::normalize_rows(x);
            }
            const Tokens<double> run =
                end<double>(Scheme::euler, {{0.2}, 3}, with_attention ? attention : nullptr,
                            with_noise ? noise : nullptr);
            CHECK(largest(run.cast<Long>() - x) < 100 * reference::kRoundoff<double>);
        }
    }
}

TEST_CASE_TEMPLATE("Runge-Kutta steps are those of the formula", Real, double, float) {
    const SharedAttentionLaw attention = attention_law(attention_config());
    const LongMatrix expected = slow_runge_kutta(start(), 0.25L, 4, attention_config());
    const Tokens<Real> run = end<Real>(Scheme::rk4, {{0.25}, 4}, attention, nullptr);
    CHECK(largest(run.template cast<Long>() - expected) < 100 * reference::kRoundoff<Real>);
    CHECK(largest(expected - start()) > 0.1L);
}

TEST_CASE("Runge-Kutta has order 4 and the limit of the other schemes") {
    const SharedAttentionLaw attention = attention_law(attention_config());
    const auto run = [&](Scheme scheme, Index layers) {
        return end<double>(scheme, {{1.0 / double(layers)}, layers}, attention, nullptr);
    };
    const Tokens<double> limit = run(Scheme::rk4, 2000);
    const double coarse = largest(run(Scheme::rk4, 20) - limit);
    const double fine = largest(run(Scheme::rk4, 40) - limit);
    CAPTURE(coarse);
    CAPTURE(fine);
    CHECK(fine > 1e-12);
    CHECK(coarse / fine > 13);
    CHECK(coarse / fine < 19);
    // The layer is Euler's method: its error, halved by halving, extrapolates to the same limit.
    const Tokens<double> extrapolated = 2 * run(Scheme::layer, 4000) - run(Scheme::layer, 2000);
    CHECK(largest(extrapolated - limit) < 1e-5);
    CHECK(largest(run(Scheme::layer, 2000) - limit) > 1e-5);
}

TEST_CASE("equal angles without temperature: (1 - r) / ((N - 1) r + 1) decays as e^{-2t}") {
    // Orthogonal tokens, r = 0 at first; softmax attention with beta = 0.
    for (const Index n : {2, 4}) {
        CAPTURE(n);
        reference::Run<double> run{reference::first_state<double>(Tokens<double>::Identity(n, n))};
        const Vector<double> weights = Vector<double>::Constant(n, 1.0 / double(n));
        ExponentialAttention config;
        config.beta = 0;
        const auto attention = attention_law(config)->evaluator<double>({});
        Execution execution;
        run.advance({weights, attention.get(), nullptr, Scheme::rk4}, {1.5 / 300}, kPath, 300,
                    execution);
        const Tokens<double>& x = run.state.tokens;
        const double r = x.row(0).dot(x.row(1));
        CHECK(std::abs((1 - r) / (double(n - 1) * r + 1) - std::exp(-3.0)) < 1e-9);
    }
}

TEST_CASE("Runge-Kutta without attention stays where it is") {
    const Tokens<double> run = end<double>(Scheme::rk4, {{0.2}, 5}, nullptr, nullptr);
    CHECK(reference::same_bits(run, reference::random_tokens<double>(12, 3, 172)));
}

TEST_CASE("a coarse layer takes the sum of the fine increments at its own state") {
    constexpr Index kSpan = 3;
    constexpr Index kLayers = 4;
    const SharedAttentionLaw attention = attention_law(attention_config());
    const std::vector<SharedNoiseLaw> noises{
        noise_law(Mlp{Activation::tanh, 100, 0.5, 0.25}),
        noise_law(Features{Activation::gelu, 100, 0.5, 0.25}),
        noise_law(Harmonics{{0.5, 1.0, 0.25}}),
        noise_law(reference::exact(reference::relu_kernel(3)))};
    for (const Scheme scheme : {Scheme::layer, Scheme::euler}) {
        for (std::size_t i = 0; i < noises.size(); ++i) {
            const SharedNoiseLaw& noise = noises[i];
            CAPTURE(int(scheme));
            CAPTURE(i);
            const double step = 0.5;
            LongMatrix x = start();
            for (Index layer = 0; layer < kLayers; ++layer) {
                LongMatrix next = x + step * attention_at(x, attention_config());
                if (scheme == Scheme::layer) {
                    reference::normalize_rows(next);
                    x = next;
                }
                const Tokens<double> at = x.cast<double>();
                for (Index k = 0; k < kSpan; ++k) {
                    const LayerKey fine{kPath.seed, kPath.replicate,
                                        std::uint32_t(layer * kSpan + k)};
                    next += std::sqrt(Long(step) / kSpan) *
                            reference::field<double>(noise, at, fine).cast<Long>();
                }
                reference::normalize_rows(next);
                x = next;
            }
            const Tokens<double> run =
                end<double>(scheme, {{step, kSpan}, kLayers}, attention, noise);
            CHECK(largest(run.cast<Long>() - x) < 1e-12L);
        }
    }
}

TEST_CASE("calls see the layers of every scheme") {
    const SharedAttentionLaw attention = attention_law(attention_config());
    for (const Scheme scheme : {Scheme::layer, Scheme::euler, Scheme::rk4}) {
        CAPTURE(int(scheme));
        Recorder<double> recorder(Schedule::regular(3, 7));
        const Tokens<double> last =
            end<double>(scheme, {{0.1}, 7}, attention, nullptr, {recorder.record()});
        CHECK(recorder.slots == std::vector<Index>{0, 1, 2, 3});
        CHECK(
            reference::same_bits(recorder.states[0], reference::random_tokens<double>(12, 3, 172)));
        CHECK(reference::same_bits(recorder.states[2],
                                   end<double>(scheme, {{0.1}, 6}, attention, nullptr)));
        CHECK(reference::same_bits(recorder.states[3], last));
    }
}
