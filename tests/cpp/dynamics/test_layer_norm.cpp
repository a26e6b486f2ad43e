// The six places of the normalisation, against their formulas in long double; vectors without
// direction.
#include <doctest/doctest.h>

#include <array>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "attention/exponential.hpp"
#include "base/sphere.hpp"
#include "noise/mlp.hpp"
#include "reference_noise.hpp"
#include "scripted.hpp"
#include "states.hpp"

namespace {

using namespace noisync;
using reference::largest;
using reference::Long;
using reference::LongMatrix;
using reference::LongVector;
using reference::ScriptedAttention;
using reference::ScriptedNoise;

constexpr Index kRows = 12;
constexpr Path kPath{0x1357924680abcdefU, 8};
constexpr std::array kPlacements{Placement::post, Placement::pre,  Placement::mix,
                                 Placement::peri, Placement::ngpt, Placement::sqrt};

LayerNorm norm_of(Placement placement) {
    return {placement, 2, 0.7};
}

ExponentialAttention attention_config() {
    ExponentialAttention config;
    config.beta = 3.0;
    config.value = reference::random_matrix(3, 3, 171);
    return config;
}

Mlp mlp() {
    return Mlp{{Activation::tanh, 40, 0.5, 0.25}};
}

// Directions and norms.
struct Plain {
    LongMatrix x;
    LongVector r;
};

LongVector lengths(const LongMatrix& rows) {
    return rows.rowwise().norm();
}

// What is added per unit time: A as the placement has it.
LongMatrix field(Placement placement, LongMatrix x, Long time, Long alpha) {
    reference::normalize_rows(x);
    const LongVector weights = reference::random_weights<double>(kRows, false, 173).cast<Long>();
    LongMatrix a = reference::attention(x, weights, attention_config()).value;
    const LongVector size = lengths(a);
    switch (placement) {
        case Placement::peri:
            return size.cwiseInverse().asDiagonal() * a;
        case Placement::ngpt:
            return alpha * (size.cwiseInverse().asDiagonal() * a);
        case Placement::sqrt:
            return a / std::sqrt(time + 1);
        default:
            return a;
    }
}

bool moves(Placement placement) {
    return placement == Placement::pre || placement == Placement::peri;
}

// y -> (y/|y|, |y|), the norm only where it moves.
void retract(Placement placement, const LongMatrix& y, Plain& state) {
    state.x = y;
    reference::normalize_rows(state.x);
    if (moves(placement)) {
        state.r = lengths(y);
    }
}

LongMatrix lifted(Placement placement, const Plain& state) {
    return moves(placement) ? LongMatrix(state.r.asDiagonal() * state.x) : state.x;
}

LongMatrix rk4_step(Placement placement, const LongMatrix& y, Long time, Long step, Long alpha) {
    const auto f = [&](LongMatrix at, Long t) -> LongMatrix {
        const LongMatrix a = field(placement, at, t, alpha);
        if (moves(placement)) {
            return a;
        }
        reference::normalize_rows(at);
        return a - a.cwiseProduct(at).rowwise().sum().asDiagonal() * at;
    };
    const LongMatrix k1 = f(y, time);
    const LongMatrix k2 = f(y + step / 2 * k1, time + step / 2);
    const LongMatrix k3 = f(y + step / 2 * k2, time + step / 2);
    const LongMatrix k4 = f(y + step * k3, time + step);
    return y + step / 6 * (k1 + 2 * k2 + 2 * k3 + k4);
}

Plain slow_run(const LayerNorm& norm, Scheme scheme, Plain state, Long step, Index layers,
               bool noise) {
    for (Index layer = 0; layer < layers; ++layer) {
        Placement at = norm.placement;
        if (at == Placement::mix) {
            at = layer < norm.switch_layer ? Placement::post : Placement::pre;
        }
        const Long time = step * layer;
        LongMatrix y = lifted(at, state);
        if (scheme == Scheme::rk4) {
            retract(at, rk4_step(at, y, time, step, norm.alpha), state);
            continue;
        }
        y += step * field(at, state.x, time, norm.alpha);
        if (noise) {
            const LayerKey key{kPath.seed, kPath.replicate, std::uint32_t(layer)};
            LongMatrix where = scheme == Scheme::euler ? state.x : y;
            reference::normalize_rows(where);
            if (scheme == Scheme::layer && !moves(at)) {
                y = where;
            }
            y += std::sqrt(step) * reference::mlp(where, mlp(), key).value;
        }
        retract(at, y, state);
    }
    return state;
}

template <class Real>
State<Real> run(const LayerNorm& norm, Scheme scheme, double step, Index layers, bool noise,
                int threads = 1) {
    State<Real> state = reference::first_state(reference::random_tokens<Real>(kRows, 3, 172));
    if (norm.keeps_norms()) {
        state.norms.setConstant(kRows, Real(1.5));
    }
    const Vector<Real> weights = reference::random_weights<Real>(kRows, false, 173);
    const auto attention = attention_law(attention_config())->evaluator<Real>({});
    const auto field = noise ? noise_law(mlp())->field<Real>() : nullptr;
    Layer<Real> layer({weights, attention.get(), field.get(), scheme, norm}, {step}, kPath);
    Execution execution(threads);
    for (Index k = 0; k < layers; ++k) {
        layer.apply(state, execution);
    }
    return state;
}

template <class Real>
void check(Placement placement, Scheme scheme, bool noise) {
    CAPTURE(int(placement));
    CAPTURE(int(scheme));
    const LayerNorm norm = norm_of(placement);
    const LongMatrix x = reference::random_tokens<double>(kRows, 3, 172).cast<Long>();
    const Plain expected =
        slow_run(norm, scheme, {x, LongVector::Constant(kRows, 1.5L)}, 0.25L, 5, noise);
    const State<Real> got = run<Real>(norm, scheme, 0.25, 5, noise);
    const Long bound = 150 * reference::kRoundoff<Real>;
    CHECK(largest(got.tokens.template cast<Long>() - expected.x) < bound);
    CHECK(largest(expected.x - x) > 0.1L);
    CHECK(got.norms.size() == (norm.keeps_norms() ? kRows : 0));
    if (norm.keeps_norms()) {
        CHECK(largest(got.norms.template cast<Long>() - expected.r) < 4 * bound);
        CHECK(largest(expected.r.array().matrix() - LongVector::Constant(kRows, 1.5L)) > 0.1L);
    }
    for (const int threads : {2, 4}) {
        const State<Real> shared = run<Real>(norm, scheme, 0.25, 5, noise, threads);
        CHECK(reference::same_bits(shared.tokens, got.tokens));
        CHECK(reference::same_bits(shared.norms, got.norms));
    }
}

// A layer of one token at e_1, or of as many as there are columns in `attended`, at which the
// attention gives these columns; whether it is lost.
template <class Real>
bool lost(const LayerNorm& norm, Scheme scheme, const Vector<Real>& attended,
          const Vector<Real>& noise = {}) {
    const Index d = attended.size();
    ScriptedAttention<Real> attention(
        [&](Index, Tokens<Real>& out, Execution&) { out.row(0) = attended.transpose(); });
    const auto nothing = noise_law(Mlp{{Activation::identity, 1, 0.0, 0.0}});
    ScriptedNoise<Real> added(
        [&](Index, Tokens<Real>& out, Execution&) { out.row(0) = noise.transpose(); },
        nothing->field<Real>());
    State<Real> state = reference::first_state<Real>(Tokens<Real>::Identity(1, d));
    if (norm.keeps_norms()) {
        state.norms.setOnes(1);
    }
    const State<Real> before = state;
    const Vector<Real> weights = Vector<Real>::Ones(1);
    Layer<Real> layer({weights, &attention, noise.size() > 0 ? &added : nullptr, scheme, norm},
                      {1.0}, kPath);
    Execution execution;
    try {
        layer.apply(state, execution);
    } catch (const LeftSphere& error) {
        CHECK(error.layer() == 1);
        CHECK(error.token() == 0);
        CHECK(reference::same_bits(state, before));
        return true;
    }
    return false;
}

}  // namespace

