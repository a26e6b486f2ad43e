#include <doctest/doctest.h>

#include <vector>

#include "attention/values.hpp"
#include "attentions.hpp"

namespace {

using noisync::Attention;
using noisync::Execution;
using noisync::ExponentialAttention;
using noisync::Index;
using noisync::Matrix;
using noisync::Normalization;
using noisync::Tokens;
using noisync::Vector;
using reference::Long;
using reference::masked;
using reference::with_beta;
using reference::with_distances;
using reference::with_matrices;

constexpr Index kRows[] = {1, 2, 63, 64, 65, 130, 300};
constexpr Index kDims[] = {2, 3, 5, 64};

// The error on random tokens; `reused` was made from the same configuration.
template <class Real>
Long error(const ExponentialAttention& config, Index rows, Index d, bool zeros,
           Attention<Real>* reused = nullptr) {
    const Tokens<Real> x = reference::random_tokens<Real>(rows, d, 21);
    const Vector<Real> weights = reference::random_weights<Real>(rows, zeros, 22);
    Tokens<Real> out = Tokens<Real>::Constant(rows, d, Real(99));
    Execution execution;
    const auto fresh = noisync::attention_law(config)->evaluator<Real>({});
    (reused != nullptr ? reused : fresh.get())->evaluate(x, weights, out, execution);
    return reference::error<Real>(config, x, weights, out);
}

template <class Real>
void check_sizes(const ExponentialAttention& config, bool zeros) {
    for (const Index rows : kRows) {
        for (const Index d : kDims) {
            CAPTURE(rows);
            CAPTURE(d);
            CHECK(error<Real>(config, rows, d, zeros) <= 1);
        }
    }
}

}  // namespace

TEST_CASE_TEMPLATE("softmax attention with Q^T K = beta I", Real, double, float) {
    for (const double beta : {0.0, 1.0, -2.0, 9.5, 1000.0, -1000.0}) {
        CAPTURE(beta);
        check_sizes<Real>(with_beta(beta), false);
    }
    ExponentialAttention scaled = with_beta(3);
    scaled.value_scale = -1.5;
    check_sizes<Real>(scaled, false);
}

TEST_CASE_TEMPLATE("softmax attention with weights that are zero", Real, double, float) {
    for (const double beta : {1.0, -2.0}) {
        CAPTURE(beta);
        check_sizes<Real>(with_beta(beta), true);
    }
}

TEST_CASE_TEMPLATE("a weightless token with overwhelming logits leaves the others their softmax",
                   Real, double, float) {
    for (const double beta : {1000.0, -1000.0}) {
        CAPTURE(beta);
        check_sizes<Real>(with_beta(beta), true);
    }
    for (const Index d : kDims) {
        CAPTURE(d);
        CHECK(error<Real>(with_matrices(d, d, 5000, false), 130, d, true) <= 1);
    }
}

TEST_CASE_TEMPLATE("a weightless token listens to its opposite, however small the exponential",
                   Real, double, float) {
    const double limit = -std::log(double(std::numeric_limits<Real>::min())) / 2;
    Tokens<Real> x(2, 2);
    x << 1, 0, -1, 0;
    Vector<Real> weights(2);
    weights << 0, 1;
    for (const double beta : {1.0, 0.98 * limit, 1.05 * limit, 1.25 * limit, 3 * limit}) {
        CAPTURE(beta);
        Tokens<Real> out(2, 2);
        Execution execution;
        noisync::attention_law(with_beta(beta))
            ->evaluator<Real>({})
            ->evaluate(x, weights, out, execution);
        CHECK(std::abs(out(0, 0) + 1) <= 4 * reference::kRoundoff<Real>);
        CHECK(out(0, 1) == 0);
        CHECK(std::abs(out(1, 0) + 1) <= 4 * reference::kRoundoff<Real>);
    }
}

TEST_CASE_TEMPLATE("just below and above the beta where the running maximum takes over", Real,
                   double, float) {
    const double limit = -std::log(double(std::numeric_limits<Real>::min())) / 2;
    for (const double beta : {limit - 0.25, limit + 0.25, -limit + 0.25, -limit - 0.25}) {
        for (const Normalization normalization : {Normalization::softmax, Normalization::none}) {
            CAPTURE(beta);
            const ExponentialAttention config = with_beta(double(float(beta)), normalization);
            CHECK(error<Real>(config, 130, 3, false) <= 1);
            CHECK(error<Real>(config, 2, 2, false) <= 1);
        }
    }
}

TEST_CASE_TEMPLATE("unnormalised attention with Q^T K = beta I", Real, double, float) {
    for (const double beta : {0.0, 1.0, -2.0, 9.5, 80.0, -80.0}) {
        CAPTURE(beta);
        check_sizes<Real>(with_beta(beta, Normalization::none), beta < 0);
    }
}

TEST_CASE_TEMPLATE("attention with Q, K and V", Real, double, float) {
    for (const Index d : kDims) {
        CAPTURE(d);
        ExponentialAttention config = with_matrices(d, d, 6, true);
        for (const Index rows : kRows) {
            CAPTURE(rows);
            CHECK(error<Real>(config, rows, d, false) <= 1);
        }
        config.value_scale = 0.25;
        config.normalization = Normalization::none;
        CHECK(error<Real>(config, 130, d, false) <= 1);
        for (const Index h : {Index(1), d - 1, d + 2}) {
            CAPTURE(h);
            CHECK(error<Real>(with_matrices(h, d, 6, true), 65, d, true) <= 1);
            CHECK(error<Real>(with_matrices(h, d, 6, false), 2, d, false) <= 1);
        }
    }
}

