// The derivative of attention at a test token, against differences of the formula in long double.
#include <doctest/doctest.h>

#include <algorithm>
#include <optional>
#include <vector>

#include "attention/exponential.hpp"
#include "fields.hpp"
#include "reference.hpp"

namespace {

using namespace noisync;
using reference::largest;
using reference::Long;
using reference::LongMatrix;
using reference::LongVector;

ExponentialAttention with_beta(double beta, Normalization normalization = Normalization::softmax) {
    ExponentialAttention config;
    config.beta = beta;
    config.normalization = normalization;
    return config;
}

ExponentialAttention with_matrices(Index h, Index d, Normalization normalization) {
    ExponentialAttention config;
    config.normalization = normalization;
    config.query = reference::random_matrix(h, d, 131);
    config.key = reference::random_matrix(h, d, 132);
    config.value = reference::random_matrix(d, d, 133);
    config.value_scale = -0.75;
    return config;
}

// Attn_X(at) for a test token in the place of `token`: one more, behind those that it sees, without
// weight.
LongMatrix at_test_token(const LongMatrix& x, const LongVector& weights, Index token,
                         const LongMatrix& at, ExponentialAttention config) {
    const Index count = config.mask ? config.mask->visible(token) : x.rows();
    LongMatrix all(count + 1, x.cols());
    all << x.topRows(count), at;
    LongVector all_weights(count + 1);
    all_weights << weights.head(count), 0;
    if (config.mask) {
        // The same decay from token to token; the one of all lags is no matter.
        config.mask->decay *= double(count + 1) / double(x.rows());
    }
    return reference::attention(all, all_weights, config).value.bottomRows(1);
}

template <class Real>
Matrix<Real> differentiate(const ExponentialAttention& config, const Tokens<Real>& x,
                           const Vector<Real>& weights, Index token, const Matrix<Real>& along) {
    Matrix<Real> out = Matrix<Real>::Constant(1, 1, Real(99));
    attention_law(config)->evaluator<Real>({})->differentiate(x, weights, token, along, out);
    return out;
}

// Largest error of the derivatives, relative to the size of the terms that add up to them.
template <class Real>
Long error(const ExponentialAttention& config, Index rows, Index d, Index token, bool zeros) {
    constexpr Long kStep = 1e-6L;
    const Tokens<Real> x = reference::random_tokens<Real>(rows, d, 134);
    const Vector<Real> weights = reference::random_weights<Real>(rows, zeros, 135);
    const Matrix<Real> along = reference::random_tangents<Real>(x, token, d, 136);
    const LongMatrix out =
        differentiate<Real>(config, x, weights, token, along).template cast<Long>();
    REQUIRE(out.rows() == d);
    REQUIRE(out.cols() == d);
    const LongMatrix points = x.template cast<Long>();
    const LongVector masses = weights.template cast<Long>();
    LongMatrix expected(d, d);
    for (Index k = 0; k < d; ++k) {
        const LongMatrix step = kStep * along.row(k).template cast<Long>();
        expected.row(k) = (at_test_token(points, masses, token, points.row(token) + step, config) -
                           at_test_token(points, masses, token, points.row(token) - step, config)) /
                          (2 * kStep);
    }
    const Long mass = reference::attention(points, masses, config).mass(token);
    const Long logits = config.query ? Long(config.query->norm()) * config.key->norm() +
                                           Long(config.penalty) * config.key->squaredNorm()
                                     : std::abs(config.beta);
    const Long values = std::abs(config.value_scale) * (config.value ? config.value->norm() : 1);
    CHECK(largest(expected) > 1e-8L * mass * logits * values);
    return largest(out - expected) / (mass * logits * values);
}

template <class Real>
constexpr Long kTolerance = 20 * reference::kRoundoff<Real> + 1e-10L;

}  // namespace