TEST_CASE_TEMPLATE("layers are those of the formula wherever the normalisation stands", Real,
                   double, float) {
    for (const Placement placement : kPlacements) {
        for (const Scheme scheme : {Scheme::layer, Scheme::euler, Scheme::rk4}) {
            check<Real>(placement, scheme, false);
        }
    }
    for (const Placement placement : {Placement::post, Placement::pre}) {
        for (const Scheme scheme : {Scheme::layer, Scheme::euler}) {
            check<Real>(placement, scheme, true);
        }
    }
}

TEST_CASE("Runge-Kutta has order 4 wherever the normalisation stands, layers the same limit") {
    for (const Placement placement : kPlacements) {
        CAPTURE(int(placement));
        const auto at_one = [&](Scheme scheme, Index layers) {
            const LayerNorm norm{placement, layers / 4, 0.7};
            return run<double>(norm, scheme, 1.0 / double(layers), layers, false).tokens;
        };
        const Tokens<double> limit = at_one(Scheme::rk4, 2000);
        const double ratio =
            largest(at_one(Scheme::rk4, 20) - limit) / largest(at_one(Scheme::rk4, 40) - limit);
        CAPTURE(ratio);
        CHECK(ratio > 12);
        CHECK(ratio < 20);
        const Tokens<double> extrapolated =
            2 * at_one(Scheme::layer, 4000) - at_one(Scheme::layer, 2000);
        CHECK(largest(extrapolated - limit) < 1e-5);
    }
}