TEST_CASE_TEMPLATE("attention with V alone, and with large logits", Real, double, float) {
    for (const Index d : kDims) {
        CAPTURE(d);
        ExponentialAttention config = with_beta(2);
        config.value = reference::random_matrix(d, d, 5);
        CHECK(error<Real>(config, 65, d, false) <= 1);
        CHECK(error<Real>(with_matrices(d, d, 3000, true), 130, d, false) <= 1);
    }
}

TEST_CASE_TEMPLATE("V of low rank, as that of a head of several", Real, double, float) {
    for (const Index d : {2, 5, 16, 64}) {
        for (const Index rank : {Index(1), d / 4, d / 2, d / 2 + 1}) {
            if (rank == 0) {
                continue;
            }
            CAPTURE(d);
            CAPTURE(rank);
            for (const double size : {6.0, 3000.0}) {  // one shift, running maxima
                ExponentialAttention config = with_matrices(rank, d, size, false);
                config.value = reference::random_matrix(d, rank, 3) *
                               reference::random_matrix(d, rank, 4).transpose();
                config.value_scale = 0.5;
                CHECK(error<Real>(config, 130, d, false) <= 1);
                CHECK(error<Real>(masked(config, true, 1), 130, d, true) <= 1);
                if (size < 100) {
                    config.normalization = Normalization::none;
                    CHECK(error<Real>(config, 65, d, false) <= 1);
                }
            }
        }
    }
}

TEST_CASE("the few numbers of a token that V of a head needs are found, and no fewer") {
    const Index d = 40;
    const auto inner = [&](Index rank, Index height) {
        const std::optional<Matrix<double>> value =
            reference::random_matrix(d, rank, 5) * reference::random_matrix(d, rank, 6).transpose();
        const noisync::Values<double> values(Normalization::softmax, 1.0, value, height);
        return values.inner() == nullptr ? Index(0) : values.inner()->rows();
    };
    CHECK(inner(7, 7) == 7);
    CHECK(inner(7, 10) == 10);
    CHECK(inner(20, 20) == 20);
    CHECK(inner(8, 7) == 0);    // of higher rank than the head
    CHECK(inner(21, 21) == 0);  // not worth it
    CHECK(inner(7, 0) == 0);    // no head
}

TEST_CASE_TEMPLATE("attention by distances", Real, double, float) {
    for (const Index d : kDims) {
        CAPTURE(d);
        for (const Index h : {Index(1), d, d + 2}) {
            CAPTURE(h);
            for (const Index rows : kRows) {
                CAPTURE(rows);
                CHECK(error<Real>(with_distances(h, d, 2, true), rows, d, rows > 2) <= 1);
            }
            // Far below the range of exponentials: running maxima.
            CHECK(error<Real>(with_distances(h, d, 1000, false), 130, d, true) <= 1);
        }
    }
    // All keys equally long, to rounding: nothing is left of the penalty.
    ExponentialAttention config = with_beta(0);
    config.query = 4 * Matrix<double>::Identity(5, 5);
    config.key = 2 * Matrix<double>::Identity(5, 5);
    config.penalty = 1;
    CHECK(error<Real>(config, 130, 5, false) <= 1);
    config.query->setZero();
    CHECK(error<Real>(config, 130, 5, false) <= 1);
    config.query = config.key = reference::random_matrix(5, 5, 9);
    config.query->setZero();
    CHECK(error<Real>(config, 130, 5, true) <= 1);
}

TEST_CASE("scratch memory of one size does not leak into a call of another") {
    for (const double beta : {2.0, 1000.0}) {
        const ExponentialAttention config = with_beta(beta);
        const auto attention = noisync::attention_law(config)->evaluator<double>({});
        for (const Index rows : {300, 2, 65, 64, 1}) {
            CAPTURE(beta);
            CAPTURE(rows);
            CHECK(error<double>(config, rows, 5, false, attention.get()) <= 1);
            CHECK(error<double>(config, rows, 2, false, attention.get()) <= 1);
        }
    }
}

TEST_CASE_TEMPLATE("the number of threads changes no bit", Real, double, float) {
    for (const Index rows : {1, 65, 300, 1100}) {
        const Tokens<Real> x = reference::random_tokens<Real>(rows, 5, 31);
        const Vector<Real> weights = reference::random_weights<Real>(rows, false, 32);
        for (const auto& config :
             {with_beta(3), with_beta(-2, Normalization::none), with_beta(1000),
              with_matrices(3, 5, 6, true), with_distances(3, 5, 2, true)}) {
            const auto evaluate = [&](int threads) {
                Tokens<Real> out(rows, 5);
                Execution execution(threads);
                noisync::attention_law(config)->template evaluator<Real>({})->evaluate(
                    x, weights, out, execution);
                return out;
            };
            const Tokens<Real> alone = evaluate(1);
            CAPTURE(rows);
            CAPTURE(config.beta);
            CHECK(reference::same_bits(alone, evaluate(2)));
            CHECK(reference::same_bits(alone, evaluate(4)));
        }
    }
}
