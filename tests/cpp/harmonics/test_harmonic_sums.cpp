// Sums over pairs in linear time, against the sums over pairs.
#include <doctest/doctest.h>

#include <cmath>
#include <numbers>
#include <vector>

#include "attentions.hpp"
#include "harmonics/sums.hpp"

namespace {

using namespace noisync;
using reference::Long;
using reference::LongMatrix;
using reference::with_beta;

// g_n = 1 - P_n(1 - gap), n = 0..degree, by the recurrence of P_n less that of 1: small gaps keep
// their digits.
std::vector<Long> gaps_of_polynomials(Index degree, Index d, Long gap) {
    std::vector<Long> g{0, gap};
    for (Index n = 1; n < degree; ++n) {
        const Long last = g[std::size_t(n)];
        g.push_back(((2 * n + d - 2) * (last + gap - gap * last) - n * g[std::size_t(n - 1)]) /
                    (n + d - 2));
    }
    g.resize(std::size_t(degree + 1));
    return g;
}

// Calls visit(i, j, g) for all pairs.
template <class Visit>
void for_pairs(const Tokens<double>& tokens, Index degree, Visit&& visit) {
    LongMatrix x = tokens.cast<Long>();
    reference::normalize_rows(x);
    for (Index i = 0; i < x.rows(); ++i) {
        for (Index j = 0; j < x.rows(); ++j) {
            const Long gap = (x.row(i) - x.row(j)).squaredNorm() / 2;
            visit(i, j, gaps_of_polynomials(degree, x.cols(), gap));
        }
    }
}

// sum_j w_j F(<x_i, x_j>) (x_j, 1).
LongMatrix pair_sums(const std::vector<double>& f, const Tokens<double>& x,
                     const Vector<double>& weights) {
    LongMatrix sums = LongMatrix::Zero(x.rows(), x.cols() + 1);
    for_pairs(x, Index(f.size()) - 1, [&](Index i, Index j, const std::vector<Long>& g) {
        Long value = 0;
        for (std::size_t n = 0; n < f.size(); ++n) {
            value += f[n] * (1 - g[n]);
        }
        sums.row(i).head(x.cols()) += weights(j) * value * x.row(j).cast<Long>();
        sums(i, x.cols()) += weights(j) * value;
    });
    return sums;
}

std::vector<Long> pair_spread(Index degree, const Tokens<double>& x,
                              const Vector<double>& weights) {
    std::vector<Long> spread(std::size_t(degree + 1), 0);
    for_pairs(x, degree, [&](Index i, Index j, const std::vector<Long>& g) {
        for (std::size_t n = 0; n < g.size(); ++n) {
            spread[n] += Long(weights(i)) * weights(j) * g[n] / 2;
        }
    });
    return spread;
}

Matrix<double> sums(const std::vector<double>& f, const Tokens<double>& x,
                    const Vector<double>& weights, int threads = 1) {
    Matrix<double> result;
    Execution execution(threads);
    harmonic_sums(HarmonicTransform(Index(f.size()) - 1, x.cols()), f, x, x, weights, result,
                  execution);
    return result;
}

std::vector<double> spread(Index degree, const Tokens<double>& x, const Vector<double>& weights,
                           int threads = 1) {
    Execution execution(threads);
    const HarmonicTransform transform(degree, x.cols());
    const auto centre = middle(x, weights, transform.stretches(x.rows()), execution);
    return harmonic_spread(transform, x, weights, centre, execution);
}

// Coefficients of both signs with sizes that add up to about 1.
std::vector<double> coefficients(Index degree) {
    std::vector<double> f;
    for (Index n = 0; n <= degree; ++n) {
        f.push_back((n % 3 == 1 ? -1.0 : 1.0) / double((n + 1) * (degree + 1)));
    }
    return f;
}

// Tokens at a distance of about `size` from one of them.
Tokens<double> cluster(Index rows, Index d, double size) {
    LongMatrix x = reference::random_matrix(rows, d, 151).cast<Long>() * Long(size);
    x.col(0).array() += 0.6L;
    x.col(1).array() -= 0.8L;
    reference::normalize_rows(x);
    return x.cast<double>();
}

// e^{beta u - |beta|} in the P_n of d = 2 or 3, by Bessel functions, and what a cut leaves out.
Summation by_harmonics(double beta, Index d, Index degree) {
    Summation summation{beta, {}, 0, 1e-9};
    const double b = std::abs(beta);
    for (Index n = 0; n <= degree + 40; ++n) {
        const double size =
            std::exp(-b) * (d == 2 ? (n == 0 ? 1 : 2) * std::cyl_bessel_i(double(n), b)
                                   : double(2 * n + 1) * std::sqrt(std::numbers::pi / (2 * b)) *
                                         std::cyl_bessel_i(double(n) + 0.5, b));
        if (n <= degree) {
            summation.harmonics.push_back(beta < 0 && n % 2 == 1 ? -size : size);
        } else {
            summation.tail += size;
        }
    }
    return summation;
}

template <class Real>
struct Result {
    Tokens<Real> out;
    bool fell_back;
};

template <class Real>
Result<Real> attention(const ExponentialAttention& config, const Summation& summation,
                       const Tokens<Real>& x, const Vector<Real>& weights) {
    Tokens<Real> out(x.rows(), x.cols());
    Execution execution;
    const auto evaluator = attention_law(config)->evaluator<Real>(summation);
    evaluator->evaluate(x, weights, out, execution);
    return {out, evaluator->fell_back()};
}

}  // namespace