TEST_CASE_TEMPLATE("softmax and unnormalised attention with Q^T K = beta I", Real, double, float) {
    for (const double beta : {0.5, -2.0, 9.5}) {
        for (const Normalization normalization : {Normalization::softmax, Normalization::none}) {
            for (const Index rows : {2, 65, 130}) {
                CAPTURE(beta);
                CAPTURE(rows);
                ExponentialAttention config = with_beta(beta, normalization);
                CHECK(error<Real>(config, rows, 3, 0, false) <= kTolerance<Real>);
                CHECK(error<Real>(config, rows, 2, rows - 1, rows > 2) <= kTolerance<Real>);
                config.value_scale = -1.5;
                config.value = reference::random_matrix(5, 5, 137);
                CHECK(error<Real>(config, rows, 5, 1, rows > 2) <= kTolerance<Real>);
            }
        }
    }
}

TEST_CASE_TEMPLATE("attention with Q, K and V", Real, double, float) {
    for (const Normalization normalization : {Normalization::softmax, Normalization::none}) {
        for (const Index h : {1, 3, 5}) {
            CAPTURE(h);
            const ExponentialAttention config = with_matrices(h, 3, normalization);
            CHECK(error<Real>(config, 2, 3, 1, false) <= kTolerance<Real>);
            CHECK(error<Real>(config, 70, 3, 69, true) <= kTolerance<Real>);
        }
    }
}

TEST_CASE_TEMPLATE("attention by distances", Real, double, float) {
    for (const Index h : {1, 3, 5}) {
        CAPTURE(h);
        ExponentialAttention config = with_matrices(h, 3, Normalization::softmax);
        config.penalty = 0.5;
        CHECK(error<Real>(config, 2, 3, 1, false) <= kTolerance<Real>);
        CHECK(error<Real>(config, 70, 3, 69, true) <= kTolerance<Real>);
    }
}

TEST_CASE_TEMPLATE("attention under a causal mask", Real, double, float) {
    for (const bool include_self : {true, false}) {
        for (const double decay : {0.0, 2.0}) {
            for (const Normalization normalization :
                 {Normalization::softmax, Normalization::none}) {
                CAPTURE(include_self);
                CAPTURE(decay);
                ExponentialAttention config = with_beta(2, normalization);
                config.mask = Causal{include_self, decay};
                CHECK(error<Real>(config, 65, 3, 40, false) <= kTolerance<Real>);
                CHECK(error<Real>(config, 65, 2, 64, true) <= kTolerance<Real>);
                config = with_matrices(2, 3, normalization);
                config.mask = Causal{include_self, decay};
                CHECK(error<Real>(config, 70, 3, 35, true) <= kTolerance<Real>);
            }
        }
    }
}

TEST_CASE_TEMPLATE("at many tokens as at each", Real, double, float) {
    // In low dimension from second moments, in one pass; beyond token by token.
    std::vector<ExponentialAttention> configs;
    for (const Normalization normalization : {Normalization::softmax, Normalization::none}) {
        configs.push_back(with_beta(2, normalization));
        configs.push_back(with_matrices(2, 3, normalization));
    }
    configs.push_back(with_matrices(2, 3, Normalization::softmax));
    configs.back().penalty = 0.5;
    const Tokens<Real> x = reference::random_tokens<Real>(70, 3, 142);
    Vector<Real> weights = reference::random_weights<Real>(70, true, 143);
    weights.head(2).setZero();
    for (ExponentialAttention config : configs) {
        for (const std::optional<Causal>& mask :
             {std::optional<Causal>{}, std::optional<Causal>{{true, 2.0}},
              std::optional<Causal>{{false, 0.0}}}) {
            config.mask = mask;
            CAPTURE(config.query.has_value());
            CAPTURE(mask.has_value());
            const auto attention = attention_law(config)->template evaluator<Real>({});
            const Matrix<Real> along = reference::random_matrix(2 * 70, 3, 144).cast<Real>();
            const Derivatives<Real> at{0, 70, along, along};
            Execution execution(2);
            const Matrix<Real> all = attention->differentiate_at(x, weights, at, execution);
            REQUIRE(all.rows() == along.rows());
            Real size = 1;
            Real worst = 0;
            for (Index token = 0; token < 70; ++token) {
                Matrix<Real> one;
                attention->differentiate(x, weights, token, along.middleRows(2 * token, 2), one);
                size = std::max(size, one.cwiseAbs().maxCoeff());
                worst = std::max(worst,
                                 Real((all.middleRows(2 * token, 2) - one).cwiseAbs().maxCoeff()));
            }
            CHECK(worst <= 300 * Real(reference::kRoundoff<Real>) * size);
            CHECK((mask.has_value() ? all.topRows(4).isZero(0) : true));
        }
    }
}