TEST_CASE("placements by their names") {
    const std::vector<std::string> names{"post", "pre", "mix", "peri", "ngpt", "sqrt"};
    for (std::size_t i = 0; i < names.size(); ++i) {
        CHECK(placement_from_name(names[i]) == kPlacements[i]);
    }
    CHECK_FALSE(placement_from_name("Post"));
}

TEST_CASE_TEMPLATE("a sum that cancels has no direction, in any scheme", Real, double, float) {
    const Real limit = kCancelled<Real>;
    for (const Scheme scheme : {Scheme::layer, Scheme::euler}) {
        for (const Placement placement : {Placement::post, Placement::pre}) {
            Vector<Real> attended = Vector<Real>::Zero(3);
            attended << -1, 0, 0;
            CHECK(lost<Real>(norm_of(placement), scheme, attended));
            // Residues in another direction, on either side of the limit.
            attended(1) = Real(1.5) * limit;
            CHECK(lost<Real>(norm_of(placement), scheme, attended));
            attended(1) = Real(2.5) * limit;
            CHECK_FALSE(lost<Real>(norm_of(placement), scheme, attended));
            attended(1) = std::numeric_limits<Real>::quiet_NaN();
            CHECK(lost<Real>(norm_of(placement), scheme, attended));
            attended(1) = std::numeric_limits<Real>::infinity();
            CHECK(lost<Real>(norm_of(placement), scheme, attended));
        }
    }
}

TEST_CASE_TEMPLATE("the noise may be what cancels, and large terms one another", Real, double,
                   float) {
    const Real limit = kCancelled<Real>;
    const auto with = [](Real a, Real b) -> Vector<Real> { return Vector<Real>{{a, b, 0}}; };
    // Two half-steps: the token is at e_1, and what the noise leaves of the sum is given.
    CHECK(lost<Real>({}, Scheme::layer, with(1, 0), with(0, Real(1.5) * limit)));
    CHECK_FALSE(lost<Real>({}, Scheme::layer, with(1, 0), with(0, Real(2.5) * limit)));
    // e_1 + 999 e_1 + noise = a residue, beside terms of 1 + 999 + 1000.
    CHECK(lost<Real>({}, Scheme::euler, with(999, 0), with(0, Real(1500) * limit)));
    CHECK_FALSE(lost<Real>({}, Scheme::euler, with(999, 0), with(0, Real(2500) * limit)));
}

