// Sinkhorn attention against a plan that the plain iteration in long double gives.
#include <doctest/doctest.h>

#include <cmath>
#include <string>
#include <vector>

#include "attention/sinkhorn.hpp"
#include "attentions.hpp"
#include "fields.hpp"

namespace {

using namespace noisync;
using reference::Long;
using reference::LongMatrix;
using reference::LongVector;
using reference::random_tokens;
using reference::random_weights;
using reference::same_bits;

SinkhornAttention with_beta(double beta) {
    SinkhornAttention config;
    config.beta = beta;
    return config;
}

SinkhornAttention with_matrices(Index h, Index d, double size) {
    return {reference::with_matrices(h, d, size, true)};
}

LongMatrix logits_of(const SinkhornAttention& config, const LongMatrix& at, const LongMatrix& x) {
    if (!config.query || !config.key) {
        return reference::products(at, x) * Long(config.beta);
    }
    return reference::products(reference::products(at, config.query->cast<Long>()),
                               reference::products(x, config.key->cast<Long>()));
}

LongMatrix values_of(const SinkhornAttention& config, const LongMatrix& x) {
    const LongMatrix scaled = x * Long(config.value_scale);
    return config.value ? reference::products(scaled, config.value->cast<Long>()) : scaled;
}

// log b of the tokens: rows and columns in turn, until nothing moves.
LongVector scaling(const LongMatrix& logits, const LongVector& weights) {
    const Index n = weights.size();
    LongVector f = LongVector::Zero(n);
    LongVector g = LongVector::Zero(n);
    for (int iteration = 0; iteration < 20000; ++iteration) {
        Long moved = 0;
        for (Index i = 0; i < n; ++i) {
            Long sum = 0;
            for (Index j = 0; j < n; ++j) {
                sum += weights(j) * std::exp(logits(i, j) + g(j));
            }
            f(i) = -std::log(sum);
        }
        for (Index j = 0; j < n; ++j) {
            Long sum = 0;
            for (Index i = 0; i < n; ++i) {
                sum += weights(i) * std::exp(logits(i, j) + f(i));
            }
            moved = std::max(moved, std::abs(g(j) + std::log(sum)));
            g(j) = -std::log(sum);
        }
        if (moved < 1e-17L) {
            break;
        }
    }
    return g;
}

// The attention of the rows `at`, for b given.
LongMatrix attention(const SinkhornAttention& config, const LongMatrix& at, const LongMatrix& x,
                     const LongVector& weights, const LongVector& g) {
    const LongMatrix logits = logits_of(config, at, x);
    const LongMatrix values = values_of(config, x);
    LongMatrix out = LongMatrix::Zero(at.rows(), x.cols());
    for (Index i = 0; i < at.rows(); ++i) {
        Long total = 0;
        for (Index j = 0; j < x.rows(); ++j) {
            const Long p = weights(j) * std::exp(logits(i, j) + g(j));
            out.row(i) += p * values.row(j);
            total += p;
        }
        out.row(i) /= total;
    }
    return out;
}

template <class Real>
struct System {
    System(Index rows, Index d, bool zeros)
        : x(random_tokens<Real>(rows, d, 601)), weights(random_weights<Real>(rows, zeros, 602)) {}

    [[nodiscard]] Tokens<Real> evaluated(const SinkhornAttention& config, int threads = 1) const {
        Tokens<Real> out = Tokens<Real>::Constant(x.rows(), x.cols(), Real(99));
        Execution execution(threads);
        attention_law(config)->evaluator<Real>({})->evaluate(x, weights, out, execution);
        return out;
    }

    [[nodiscard]] Long error(const SinkhornAttention& config) const {
        const LongMatrix points = x.template cast<Long>();
        const LongVector masses = weights.template cast<Long>();
        const LongVector g = scaling(logits_of(config, points, points), masses);
        const LongMatrix expected = attention(config, points, points, masses, g);
        return reference::largest(LongMatrix(evaluated(config).template cast<Long>() - expected)) /
               std::max(Long(1), values_of(config, points).cwiseAbs().maxCoeff());
    }

    Tokens<Real> x;
    Vector<Real> weights;
};

// What the tolerance 1e-10 leaves, or float32.
template <class Real>
constexpr Long kTolerance = 5e-10L + 64 * reference::kRoundoff<Real>;

}  // namespace

TEST_CASE_TEMPLATE("Q^T K = beta I, in low dimension and beyond", Real, double, float) {
    for (const Index rows : {1, 2, 3, 24, 25, 63, 65, 97}) {
        for (const Index d : {2, 8, 9, 33}) {
            CAPTURE(rows);
            CAPTURE(d);
            const System<Real> system(rows, d, rows % 2 == 1);
            CHECK(system.error(with_beta(0)) <= kTolerance<Real>);
            CHECK(system.error(with_beta(2)) <= kTolerance<Real>);
            CHECK(system.error(with_beta(-2)) <= kTolerance<Real>);
        }
    }
}

