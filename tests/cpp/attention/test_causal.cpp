// Causal masks: every way of summing against the plain formula, at sizes on both sides of panels,
// strips and blocks, wherever weights vanish or fade.
#include <doctest/doctest.h>

#include <vector>

#include "attentions.hpp"

namespace {

using noisync::Causal;
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

const std::vector<Index> kRows{1,  2,  5,  6,  12, 13, 23, 24, 25,  47,
                               48, 49, 71, 72, 73, 95, 96, 97, 145, 300};
const std::vector<Index> kDims{2, 3, 5, 7, 8, 9, 17, 64, 65};

template <class Real>
struct System {
    System(Index rows, Index d, bool zeros)
        : x(reference::random_tokens<Real>(rows, d, 501)),
          weights(reference::random_weights<Real>(rows, zeros, 502)) {}

    [[nodiscard]] Tokens<Real> attention(const ExponentialAttention& config,
                                         int threads = 1) const {
        Tokens<Real> out = Tokens<Real>::Constant(x.rows(), x.cols(), Real(99));
        Execution execution(threads);
        noisync::attention_law(config)->evaluator<Real>({})->evaluate(x, weights, out, execution);
        return out;
    }

    [[nodiscard]] Long error(const ExponentialAttention& config) const {
        const std::vector<Index> tokens = reference::some_tokens(x.rows(), 9);
        return reference::error<Real>(config, x, weights, attention(config), tokens);
    }

    Tokens<Real> x;
    Vector<Real> weights;
};

// With and without the token itself, with and without decay.
template <class Real>
void check(const System<Real>& system, const ExponentialAttention& config) {
    for (const bool include_self : {true, false}) {
        for (const double decay : {0.0, 2.5}) {
            CAPTURE(system.x.rows());
            CAPTURE(system.x.cols());
            CAPTURE(config.beta);
            CAPTURE(config.query.has_value());
            CAPTURE(include_self);
            CAPTURE(decay);
            CHECK(system.error(masked(config, include_self, decay)) <= 1);
        }
    }
}

}  // namespace

TEST_CASE_TEMPLATE("Q^T K = beta I under a causal mask", Real, double, float) {
    for (const Index rows : kRows) {
        for (const Index d : kDims) {
            const System<Real> system(rows, d, (rows + d) % 2 == 0);
            check(system, with_beta(3));
            // Beyond the range of one shift for float32, and for both.
            check(system, with_beta(-25));
            check(system, with_beta(400));
            check(system, with_beta(-3, Normalization::none));
        }
    }
}

TEST_CASE_TEMPLATE("Q, K and V, and distances, under a causal mask", Real, double, float) {
    for (const Index rows : kRows) {
        for (const Index d : {2, 9, 64}) {
            const System<Real> system(rows, d, (rows + d) % 2 == 0);
            check(system, with_matrices(d + 1, d, 6, true));
            check(system, with_matrices(3, d, 1000, false));
            check(system, with_distances(3, d, 2, false));
            ExponentialAttention none = with_matrices(d, d, 4, false);
            none.normalization = Normalization::none;
            none.value_scale = -0.5;
            check(system, none);
        }
    }
}

TEST_CASE_TEMPLATE("many tokens under a causal mask", Real, double, float) {
    for (const Index d : {2, 8, 9, 33}) {
        const System<Real> system(2100, d, d % 2 == 0);
        check(system, with_beta(5));
        check(system, with_matrices(5, d, 6, false));
    }
}

TEST_CASE_TEMPLATE("weights that fade beyond what numbers hold", Real, double, float) {
    // e^{-decay} is 0: each token sees next to nothing but the nearest ones with weight, and takes
    // their mean.
    for (const Index d : {3, 12}) {
        for (const bool include_self : {true, false}) {
            CAPTURE(d);
            CAPTURE(include_self);
            const System<Real> system(130, d, true);
            for (const double decay : {30.0, 300.0, 1e4}) {
                CAPTURE(decay);
                for (const Normalization normalization :
                     {Normalization::softmax, Normalization::none}) {
                    const auto config = with_beta(2, normalization);
                    CHECK(system.error(masked(config, include_self, decay)) <= 1);
                }
            }
            // Of one token alone, the last with weight: every third has none.
            const Tokens<Real> out = system.attention(masked(with_beta(2), include_self, 1e7));
            for (Index i = 2; i < 130; ++i) {
                const Index last = include_self ? i : i - 1;
                const Index nearest = last % 3 == 0 ? last - 1 : last;
                CHECK((out.row(i) - system.x.row(nearest)).norm() <=
                      4 * double(reference::kRoundoff<Real>));
            }
        }
    }
}

