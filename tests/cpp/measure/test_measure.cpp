// Measures: how many numbers, which, and of what states.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <vector>

#include "attention/exponential.hpp"
#include "measure/budget_measure.hpp"
#include "measure/clusters.hpp"
#include "measure/cosines.hpp"
#include "measure/energy_measure.hpp"
#include "measure/harmonic_energy.hpp"
#include "measure/order.hpp"
#include "measure/state.hpp"
#include "noise/kernel_pairs.hpp"
#include "reference.hpp"

namespace {

using namespace noisync;

struct Shown {
    Tokens<double> tokens = reference::random_tokens<double>(90, 3, 321);
    Vector<double> weights = reference::random_weights<double>(90, false, 322);
    Vector<double> growth = reference::random_matrix(2, 1, 323);

    [[nodiscard]] std::vector<double> numbers(const SharedMeasure& measure, int threads = 1) const {
        Execution execution(threads);
        // One more, which must stay what it is.
        std::vector<double> out(std::size_t(measure->size()) + 1, -77.0);
        measure->evaluate({tokens, weights, &growth, nullptr, {}}, out.data(), execution);
        CHECK(out.back() == -77.0);
        out.pop_back();
        return out;
    }
};

// Tokens on the circle at these angles.
Tokens<double> circle(const std::vector<double>& angles) {
    Tokens<double> x(Index(angles.size()), 2);
    for (Index i = 0; i < x.rows(); ++i) {
        x.row(i) << std::cos(angles[std::size_t(i)]), std::sin(angles[std::size_t(i)]);
    }
    return x;
}

bool refused(const SharedMeasure& measure, const Needs& shown) {
    try {
        require(*measure, shown);
    } catch (const std::invalid_argument&) {
        return true;
    }
    return false;
}

const std::vector<std::vector<double>> kSeries{{1.0, 0.5, 0.25, 0.125}, {2.0, 1.0}};

}  // namespace

TEST_CASE("a measure of tokens is their coordinates, for their number and dimension") {
    const Shown shown;
    const SharedMeasure measure = token_measure(90, 3);
    const std::vector<double> numbers = shown.numbers(measure);
    REQUIRE(measure->size() == 270);
    for (Index i = 0; i < 90; ++i) {
        for (Index k = 0; k < 3; ++k) {
            CHECK(numbers[std::size_t(3 * i + k)] == shown.tokens(i, k));
        }
    }
    CHECK_FALSE(refused(measure, {90, 3, 0}));
    CHECK_FALSE(refused(measure, {90, 3, 2}));
    CHECK(refused(measure, {89, 3, 0}));
    CHECK(refused(measure, {90, 4, 0}));
}

TEST_CASE("a measure of growth is that of the tangent vectors, for their number") {
    const Shown shown;
    const SharedMeasure measure = growth_measure(2);
    CHECK(shown.numbers(measure) == std::vector<double>{shown.growth(0), shown.growth(1)});
    CHECK_FALSE(refused(measure, {5, 7, 2}));
    CHECK(refused(measure, {5, 7, 0}));
    CHECK(refused(measure, {5, 7, 1}));
    CHECK(refused(measure, {5, 7, 3}));
}

TEST_CASE("a measure of order: the mean's length, the leading eigenvalue, the effective rank") {
    const Shown shown;
    Execution execution;
    const OrderParameters order = order_parameters(shown.tokens, shown.weights, execution);
    const SharedMeasure measure = order_measure();
    CHECK(shown.numbers(measure) ==
          std::vector<double>{order.mean, order.leading, order.effective_rank});
    CHECK_FALSE(refused(measure, {1, 2, 0}));
    CHECK_FALSE(refused(measure, {300, 64, 3}));
}

TEST_CASE("order and energy are cut into the same stretches, which ranks may share") {
    for (const Index rows : {5, 300, 5'000, 100'000, 3'000'000}) {
        CHECK(order_measure()->stretch(rows) ==
              noisync::HarmonicTransform(20, 3).stretches(rows).length(0));
    }
    CHECK(noisync::cluster_measure(0.1)->stretch(300) == 0);
}

TEST_CASE("a measure of clusters: their number and the weight of the heaviest") {
    Shown shown;
    shown.tokens = circle({0.0, 0.1, 2.0});
    shown.weights.resize(3);
    shown.weights << 0.1, 0.2, 0.7;
    const std::vector<double> numbers = shown.numbers(cluster_measure(0.2));
    REQUIRE(numbers.size() == 2);
    CHECK(numbers[0] == 2.0);
    CHECK(numbers[1] == doctest::Approx(0.7));
    CHECK_FALSE(refused(cluster_measure(0.2), {3, 2, 0}));
}

TEST_CASE("tokens without weight link no clusters and make none") {
    Shown shown;
    shown.tokens = circle({0.0, 0.15, 0.3, 2.0, 4.0});
    shown.weights.resize(5);
    shown.weights << 0.1, 0.0, 0.2, 0.7, 0.0;
    const std::vector<double> numbers = shown.numbers(cluster_measure(0.2));
    CHECK(numbers[0] == 3.0);
    CHECK(numbers[1] == 0.7);
}