TEST_CASE("sums by harmonics are the sums over pairs") {
    for (const Index d : {2, 3, 4, 5, 6}) {
        for (const Index degree : {0, 1, 2, 5, 8}) {
            for (const Index rows : {1, 2, 65, 150}) {
                CAPTURE(d);
                CAPTURE(degree);
                CAPTURE(rows);
                const Tokens<double> x = reference::random_tokens<double>(rows, d, 152);
                const Vector<double> weights = reference::random_weights<double>(rows, true, 153);
                const std::vector<double> f = coefficients(degree);
                const LongMatrix off = sums(f, x, weights).cast<Long>() - pair_sums(f, x, weights);
                CHECK(reference::largest(off) <= 2e-15L);
            }
        }
    }
}

TEST_CASE("the spread is the sum over pairs") {
    for (const Index d : {2, 3, 4, 5, 6}) {
        for (const Index rows : {2, 65, 150}) {
            const Tokens<double> x = reference::random_tokens<double>(rows, d, 154);
            const Vector<double> weights = reference::random_weights<double>(rows, false, 155);
            const std::vector<double> result = spread(8, x, weights);
            const std::vector<Long> expected = pair_spread(8, x, weights);
            REQUIRE(result.size() == expected.size());
            CHECK(result[0] == 0);
            for (std::size_t n = 1; n < result.size(); ++n) {
                CAPTURE(d);
                CAPTURE(rows);
                CAPTURE(n);
                CHECK(std::abs(result[n] / expected[n] - 1) < 1e-14L);
            }
        }
    }
}

TEST_CASE("the spread keeps its relative accuracy as tokens merge") {
    for (const Index d : {2, 3, 6}) {
        for (const Index rows : {2, 130}) {
            for (const double size : {1e-2, 1e-4, 1e-6}) {
                const Tokens<double> x = cluster(rows, d, size);
                const Vector<double> weights = reference::random_weights<double>(rows, false, 156);
                const std::vector<double> result = spread(6, x, weights);
                const std::vector<Long> expected = pair_spread(6, x, weights);
                for (std::size_t n = 1; n < result.size(); ++n) {
                    CAPTURE(d);
                    CAPTURE(rows);
                    CAPTURE(size);
                    CAPTURE(n);
                    // A harmonic is right to a rounding or two, and its change is of this size.
                    CHECK(std::abs(result[n] / expected[n] - 1) < 4e-15L / size);
                }
            }
        }
    }
}

