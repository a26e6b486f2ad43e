// Attention on both sides of every size that the kernels are cut at: vectors, panels, strips and
// blocks of tokens, of float32 and float64, in low dimension and beyond.
#include <doctest/doctest.h>

#include <vector>

#include "attentions.hpp"

namespace {

using noisync::Execution;
using noisync::ExponentialAttention;
using noisync::Index;
using noisync::Normalization;
using noisync::Tokens;
using noisync::Vector;
using reference::Long;
using reference::with_beta;
using reference::with_matrices;

const std::vector<Index> kRows{1, 2, 23, 24, 25, 47, 48, 49, 95, 96, 97, 191, 193, 300};
const std::vector<Index> kDims{2, 3, 4, 5, 6, 7, 8, 9, 15, 16, 17, 31, 33, 64, 65, 127, 128, 130};

template <class Real>
struct System {
    System(Index rows, Index d, bool zeros)
        : x(reference::random_tokens<Real>(rows, d, 23)),
          weights(reference::random_weights<Real>(rows, zeros, 24)) {}

    [[nodiscard]] Tokens<Real> attention(const ExponentialAttention& config, int threads) const {
        Tokens<Real> out = Tokens<Real>::Constant(x.rows(), x.cols(), Real(99));
        Execution execution(threads);
        noisync::attention_law(config)->evaluator<Real>({})->evaluate(x, weights, out, execution);
        return out;
    }

    [[nodiscard]] Long error(const ExponentialAttention& config) const {
        return reference::error<Real>(config, x, weights, attention(config, 1),
                                      reference::some_tokens(x.rows(), 7));
    }

    Tokens<Real> x;
    Vector<Real> weights;
};

template <class Real>
void check(Index rows, Index d, bool zeros, const std::vector<ExponentialAttention>& configs) {
    const System<Real> system(rows, d, zeros);
    for (const ExponentialAttention& config : configs) {
        CAPTURE(rows);
        CAPTURE(d);
        CAPTURE(zeros);
        CAPTURE(config.beta);
        CAPTURE(config.query.has_value());
        CHECK(system.error(config) <= 1);
    }
}

// Large enough for the running maximum in the last one.
std::vector<ExponentialAttention> matrices(Index h, Index d) {
    std::vector<ExponentialAttention> configs{with_matrices(h, d, 6, true),
                                              with_matrices(h, d, 4, false),
                                              with_matrices(h, d, 1000, false)};
    configs[1].normalization = Normalization::none;
    configs[1].value_scale = -0.5;
    return configs;
}

}  // namespace

TEST_CASE_TEMPLATE("Q^T K = beta I at odd sizes", Real, double, float) {
    // 20 is just below the float32 limit of one shift for all tokens, 25 above it.
    const std::vector<ExponentialAttention> configs{with_beta(0),
                                                    with_beta(4),
                                                    with_beta(-3),
                                                    with_beta(20),
                                                    with_beta(25),
                                                    with_beta(3, Normalization::none),
                                                    with_beta(-20, Normalization::none)};
    for (const Index rows : kRows) {
        for (const Index d : kDims) {
            check<Real>(rows, d, (rows + d) % 2 == 0, configs);
        }
    }
}

TEST_CASE_TEMPLATE("Q, K and V at odd sizes", Real, double, float) {
    for (const Index rows : kRows) {
        for (const Index d : {2, 8, 9, 17}) {
            for (const Index h : {Index(1), d, d + 1}) {
                check<Real>(rows, d, (rows + h) % 2 == 0, matrices(h, d));
            }
        }
    }
    for (const Index d : {64, 65, 127, 130}) {
        for (const Index h : {Index(7), d}) {
            check<Real>(97, d, true, matrices(h, d));
        }
    }
}

TEST_CASE_TEMPLATE("many tokens", Real, double, float) {
    for (const Index d : {2, 3, 7, 8, 9, 33, 64}) {
        check<Real>(
            2100, d, d % 2 == 0,
            {with_beta(5), with_beta(-2, Normalization::none), with_matrices(5, d, 6, false)});
    }
}

TEST_CASE_TEMPLATE("where tokens without weight are is no matter to the others", Real, double,
                   float) {
    for (const Index d : {3, 8, 9, 20}) {
        for (const Index rows : {25, 97, 193}) {
            CAPTURE(d);
            CAPTURE(rows);
            System<Real> system(rows, d, false);
            for (const Index token : {Index(0), rows / 2, rows - 1}) {
                system.weights(token) = 0;
            }
            for (const ExponentialAttention& config :
                 {with_beta(4), with_matrices(d + 1, d, 6, false)}) {
                const Tokens<Real> with = system.attention(config, 1);
                System<Real> moved = system;
                moved.x.row(rows / 2) *= -1;
                const Tokens<Real> without = moved.attention(config, 1);
                Tokens<Real> off = with - without;
                off.row(rows / 2).setZero();
                CHECK(reference::largest(off) <= 64 * reference::kRoundoff<Real>);
            }
        }
    }
}

TEST_CASE_TEMPLATE("the number of threads changes no bit at odd sizes", Real, double, float) {
    const auto check_bits = [](Index rows, Index d) {
        const System<Real> system(rows, d, rows % 2 == 0);
        for (const ExponentialAttention& config :
             {with_beta(4), with_beta(-3, Normalization::none), with_matrices(d + 1, d, 6, true),
              with_beta(400)}) {
            CAPTURE(rows);
            CAPTURE(d);
            CAPTURE(config.beta);
            const Tokens<Real> alone = system.attention(config, 1);
            CHECK(reference::same_bits(alone, system.attention(config, 2)));
            CHECK(reference::same_bits(alone, system.attention(config, 3)));
        }
    };
    for (const Index rows : kRows) {
        for (const Index d : {2, 8, 9, 33, 130}) {
            check_bits(rows, d);
        }
    }
    check_bits(2100, 3);
    check_bits(2100, 17);
}
