// What is recorded, and where it is written.
#include <doctest/doctest.h>

#include <memory>
#include <stdexcept>
#include <utility>
#include <vector>

#include "dynamics/recording.hpp"
#include "measure/budget_measure.hpp"
#include "measure/clusters.hpp"
#include "measure/cosines.hpp"
#include "measure/energy_measure.hpp"
#include "measure/order.hpp"
#include "measure/state.hpp"
#include "recorder.hpp"
#include "states.hpp"

namespace {

using namespace noisync;
using reference::Recorder;

constexpr Index kRuns = 3;
constexpr Index kRows = 8;
constexpr Index kDim = 3;

const Vector<double> kWeights = reference::random_weights<double>(kRows, false, 331);

// The state of a run at a layer: tokens of their own, and two tangent vectors' growth.
template <class Real>
State<Real> state_at(Index run, Index layer) {
    const auto seed = unsigned(1000 + 100 * run + layer);
    State<Real> state = reference::first_state(reference::random_tokens<Real>(kRows, kDim, seed));
    state.layer = layer;
    state.tangents = Tangents<Real>{
        0, 1, Matrix<Real>::Zero(2, kDim), reference::random_matrix(2, 1, seed + 10'000), {}};
    return state;
}

template <class Real>
std::vector<double> numbers(const Measure& measure, const State<Real>& state) {
    const Tokens<double> tokens = state.tokens.template cast<double>();
    std::vector<double> out(std::size_t(measure.size()));
    Execution execution;
    measure.evaluate({tokens, kWeights, &state.tangents->growth, nullptr, {}}, out.data(),
                     execution);
    return out;
}

// Shows all runs at layers 0 to 5, in an order in which no run and no layer waits for another.
template <class Real>
void show_all(const Recording<Real>& recording) {
    Execution execution;
    for (const Index layer : {3, 0, 5, 1, 4, 2}) {
        for (const Index run : {2, 0, 1}) {
            recording.see(run, state_at<Real>(run, layer), kWeights, execution);
        }
    }
}

// An array of shape (runs, slots, size) with a margin that nobody may write to.
template <class Value>
struct Array {
    Array(const Schedule& schedule, Index size)
        : size(size), values(std::size_t(kRuns * schedule.slots() * size) + 1, Value(-77)) {}

    Output output() { return {values.data(), size}; }

    Index size;
    std::vector<Value> values;
};

}  // namespace

TEST_CASE_TEMPLATE("numbers stand at their run and slot, in as many arrays as they were given",
                   Real, double, float) {
    const std::vector<std::pair<Schedule, std::vector<Index>>> schedules{
        {Schedule::listed({1, 4}), {1, 4}},
        {Schedule::regular(2, 5), {0, 2, 4, 5}},
        {Schedule::listed({5, 9}), {5}}};
    const SharedMeasure order = order_measure();
    const SharedMeasure growth = growth_measure(2);
    for (const auto& [schedule, layers] : schedules) {
        Array<double> mean(schedule, 1);
        Array<float> others(schedule, 2);
        Array<float> first_growth(schedule, 1);
        Array<double> second_growth(schedule, 1);
        Array<double> tokens(Schedule::listed({2}), kRows * kDim);
        show_all(
            Recording<Real>({{schedule, order, {mean.output(), others.output()}},
                             {Schedule::listed({2}), token_measure(kRows, kDim), {tokens.output()}},
                             {schedule, growth, {first_growth.output(), second_growth.output()}}},
                            {}));
        Array<double> mean_expected(schedule, 1);
        Array<float> others_expected(schedule, 2);
        Array<float> first_expected(schedule, 1);
        Array<double> second_expected(schedule, 1);
        std::vector<double> tokens_expected;
        for (Index run = 0; run < kRuns; ++run) {
            for (std::size_t slot = 0; slot < layers.size(); ++slot) {
                const State<Real> state = state_at<Real>(run, layers[slot]);
                const auto place = std::size_t(run * schedule.slots()) + slot;
                const std::vector<double> made = numbers(*order, state);
                mean_expected.values[place] = made[0];
                others_expected.values[2 * place] = float(made[1]);
                others_expected.values[2 * place + 1] = float(made[2]);
                first_expected.values[place] = float(state.tangents->growth(0));
                second_expected.values[place] = state.tangents->growth(1);
            }
            const Tokens<double> second = state_at<Real>(run, 2).tokens.template cast<double>();
            tokens_expected.insert(tokens_expected.end(), second.data(),
                                   second.data() + second.size());
        }
        tokens_expected.push_back(-77);
        CHECK(mean.values == mean_expected.values);
        CHECK(others.values == others_expected.values);
        CHECK(first_growth.values == first_expected.values);
        CHECK(second_growth.values == second_expected.values);
        CHECK(tokens.values == tokens_expected);
    }
}

TEST_CASE("a call gets the run, the slot and the tokens, after all measures of the layer") {
    const Schedule schedule = Schedule::listed({1, 4});
    std::vector<double> seen;
    Recorder<double> recorder(schedule);
    Array<double> all(schedule, 3);
    const Recording<double> recording(
        {{schedule, order_measure(), {all.output()}}},
        {{schedule,
          [&](Index run, Index slot, const Tokens<double>&) {
              seen.push_back(all.values[std::size_t((run * 2 + slot) * 3)]);
          }},
         recorder.record()});
    show_all(recording);
    CHECK(recorder.runs == std::vector<Index>{2, 0, 1, 2, 0, 1});
    CHECK(recorder.slots == std::vector<Index>{0, 0, 0, 1, 1, 1});
    REQUIRE(seen.size() == 6);
    for (std::size_t k = 0; k < 6; ++k) {
        const auto state = state_at<double>(recorder.runs[k], recorder.slots[k] == 0 ? 1 : 4);
        CHECK(seen[k] == numbers(*order_measure(), state)[0]);
        CHECK(reference::same_bits(recorder.states[k], state.tokens));
    }
}

TEST_CASE("what a measure throws reaches the caller, and no call is made") {
    class Failing final : public Measure {
       public:
        [[nodiscard]] Index size() const override { return 1; }
        void evaluate(const Snapshot&, double*, Execution&) const override {
            throw std::domain_error("measure");
        }
    };
    const Schedule schedule = Schedule::listed({1});
    Array<double> array(schedule, 1);
    Recorder<double> recorder(schedule);
    const Recording<double> recording({{schedule, std::make_shared<Failing>(), {array.output()}}},
                                      {recorder.record()});
    Execution execution;
    recording.see(0, state_at<double>(0, 0), kWeights, execution);
    CHECK_THROWS_AS(recording.see(0, state_at<double>(0, 1), kWeights, execution),
                    std::domain_error);
    CHECK(recorder.slots.empty());
}

TEST_CASE("a recording refuses runs that its measures are not for, and outputs that do not fit") {
    const Schedule schedule = Schedule::listed({1});
    Array<double> array(schedule, 100);
    const auto refused = [&](const SharedMeasure& measure, const std::vector<Index>& sizes,
                             const Needs& shown) {
        std::vector<Output> outputs;
        for (const Index size : sizes) {
            outputs.push_back({array.values.data(), size});
        }
        // Behind one that fits.
        const Recording<double> recording(
            {{schedule, order_measure(), {{array.values.data(), 3}}}, {schedule, measure, outputs}},
            {});
        try {
            recording.require(shown);
        } catch (const std::invalid_argument&) {
            return true;
        }
        return false;
    };
    const Needs shown{kRows, kDim, 2};
    const SharedMeasure tokens = token_measure(kRows, kDim);
    CHECK_FALSE(refused(tokens, {24}, shown));
    CHECK_FALSE(refused(tokens, {8, 16}, shown));
    CHECK(refused(tokens, {24}, {kRows - 1, kDim, 2}));
    CHECK(refused(tokens, {24}, {kRows, kDim + 1, 2}));
    CHECK(refused(tokens, {23}, shown));
    CHECK(refused(tokens, {24, 1}, shown));
    CHECK(refused(tokens, {}, shown));
    CHECK_FALSE(refused(growth_measure(2), {1, 1}, shown));
    CHECK(refused(growth_measure(2), {1, 1}, {kRows, kDim, 0}));
    CHECK(refused(growth_measure(2), {1, 1}, {kRows, kDim, 1}));
    const SharedMeasure linear = energy_measure({1.0}, EnergyScale::plain, {{1.0, 0.5}}, kDim);
    CHECK_FALSE(refused(linear, {1}, shown));
    CHECK(refused(linear, {1}, {kRows, kDim + 1, 2}));
}

TEST_CASE("nothing to record is nothing to refuse") {
    const Recording<double> nothing;
    nothing.require({1, 2, 0});
    CHECK(nothing.passes() == 0);
    Execution execution;
    nothing.see(0, state_at<double>(0, 0), kWeights, execution);
}