TEST_CASE_TEMPLATE("a token that attends to none stands still, another's |A| = 0 is an error", Real,
                   double, float) {
    class Blind final : public Attention<Real> {
       public:
        explicit Blind(bool sees) : sees_(sees) {}
        void evaluate(const Tokens<Real>& x, const Vector<Real>&, Tokens<Real>& out,
                      Execution&) override {
            out.setZero(x.rows(), x.cols());
            out(1, 1) = 3;
        }
        void differentiate(const Tokens<Real>&, const Vector<Real>&, Index, const Matrix<Real>&,
                           Matrix<Real>&) const override {}
        [[nodiscard]] bool sees(Index token) const override { return sees_ || token > 0; }

       private:
        bool sees_;
    };
    const Vector<Real> weights = Vector<Real>::Constant(2, Real(0.5));
    for (const Placement placement : {Placement::peri, Placement::ngpt}) {
        for (const Scheme scheme : {Scheme::layer, Scheme::rk4}) {
            State<Real> state = reference::first_state<Real>(Tokens<Real>::Identity(2, 2));
            const LayerNorm norm{placement};
            if (norm.keeps_norms()) {
                state.norms.setOnes(2);
            }
            Blind blind(false);
            Layer<Real> layer({weights, &blind, nullptr, scheme, norm}, {0.5}, kPath);
            Execution execution;
            layer.apply(state, execution);
            CHECK(reference::same_bits(state.tokens, Tokens<Real>(Tokens<Real>::Identity(2, 2))));
            if (norm.keeps_norms()) {
                CHECK(state.norms(0) == 1);
                CHECK(state.norms(1) == Real(1.5));
            }
            Blind seeing(true);
            Layer<Real> other({weights, &seeing, nullptr, scheme, norm}, {0.5}, kPath);
            CHECK_THROWS_AS(other.apply(state, execution), LeftSphere);
        }
    }
}

TEST_CASE_TEMPLATE("averages that cancel have no direction either", Real, double, float) {
    // Antipodes in pairs, each of which any number of roundings apart from cancelling.
    for (const Normalization normalization : {Normalization::softmax, Normalization::none}) {
        ExponentialAttention config;
        config.beta = 0;
        config.normalization = normalization;
        const auto attention = attention_law(config)->evaluator<Real>({});
        Tokens<Real> x(6, 3);
        x.topRows(3) = reference::random_tokens<Real>(3, 3, 177);
        x.bottomRows(3) = -x.topRows(3);
        const Vector<Real> weights = Vector<Real>::Constant(6, Real(1) / 6);
        for (const Placement placement : {Placement::peri, Placement::ngpt}) {
            State<Real> state = reference::first_state<Real>(x);
            state.norms.setOnes(placement == Placement::peri ? 6 : 0);
            Layer<Real> layer(
                {weights, attention.get(), nullptr, Scheme::layer, LayerNorm{placement}}, {0.1},
                kPath);
            Execution execution;
            CHECK_THROWS_AS(layer.apply(state, execution), LeftSphere);
        }
    }
}

TEST_CASE("without attention directions and norms stay") {
    for (const Placement placement : kPlacements) {
        State<double> state = reference::first_state(reference::random_tokens<double>(5, 3, 178));
        state.norms.setConstant(norm_of(placement).keeps_norms() ? 5 : 0, 1.7);
        const State<double> before = state;
        const Vector<double> weights = Vector<double>::Constant(5, 0.2);
        Layer<double> layer({weights, nullptr, nullptr, Scheme::layer, norm_of(placement)}, {0.1},
                            kPath);
        Execution execution;
        layer.apply(state, execution);
        CHECK(reference::same_bits(state.tokens, before.tokens));
        CHECK(reference::same_bits(state.norms, before.norms));
    }
}