TEST_CASE("the masses of cosines are those of all ordered pairs, by any number of threads") {
    Shown shown;
    const Index rows = 300;
    shown.tokens = reference::random_tokens<double>(rows, 3, 324);
    shown.weights = reference::random_weights<double>(rows, true, 325);
    const auto measure = cosine_measure(7, PairsBy::mass);
    const std::vector<double> masses = shown.numbers(measure);
    std::vector<double> expected(7, 0.0);
    for (Index i = 0; i < rows; ++i) {
        for (Index j = 0; j < rows; ++j) {
            const double u = i == j ? 1.0 : shown.tokens.row(i).dot(shown.tokens.row(j));
            expected[std::min<std::size_t>(std::size_t((u + 1) / 2 * 7), 6)] +=
                shown.weights(i) * shown.weights(j);
        }
    }
    double total = 0;
    for (std::size_t b = 0; b < 7; ++b) {
        CHECK(masses[b] == doctest::Approx(expected[b]).epsilon(1e-13));
        total += masses[b];
    }
    CHECK(total == doctest::Approx(std::pow(shown.weights.sum(), 2)).epsilon(1e-14));
    for (const int threads : {2, 4}) {
        CHECK(shown.numbers(measure, threads) == masses);
    }
}

TEST_CASE("a measure of cosines counts all pairs, by any number of threads") {
    const Shown shown;
    Execution execution;
    const auto counts = cosine_histogram(shown.tokens, 7, execution);
    const std::vector<double> expected(counts.begin(), counts.end());
    for (const int threads : {1, 2, 4}) {
        CHECK(shown.numbers(cosine_measure(7), threads) == expected);
    }
    CHECK_THROWS_AS(cosine_measure(0), std::invalid_argument);
    CHECK_FALSE(refused(cosine_measure(7), {3, 2, 0}));
}

TEST_CASE("a measure of energies takes the sum that it was made for") {
    const Shown shown;
    Execution execution;
    const std::vector<double> betas{1.0, 4.0};
    for (const EnergyScale scale : {EnergyScale::plain, EnergyScale::scaled}) {
        const SharedMeasure direct = energy_measure(betas, scale, {}, 3);
        CHECK(shown.numbers(direct) ==
              interaction_energy(shown.tokens, shown.weights, betas, execution, scale));
        CHECK_FALSE(refused(direct, {4, 9, 0}));
        // The shorter list of coefficients is as good as one with zeros behind.
        const SharedMeasure linear = energy_measure(betas, scale, kSeries, 3);
        const HarmonicTransform transform(3, 3);
        const std::vector<std::vector<double>> filled{kSeries[0], {2.0, 1.0, 0.0, 0.0}};
        CHECK(shown.numbers(linear) == interaction_energy(transform, filled, betas, shown.tokens,
                                                          shown.weights, execution, scale));
        CHECK_FALSE(refused(linear, {4, 3, 0}));
        CHECK(refused(linear, {90, 2, 0}));
    }
    CHECK_THROWS_AS(energy_measure({1.0}, EnergyScale::plain, kSeries, 3), std::invalid_argument);
    CHECK_THROWS_AS(energy_measure({1.0}, EnergyScale::plain, {{}}, 3), std::invalid_argument);
}

TEST_CASE("a measure of the budget: attention and noise, by direct sums and in linear time") {
    const Shown shown;
    Execution execution;
    BudgetLaw law;
    law.beta = 2.0;
    law.attention = SummedAttention{attention_law(ExponentialAttention{}), {}};
    law.noise = kernel_pair_noise({0.7, -0.4, 0.2});
    const Budget direct = energy_budget(shown.tokens, shown.weights, law, execution);
    CHECK(shown.numbers(budget_measure(law, 3)) ==
          std::vector<double>{direct.attention, direct.noise});
    HarmonicBudgetLaw linear;
    linear.beta = 2.0;
    linear.harmonics = {0.5, 0.25, 0.125};
    linear.noise = {0.1, 0.2, 0.3};
    const Budget summed =
        energy_budget(HarmonicTransform(2, 3), shown.tokens, shown.weights, linear, execution);
    CHECK(shown.numbers(budget_measure(linear, 3)) ==
          std::vector<double>{summed.attention, summed.noise});
    for (const SharedMeasure& measure : {budget_measure(law, 3), budget_measure(linear, 3)}) {
        CHECK_FALSE(refused(measure, {7, 3, 0}));
        CHECK(refused(measure, {90, 4, 0}));
    }
    linear.noise = {0.1};
    CHECK_THROWS_AS(budget_measure(linear, 3), std::invalid_argument);
    CHECK_THROWS_AS(budget_measure(HarmonicBudgetLaw{}, 3), std::invalid_argument);
}
