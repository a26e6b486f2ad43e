#include <doctest/doctest.h>

#include <numeric>
#include <vector>

#include "measure/cosines.hpp"
#include "measure/energy.hpp"
#include "reference.hpp"

namespace {

using noisync::Execution;
using noisync::Index;
using noisync::Tokens;
using noisync::Vector;
using reference::Long;
using reference::LongMatrix;

using Counts = std::vector<std::int64_t>;

std::vector<double> energies(const Tokens<double>& x, const Vector<double>& weights,
                             const std::vector<double>& betas, int threads = 1) {
    Execution execution(threads);
    return noisync::interaction_energy(x, weights, betas, execution);
}

Counts histogram(const Tokens<double>& x, Index bins, int threads = 1) {
    Execution execution(threads);
    return noisync::cosine_histogram(x, bins, execution);
}

Long relative_error(double result, const Tokens<double>& x, const Vector<double>& weights,
                    double beta) {
    const Long expected = reference::energy(x.cast<Long>(), weights.cast<Long>(), beta);
    return expected == 0 ? std::abs(Long(result)) : std::abs(result / expected - 1);
}

// Tokens at a distance of about `spread` from one of them.
Tokens<double> cluster(Index rows, Index d, double spread) {
    LongMatrix x = reference::random_matrix(rows, d, 51).cast<Long>() * Long(spread);
    x.row(0).setZero();
    x.col(0).array() += 0.6L;
    x.col(1).array() += 0.8L;
    reference::normalize_rows(x);
    return x.cast<double>();
}

}  // namespace

TEST_CASE("the energy is the double sum, for several betas in one pass") {
    const std::vector<double> betas{0.5, 9.0, -2.0, 4.0, 60.0};
    for (const Index rows : {1, 2, 63, 64, 65, 130, 300}) {
        for (const Index d : {2, 3, 64}) {
            for (const bool zeros : {false, true}) {
                const Tokens<double> x = reference::random_tokens<double>(rows, d, 52);
                const Vector<double> weights = reference::random_weights<double>(rows, zeros, 53);
                const std::vector<double> result = energies(x, weights, betas);
                REQUIRE(result.size() == betas.size());
                for (std::size_t b = 0; b < betas.size(); ++b) {
                    CAPTURE(rows);
                    CAPTURE(d);
                    CAPTURE(betas[b]);
                    CHECK(relative_error(result[b], x, weights, betas[b]) < 1e-14L);
                }
            }
        }
    }
}

TEST_CASE("the energy of one token, at beta 0 and without betas") {
    const Tokens<double> one = reference::random_tokens<double>(1, 3, 54);
    CHECK(energies(one, Vector<double>::Ones(1), {3.0})[0] == 0.0);
    const Tokens<double> x = reference::random_tokens<double>(70, 3, 54);
    const Vector<double> weights = reference::random_weights<double>(70, false, 55);
    CHECK(energies(x, weights, {0.0})[0] == 0.0);
    CHECK(energies(x, weights, {}).empty());
}

TEST_CASE("the energy of opposite tokens") {
    Tokens<double> x(2, 3);
    x << 0, 1, 0, 0, -1, 0;
    const Vector<double> weights = Vector<double>::Constant(2, 0.5);
    const double expected = 0.25 * (std::exp(2.0) - std::exp(-2.0));
    CHECK(energies(x, weights, {2.0})[0] == doctest::Approx(expected).epsilon(1e-15));
}

TEST_CASE("the energy keeps its relative accuracy as tokens merge") {
    for (const double spread : {0.3, 0.03, 0.01, 1e-3, 1e-5, 1e-8, 1e-11, 1e-13, 1e-14}) {
        for (const Index rows : {2, 130}) {
            for (const double beta : {1.0, -3.0, 20.0}) {
                CAPTURE(spread);
                CAPTURE(rows);
                CAPTURE(beta);
                const Tokens<double> x = cluster(rows, 5, spread);
                const Vector<double> weights = reference::random_weights<double>(rows, false, 56);
                // Gaps just above 1e-4 come from 1 - <x, y>, right to a few 1e-16.
                const Long bound = spread > 1e-3 ? 3e-12L : 1e-14L;
                CHECK(relative_error(energies(x, weights, {beta})[0], x, weights, beta) < bound);
            }
        }
    }
}

TEST_CASE("the energy on both sides of the sizes of vectors, panels, strips and blocks") {
    const std::vector<double> betas{0.5, -2.0, 60.0};
    for (const Index rows : {1, 2, 23, 24, 25, 47, 49, 95, 96, 97, 191, 193}) {
        for (const Index d : {2, 3, 7, 8, 9, 17, 65}) {
            const Tokens<double> x = reference::random_tokens<double>(rows, d, 61);
            const Vector<double> weights =
                reference::random_weights<double>(rows, (rows + d) % 2 == 0, 62);
            const std::vector<double> result = energies(x, weights, betas);
            for (std::size_t b = 0; b < betas.size(); ++b) {
                CAPTURE(rows);
                CAPTURE(d);
                CAPTURE(betas[b]);
                CHECK(relative_error(result[b], x, weights, betas[b]) < 1e-14L);
            }
            CHECK(reference::same_bits(result, energies(x, weights, betas, 3)));
        }
    }
}