TEST_CASE("the spread of one token, of tokens that are one and of opposite tokens") {
    const Tokens<double> one = reference::random_tokens<double>(1, 4, 157);
    for (const double value : spread(5, one, Vector<double>::Ones(1))) {
        CHECK(value >= 0);
        CHECK(value < 1e-29);
    }
    for (const double value :
         spread(5, one.replicate(70, 1), reference::random_weights<double>(70, true, 158))) {
        CHECK(value >= 0);
        CHECK(value < 1e-29);
    }
    Tokens<double> both(2, 4);  // their mean has no direction
    both << one, -one;
    const std::vector<double> result = spread(5, both, Vector<double>::Constant(2, 0.5));
    for (std::size_t n = 0; n < result.size(); ++n) {
        CHECK(std::abs(result[n] - (n % 2 == 0 ? 0 : 0.5)) < 1e-15);
    }
}

TEST_CASE("the number of threads changes no bit") {
    for (const Index rows : {1, 65, 300, 2100}) {
        CAPTURE(rows);
        const Tokens<double> x = reference::random_tokens<double>(rows, 4, 159);
        const Vector<double> weights = reference::random_weights<double>(rows, false, 160);
        const std::vector<double> f = coefficients(6);
        for (const int threads : {2, 3}) {
            CHECK(reference::same_bits(sums(f, x, weights), sums(f, x, weights, threads)));
            CHECK(reference::same_bits(spread(6, x, weights), spread(6, x, weights, threads)));
        }
    }
}

TEST_CASE_TEMPLATE("attention by harmonics", Real, double, float) {
    for (const Index d : {2, 3}) {
        const Tokens<Real> x = reference::random_tokens<Real>(300, d, 161);
        const Vector<Real> weights = reference::random_weights<Real>(300, true, 162);
        for (const double beta : {0.5, 4.0, -3.0}) {
            for (const Normalization normalization :
                 {Normalization::softmax, Normalization::none}) {
                CAPTURE(d);
                CAPTURE(beta);
                ExponentialAttention config = with_beta(beta, normalization);
                config.value_scale = 1.5;
                const auto [out, fell_back] =
                    attention<Real>(config, by_harmonics(beta, d, 30), x, weights);
                CHECK_FALSE(fell_back);
                const LongMatrix expected =
                    reference::attention(x.template cast<Long>(), weights.template cast<Long>(),
                                         config)
                        .value;
                const Long size = reference::largest(expected);
                const LongMatrix off = out.template cast<Long>() - expected;
                CHECK(reference::largest(off) <= 1e-12L + 4 * reference::kRoundoff<Real> * size);
                const auto direct = attention<Real>(config, {}, x, weights);
                CHECK_FALSE(direct.fell_back);
                CHECK_FALSE(reference::same_bits(out, direct.out));
            }
        }
    }
}

TEST_CASE_TEMPLATE("harmonics that do not keep the tolerance give way to the direct sum", Real,
                   double, float) {
    for (const Index d : {2, 3}) {
        CAPTURE(d);
        const Tokens<Real> x = reference::random_tokens<Real>(100, d, 163);
        const Vector<Real> weights = reference::random_weights<Real>(100, false, 164);
        const Tokens<Real> direct = attention<Real>(with_beta(4), {}, x, weights).out;
        const auto check = [&](const Summation& summation) {
            const auto result = attention<Real>(with_beta(4), summation, x, weights);
            CHECK(result.fell_back);
            CHECK(reference::same_bits(result.out, direct));
        };
        Summation strict = by_harmonics(4, d, 30);
        strict.tolerance = 0;
        check(strict);
        // Too few harmonics, with an honest tail; and no tail can be kept by sums below it.
        check(by_harmonics(4, d, 3));
        Summation loose = by_harmonics(4, d, 30);
        loose.tail = 10;
        check(loose);
    }
}
