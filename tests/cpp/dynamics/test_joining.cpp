// Measures that are less work together are made together, with the numbers of each alone.
#include <doctest/doctest.h>

#include <algorithm>
#include <numeric>
#include <utility>
#include <vector>

#include "attention/exponential.hpp"
#include "dynamics/recording.hpp"
#include "measure/budget_measure.hpp"
#include "measure/clusters.hpp"
#include "measure/cosines.hpp"
#include "measure/energy_measure.hpp"
#include "measure/order.hpp"
#include "measure/state.hpp"
#include "noise/independent.hpp"
#include "noise/kernel_pairs.hpp"
#include "noise/value.hpp"
#include "states.hpp"

namespace {

using namespace noisync;
using Measures = std::vector<SharedMeasure>;

constexpr Index kRows = 90;
constexpr Index kDim = 3;
constexpr Index kRuns = 2;

const Schedule kSchedule = Schedule::regular(2, 3);

SharedMeasure energy(std::vector<double> betas, EnergyScale scale = EnergyScale::plain) {
    return energy_measure(std::move(betas), scale, {}, kDim);
}

SharedMeasure linear_energy(std::vector<double> betas, std::vector<std::vector<double>> series,
                            EnergyScale scale = EnergyScale::plain) {
    return energy_measure(std::move(betas), scale, std::move(series), kDim);
}

const SharedPairNoise kField = kernel_pair_noise({0.7, -0.4, 0.2});

SharedMeasure budget(double beta, EnergyScale scale = EnergyScale::plain,
                     const SharedPairNoise& noise = kField, ExponentialAttention attention = {}) {
    BudgetLaw law;
    law.beta = beta;
    law.attention = SummedAttention{attention_law(attention), {}};
    law.noise = noise;
    law.scale = scale;
    return budget_measure(law, kDim);
}

SharedMeasure linear_budget(double beta) {
    HarmonicBudgetLaw law;
    law.beta = beta;
    law.harmonics = {0.5, 0.25, 0.125};
    law.noise = {0.1, 0.2, 0.3};
    return budget_measure(law, kDim);
}

// Outputs for records, a float64 and a float32 array in turn for the numbers of each.
struct Arrays {
    explicit Arrays(const Measures& measures) {
        for (const SharedMeasure& measure : measures) {
            const auto size = std::size_t(kRuns * kSchedule.slots() * measure->size());
            doubles.emplace_back(size, -77.0);
            floats.emplace_back(size, -77.0F);
        }
    }

    MeasureRecord record(const SharedMeasure& measure, std::size_t k) {
        const Index size = measure->size();
        if (k % 2 == 0) {
            return {kSchedule, measure, {{doubles[k].data(), size}}};
        }
        return {kSchedule, measure, {{floats[k].data(), size}}};
    }

    bool operator==(const Arrays&) const = default;

    std::vector<std::vector<double>> doubles;
    std::vector<std::vector<float>> floats;
};

void show_all(const Recording<double>& recording) {
    const Vector<double> weights = reference::random_weights<double>(kRows, false, 341);
    for (Index run = 0; run < kRuns; ++run) {
        for (Index layer = 0; layer <= 3; ++layer) {
            State<double> state = reference::first_state(
                reference::random_tokens<double>(kRows, kDim, unsigned(350 + 10 * run + layer)));
            state.layer = layer;
            Execution execution(2);
            recording.see(run, state, weights, execution);
        }
    }
}

// The passes that the measures take together, in this order. Checks that they write what each of
// them writes alone, bit for bit.
Index passes_in_order(const Measures& measures) {
    Arrays together(measures);
    Arrays alone(measures);
    std::vector<MeasureRecord> records;
    for (std::size_t k = 0; k < measures.size(); ++k) {
        records.push_back(together.record(measures[k], k));
        const Recording<double> single({alone.record(measures[k], k)}, {});
        CHECK(single.passes() == 1);
        show_all(single);
    }
    const Recording<double> recording(std::move(records), {});
    recording.require({kRows, kDim, 0});
    show_all(recording);
    CHECK(together == alone);
    return recording.passes();
}

// The same for all orders, which must agree.
Index passes(const Measures& measures) {
    std::vector<std::size_t> order(measures.size());
    std::iota(order.begin(), order.end(), std::size_t(0));
    const Index result = passes_in_order(measures);
    while (std::ranges::next_permutation(order).found) {
        Measures permuted;
        for (const std::size_t k : order) {
            permuted.push_back(measures[k]);
        }
        CHECK(passes_in_order(permuted) == result);
    }
    return result;
}

}  // namespace

TEST_CASE("energies of one scale share a pass") {
    CHECK(passes({energy({1.0})}) == 1);
    CHECK(passes({energy({1.0}), energy({2.0, 0.5}), energy({4.0})}) == 1);
    CHECK(passes({energy({1.0}), energy({1.0})}) == 1);
    CHECK(passes({energy({1.0}, EnergyScale::scaled), energy({2.0}, EnergyScale::scaled)}) == 1);
    CHECK(passes({energy({1.0}), energy({1.0}, EnergyScale::scaled)}) == 2);
    CHECK(passes({energy({1.0}), energy({2.0}), energy({1.0}, EnergyScale::scaled),
                  energy({2.0}, EnergyScale::scaled)}) == 2);
}