TEST_CASE("a token that sees no weight has no derivative") {
    const Tokens<double> x = reference::random_tokens<double>(20, 3, 138);
    Vector<double> weights = Vector<double>::Constant(20, 1.0 / 17);
    weights.head(3).setZero();
    const Matrix<double> along = reference::random_tangents<double>(x, 2, 2, 139);
    for (const bool include_self : {true, false}) {
        for (const Normalization normalization : {Normalization::softmax, Normalization::none}) {
            ExponentialAttention config = with_beta(3, normalization);
            config.mask = Causal{include_self, 1.0};
            for (const Index token : {0, 2}) {
                const Matrix<double> out = differentiate<double>(config, x, weights, token, along);
                CHECK(out.rows() == 2);
                CHECK(out.cols() == 3);
                CHECK(out.isZero(0));
            }
        }
    }
}

TEST_CASE("where all weights are equal the derivative of softmax vanishes with beta") {
    const Tokens<double> x = reference::random_tokens<double>(20, 3, 138);
    const Vector<double> weights = Vector<double>::Constant(20, 0.05);
    const Matrix<double> along = reference::random_tangents<double>(x, 4, 2, 139);
    CHECK(differentiate<double>(with_beta(0), x, weights, 4, along).isZero(0));
    CHECK(differentiate<double>(with_beta(0, Normalization::none), x, weights, 4, along).isZero(0));
}

TEST_CASE_TEMPLATE("large logits, where the exponentials alone would overflow", Real, double,
                   float) {
    // Two tokens: the derivative beta p (1 - p) <v, x_0 - x_1> (x_0 - x_1) is far below 1.
    const Tokens<Real> x = reference::random_tokens<Real>(2, 3, 140);
    const Vector<Real> weights = Vector<Real>::Constant(2, Real(0.5));
    const Matrix<Real> along = reference::random_tangents<Real>(x, 0, 2, 141);
    for (const double beta : {1000.0, -1000.0}) {
        CAPTURE(beta);
        const Matrix<Real> out = differentiate<Real>(with_beta(beta), x, weights, 0, along);
        CHECK(out.allFinite());
        CHECK(largest(out) < Real(1e-3));
    }
}

TEST_CASE_TEMPLATE("a test token without weight listens to the others, however near itself", Real,
                   double, float) {
    // Its own logit, the largest by far, counts for nothing. The others are at equal cosines 0:
    // p = 1/2 each, and the derivative beta (<v, x_1> (x_1 - x_2) + <v, x_2> (x_2 - x_1)) / 4 ...
    Tokens<Real> x(3, 3);
    x << 0, 0, 1, 1, 0, 0, 0, 1, 0;
    Vector<Real> weights(3);
    weights << 0, Real(0.5), Real(0.5);
    Matrix<Real> along(1, 3);
    along << 1, 0, 0;
    for (const double beta : {1.0, 100.0, 1000.0, 10000.0}) {
        CAPTURE(beta);
        const Matrix<Real> out = differentiate<Real>(with_beta(beta), x, weights, 0, along);
        // ... along v = x_1: beta (x_1 - x_2) / 4.
        CHECK(std::abs(out(0, 0) - Real(beta / 4)) <= Real(beta) * reference::kRoundoff<Real>);
        CHECK(std::abs(out(0, 1) + Real(beta / 4)) <= Real(beta) * reference::kRoundoff<Real>);
        // Eigen cuts e^{-inf} to the least normal number where vectors are narrow.
        CHECK(std::abs(out(0, 2)) <= 1e6 * double(std::numeric_limits<Real>::min()));
    }
}