TEST_CASE("the energy of many tokens, some of them merged") {
    Tokens<double> x = reference::random_tokens<double>(2100, 3, 63);
    x.bottomRows(700) = cluster(700, 3, 1e-9);
    const Vector<double> weights = reference::random_weights<double>(2100, true, 64);
    CHECK(relative_error(energies(x, weights, {3.0})[0], x, weights, 3.0) < 1e-14L);
}

TEST_CASE("two clusters of 1e-9, each with all the digits of its own") {
    Tokens<double> x(97, 4);
    x << cluster(60, 4, 1e-9), -cluster(37, 4, 1e-9);
    Vector<double> weights = Vector<double>::Zero(97);
    weights.head(60) = reference::random_weights<double>(60, false, 65);
    CHECK(relative_error(energies(x, weights, {2.0})[0], x, weights, 2.0) < 1e-14L);
    weights *= 0.5;
    weights.tail(37).setConstant(0.5 / 37);
    CHECK(relative_error(energies(x, weights, {2.0})[0], x, weights, 2.0) < 1e-14L);
}

TEST_CASE("the energy at the ends of the range of beta") {
    for (const Index rows : {2, 97}) {
        Tokens<double> x = reference::random_tokens<double>(rows, 3, 66);
        x.row(rows - 1) = -x.row(0);  // the largest gap
        const Vector<double> weights = reference::random_weights<double>(rows, false, 67);
        for (const double beta : {1e-300, 1e-9, 100.0, 700.0, -1e-9, -100.0, -350.0}) {
            CAPTURE(rows);
            CAPTURE(beta);
            // A rounding of a gap is multiplied by beta.
            CHECK(relative_error(energies(x, weights, {beta})[0], x, weights, beta) <
                  1e-14L + std::abs(beta) * 4e-16L);
        }
    }
}

TEST_CASE("two tokens 1e-14 apart") {
    Tokens<double> x(2, 3);
    x << 0.36, 0.48, 0.8, 0.36 + 1e-14 * 0.8, 0.48 - 1e-14 * 0.6, 0.8;
    const Vector<double> weights = Vector<double>::Constant(2, 0.5);
    const double result = energies(x, weights, {2.0})[0];
    CHECK(result > 0);
    CHECK(relative_error(result, x, weights, 2.0) < 1e-14L);
    // 1/4 of e^beta beta gap with gap = 1e-28 / 2, up to the rounding of the second token.
    CHECK(result == doctest::Approx(0.25 * std::exp(2.0) * 1e-28).epsilon(0.05));
    x.row(1) = x.row(0);
    CHECK(energies(x, weights, {2.0})[0] == 0.0);
}

TEST_CASE("the histogram counts every unordered pair once") {
    for (const Index rows : {1, 2, 63, 64, 65, 130, 300}) {
        for (const Index bins : {1, 2, 7, 40}) {
            const Tokens<double> x = reference::random_tokens<double>(rows, 3, 57);
            const LongMatrix cosines = reference::products(x.cast<Long>(), x.cast<Long>());
            Counts expected(bins, 0);
            for (Index i = 0; i < rows; ++i) {
                for (Index j = i + 1; j < rows; ++j) {
                    expected[Index(std::floor((cosines(i, j) + 1) / 2 * bins))] += 1;
                }
            }
            const Counts counts = histogram(x, bins);
            CAPTURE(rows);
            CAPTURE(bins);
            CHECK(counts == expected);
            CHECK(std::accumulate(counts.begin(), counts.end(), std::int64_t(0)) ==
                  rows * (rows - 1) / 2);
        }
    }
}

TEST_CASE("bins are closed on the left, the last one on both sides") {
    Tokens<double> x(4, 2);
    x << 1, 0, 0, 1, -1, 0, 1, 0;  // cosines 0, -1, 1, 0, 0, -1
    CHECK(histogram(x, 1) == Counts{6});
    CHECK(histogram(x, 2) == Counts{2, 4});
    CHECK(histogram(x, 4) == Counts{2, 0, 3, 1});
    CHECK(histogram(x, 3) == Counts{2, 3, 1});
    // Tokens whose rounding carries their cosine past 1 or -1 stay in the outer bins.
    const Tokens<double> one = reference::random_tokens<double>(50, 7, 58);
    Tokens<double> both(100, 7);
    both << one, -one;
    const Counts counts = histogram(both, 2000001);
    CHECK(counts.front() == 50);
    both << one, one;
    CHECK(histogram(both, 2000001).back() == 50);
}

TEST_CASE("the number of threads changes no bit") {
    for (const Index rows : {1, 65, 300, 1100}) {
        CAPTURE(rows);
        const Tokens<double> x = reference::random_tokens<double>(rows, 5, 59);
        const Vector<double> weights = reference::random_weights<double>(rows, false, 60);
        const std::vector<double> betas{1.0, -4.0, 30.0};
        for (const int threads : {2, 4}) {
            CHECK(reference::same_bits(energies(x, weights, betas),
                                       energies(x, weights, betas, threads)));
            CHECK(histogram(x, 50) == histogram(x, 50, threads));
        }
    }
}