TEST_CASE_TEMPLATE("Q, K and V", Real, double, float) {
    for (const Index rows : {1, 2, 30, 73}) {
        for (const Index h : {1, 3, 7}) {
            CAPTURE(rows);
            CAPTURE(h);
            const System<Real> system(rows, 5, rows % 2 == 1);
            CHECK(system.error(with_matrices(h, 5, 4)) <= kTolerance<Real>);
        }
    }
}

TEST_CASE_TEMPLATE("at temperatures where exponentials alone would vanish", Real, double, float) {
    // The plan is all but the identity, and tokens that lie apart get themselves.
    Tokens<Real> x(3, 3);
    x << 1, 0, 0, 0, 1, 0, Real(-0.6), 0, Real(0.8);
    const Vector<Real> weights = random_weights<Real>(3, false, 603);
    for (const double beta : {100.0, 400.0, 5000.0}) {
        CAPTURE(beta);
        for (const bool as_matrices : {false, true}) {
            SinkhornAttention config = with_beta(beta);
            config.max_iterations = 60;
            if (as_matrices) {
                config.query = beta * Matrix<double>::Identity(3, 3);
                config.key = Matrix<double>::Identity(3, 3);
            }
            Tokens<Real> out(3, 3);
            Execution execution;
            attention_law(config)->evaluator<Real>({})->evaluate(x, weights, out, execution);
            CHECK(reference::largest(Tokens<Real>(out - x)) <= 8 * reference::kRoundoff<Real>);
        }
    }
}

TEST_CASE_TEMPLATE("the number of threads changes no bit", Real, double, float) {
    for (const Index rows : {2, 65, 300}) {
        for (const Index d : {3, 12}) {
            const System<Real> system(rows, d, true);
            for (const SinkhornAttention& config :
                 {with_beta(5), with_beta(-0.5), with_beta(400), with_matrices(3, d, 3)}) {
                CAPTURE(rows);
                CAPTURE(d);
                CAPTURE(config.beta);
                const Tokens<Real> alone = system.evaluated(config);
                CHECK(same_bits(alone, system.evaluated(config, 2)));
                CHECK(same_bits(alone, system.evaluated(config, 3)));
            }
        }
    }
}

TEST_CASE("scratch memory of one size does not leak into a call of another") {
    const auto evaluator = attention_law(with_beta(3))->evaluator<double>({});
    for (const Index rows : {97, 2, 64, 1}) {
        for (const Index d : {12, 3}) {
            const System<double> system(rows, d, false);
            Tokens<double> out(rows, d);
            Execution execution;
            evaluator->evaluate(system.x, system.weights, out, execution);
            CHECK(same_bits(out, system.evaluated(with_beta(3))));
        }
    }
}

TEST_CASE_TEMPLATE("a test token meets b as it is", Real, double, float) {
    constexpr Long kStep = 1e-6L;
    for (const SinkhornAttention& config : {with_beta(3), with_beta(-1), with_matrices(3, 4, 4)}) {
        CAPTURE(config.beta);
        const System<Real> system(50, 4, true);
        const Index token = 7;
        const Matrix<Real> along = reference::random_tangents<Real>(system.x, token, 3, 604);
        const auto evaluator = attention_law(config)->evaluator<Real>({});
        Tokens<Real> out(50, 4);
        Execution execution;
        evaluator->evaluate(system.x, system.weights, out, execution);
        Matrix<Real> slopes;
        evaluator->differentiate(system.x, system.weights, token, along, slopes);
        const LongMatrix points = system.x.template cast<Long>();
        const LongVector masses = system.weights.template cast<Long>();
        const LongVector g = scaling(logits_of(config, points, points), masses);
        LongMatrix expected(3, 4);
        for (Index k = 0; k < 3; ++k) {
            const LongMatrix step = kStep * along.row(k).template cast<Long>();
            expected.row(k) = (attention(config, points.row(token) + step, points, masses, g) -
                               attention(config, points.row(token) - step, points, masses, g)) /
                              (2 * kStep);
        }
        CHECK(reference::largest(expected) > 1e-2L);
        CHECK(reference::largest(LongMatrix(slopes.template cast<Long>() - expected)) <=
              8 * kTolerance<Real>);
    }
}

TEST_CASE("what does not converge says its residual") {
    const System<double> system(30, 3, false);
    SinkhornAttention config = with_beta(-200);
    config.max_iterations = 20;
    try {
        (void)system.evaluated(config);
        FAIL("it converged");
    } catch (const NotConverged& error) {
        CHECK(error.residual() > config.tolerance);
        CHECK(std::string(error.what()).find("after 20 iterations") != std::string::npos);
    }
    config.tolerance = 1e9;
    (void)system.evaluated(config);
    config = with_beta(std::numeric_limits<double>::infinity());
    CHECK_THROWS_AS(system.evaluated(config), NotConverged);
}

TEST_CASE("matrices that are none of tokens are refused") {
    SinkhornAttention config = with_matrices(2, 3, 1);
    attention_law(config)->require_dim(3);
    CHECK_THROWS_AS(attention_law(config)->require_dim(4), std::invalid_argument);
    config.key.reset();
    CHECK_THROWS_AS(attention_law(config), std::invalid_argument);
}