TEST_CASE("energies in linear time share a pass, but not with direct ones") {
    const SharedMeasure one = linear_energy({1.0}, {{1.0, 0.5, 0.25}});
    const SharedMeasure others = linear_energy({2.0, 3.0}, {{2.0, 1.0}, {0.5, 1.0, 2.0}});
    CHECK(passes({one, others}) == 1);
    CHECK(passes({one, energy({1.0})}) == 2);
    CHECK(passes({one, energy({1.0}), others, energy({2.0})}) == 2);
    CHECK(passes({one, linear_energy({1.0}, {{1.0, 0.5, 0.25}}, EnergyScale::scaled)}) == 2);
}

TEST_CASE("energies by more coefficients than others round differently, and stand alone") {
    const SharedMeasure few = linear_energy({1.0}, {{1.0, 0.5, 0.25}});
    const SharedMeasure many = linear_energy({2.0}, {std::vector<double>(30, 0.25)});
    CHECK(passes({few, many}) == 2);
    CHECK(passes({few, many, linear_energy({3.0}, {{0.5, 0.25, 0.125}})}) == 2);
    const auto of_dim = [](Index dim) {
        return energy_measure({1.0}, EnergyScale::plain, {{1.0, 0.5}}, dim);
    };
    CHECK(of_dim(3)->joined(*of_dim(3)) != nullptr);
    CHECK(of_dim(3)->joined(*of_dim(4)) == nullptr);
}

TEST_CASE("a budget takes the energy of its beta and scale along") {
    CHECK(passes({budget(2.0), energy({2.0})}) == 1);
    CHECK(passes({budget(2.0, EnergyScale::scaled), energy({2.0}, EnergyScale::scaled)}) == 1);
    CHECK(passes({budget(2.0), energy({3.0})}) == 2);
    CHECK(passes({budget(2.0), energy({2.0}, EnergyScale::scaled)}) == 2);
    CHECK(passes({budget(2.0), energy({2.0, 3.0})}) == 2);
    CHECK(passes({budget(2.0), energy({2.0}), energy({2.0})}) == 2);
    CHECK(passes({budget(2.0), energy({2.0}), energy({3.0}), energy({4.0})}) == 2);
    CHECK(passes({budget(2.0), energy({2.0}), budget(3.0), energy({3.0})}) == 2);
    CHECK(passes({budget(2.0), budget(2.0), energy({2.0})}) == 2);
}

TEST_CASE("the energy that a budget takes along is the energy, whatever the budget is made of") {
    ExponentialAttention other;
    other.beta = 3.0;
    other.value = reference::random_matrix(kDim, kDim, 342);
    const std::vector<SharedPairNoise> noises{
        kField, nullptr, pair_noise(IndependentNoise{0.5}),
        pair_noise(ValueNoise{{attention_law(other), {}}, 0.5})};
    for (std::size_t i = 0; i < noises.size(); ++i) {
        const SharedPairNoise& noise = noises[i];
        CAPTURE(i);
        for (const ExponentialAttention& attention : {ExponentialAttention{}, other}) {
            CHECK(passes({budget(2.0, EnergyScale::plain, noise, attention), energy({2.0})}) == 1);
            CHECK(passes({budget(-1.0, EnergyScale::plain, noise, attention), energy({-1.0})}) ==
                  1);
        }
    }
}

TEST_CASE("a budget by direct sums does not stand in for an energy in linear time") {
    CHECK(passes({budget(2.0), linear_energy({2.0}, {{1.0, 0.5, 0.25}})}) == 2);
    CHECK(passes({budget(2.0), linear_energy({2.0}, {{1.0, 0.5, 0.25}}), energy({2.0})}) == 2);
}

TEST_CASE("other measures have passes of their own") {
    CHECK(passes({linear_budget(2.0), energy({2.0})}) == 2);
    CHECK(passes({linear_budget(2.0), linear_energy({2.0}, {{1.0, 0.5}})}) == 2);
    CHECK(passes({order_measure(), order_measure()}) == 2);
    CHECK(passes({cosine_measure(4), cosine_measure(4), cluster_measure(0.5)}) == 3);
    CHECK(passes({token_measure(kRows, kDim), energy({1.0}), order_measure()}) == 3);
}

TEST_CASE("measures of different schedules are not joined") {
    std::vector<double> numbers(100);
    const auto record = [&](const Schedule& schedule, const SharedMeasure& measure) {
        return MeasureRecord{schedule, measure, {{numbers.data(), measure->size()}}};
    };
    const auto passes_of = [&](const Schedule& first, const Schedule& second) {
        const Recording<float> energies(
            {record(first, energy({1.0})), record(second, energy({2.0}))}, {});
        const Recording<float> with_budget(
            {record(first, energy({2.0})), record(second, budget(2.0))}, {});
        CHECK(energies.passes() == with_budget.passes());
        return energies.passes();
    };
    CHECK(passes_of(Schedule::regular(2, 6), Schedule::regular(2, 6)) == 1);
    CHECK(passes_of(Schedule::regular(2, 6), Schedule::regular(3, 6)) == 2);
    CHECK(passes_of(Schedule::regular(2, 6), Schedule::regular(2, 7)) == 2);
    CHECK(passes_of(Schedule::listed({1, 2}), Schedule::listed({1, 2})) == 1);
    CHECK(passes_of(Schedule::listed({1, 2}), Schedule::listed({1, 3})) == 2);
}