TEST_CASE_TEMPLATE("a token that sees no weight does not move", Real, double, float) {
    for (const Index d : {2, 5, 9, 30}) {
        for (const double beta : {2.0, 30.0, 500.0}) {
            for (const Normalization normalization :
                 {Normalization::softmax, Normalization::none}) {
                if (normalization == Normalization::none && beta > 2) {
                    continue;
                }
                System<Real> system(100, d, false);
                system.weights.head(40).setZero();
                for (const bool include_self : {true, false}) {
                    CAPTURE(d);
                    CAPTURE(beta);
                    CAPTURE(include_self);
                    const Index still = include_self ? 40 : 41;
                    const ExponentialAttention config =
                        masked(with_beta(beta, normalization), include_self, 1.0);
                    const Tokens<Real> out = system.attention(config);
                    CHECK(out.topRows(still).isZero(0));
                    CHECK(out.row(still).norm() > Real(1e-3));
                    ExponentialAttention general =
                        masked(with_matrices(3, d, beta, true), include_self, 1.0);
                    general.normalization = normalization;
                    const Tokens<Real> same = system.attention(general);
                    CHECK(same.topRows(still).isZero(0));
                    CHECK(same.row(still).norm() > Real(1e-3));
                }
            }
        }
    }
}

TEST_CASE_TEMPLATE("a tiny weight that is all there is to see is listened to", Real, double,
                   float) {
    const auto tiny = Real(std::sqrt(double(std::numeric_limits<Real>::min())) / 8);
    for (const Index d : {2, 12}) {
        for (const double beta : {0.5, 10.0, 100.0}) {
            CAPTURE(d);
            CAPTURE(beta);
            System<Real> system(60, d, false);
            system.weights.head(30).setConstant(tiny);
            for (const bool include_self : {true, false}) {
                CHECK(system.error(masked(with_beta(beta), include_self, 0.0)) <= 1);
            }
            CHECK(system.error(masked(with_matrices(d, d, beta, false), true, 0.0)) <= 1);
        }
    }
}

TEST_CASE_TEMPLATE("nothing is seen of later tokens", Real, double, float) {
    for (const Index d : {3, 8, 9, 40}) {
        for (const Index rows : {25, 97, 200}) {
            const System<Real> system(rows, d, false);
            System<Real> other = system;
            const Index token = rows / 2;
            for (Index later = token + 1; later < rows; ++later) {
                other.x.row(later) = system.x.row(rows - 1 - later);
            }
            for (const ExponentialAttention& config :
                 {with_beta(3), with_matrices(4, d, 6, false), with_beta(500)}) {
                CAPTURE(d);
                CAPTURE(rows);
                const ExponentialAttention causal = masked(config, true, 1.0);
                CHECK(
                    reference::largest(Tokens<Real>(system.attention(causal).topRows(token + 1) -
                                                    other.attention(causal).topRows(token + 1))) <=
                    64 * reference::kRoundoff<Real>);
            }
        }
    }
}

TEST_CASE_TEMPLATE("the number of threads changes no bit under a mask", Real, double, float) {
    const auto check_bits = [](Index rows, Index d) {
        const System<Real> system(rows, d, rows % 2 == 0);
        for (const ExponentialAttention& config :
             {with_beta(4), with_beta(-3, Normalization::none), with_matrices(d + 1, d, 6, true),
              with_distances(3, d, 2, false), with_beta(400)}) {
            for (const bool include_self : {true, false}) {
                CAPTURE(rows);
                CAPTURE(d);
                CAPTURE(config.beta);
                const ExponentialAttention causal = masked(config, include_self, 1.5);
                const Tokens<Real> alone = system.attention(causal, 1);
                CHECK(reference::same_bits(alone, system.attention(causal, 2)));
                CHECK(reference::same_bits(alone, system.attention(causal, 3)));
            }
        }
    };
    for (const Index rows : kRows) {
        for (const Index d : {2, 8, 9, 33}) {
            check_bits(rows, d);
        }
    }
    check_bits(2100, 3);
    check_bits(2100, 17);
}

TEST_CASE("an attention under a mask is not zonal") {
    CHECK(noisync::attention_law(with_beta(2))->zonal());
    CHECK_FALSE(noisync::attention_law(masked(with_beta(2), true, 0.0))->zonal());
}
