// How a call for many runs ends before the last layer, and how the runs go on from there.
#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <memory>
#include <stdexcept>
#include <vector>

#include "attention/exponential.hpp"
#include "ensembles.hpp"
#include "scripted.hpp"

namespace {

using namespace noisync;
using reference::as_alone;
using reference::Ensemble;
using reference::full_dynamics;
using reference::kDim;
using reference::kLayers;
using reference::kRows;
using reference::kRuns;
using Layers = std::vector<Index>;

constexpr Index kTangents = 2;

// The tokens of all layers.
struct Numbers {
    Schedule schedule = Schedule::regular(1, kLayers);
    std::vector<double> tokens =
        std::vector<double>(std::size_t(kRuns * schedule.slots() * kRows * kDim), -77.0);

    [[nodiscard]] MeasureRecord record() {
        return {schedule, token_measure(kRows, kDim), {{tokens.data(), kRows * kDim}}};
    }

    [[nodiscard]] bool written(Index run, Index layer) const {
        return tokens[std::size_t((run * schedule.slots() + layer) * kRows * kDim)] != -77.0;
    }
};

// A measure that waits to be interrupted, from the evaluation of that number on.
class Waiting final : public Measure {
   public:
    explicit Waiting(Index first) : first_(first) {}
    [[nodiscard]] Index size() const override { return 1; }
    void evaluate(const Snapshot&, double* out, Execution& execution) const override {
        if (++evaluations_ >= first_) {
            reference::work_until_interrupted(execution);
        }
        *out = 1;
    }

   private:
    Index first_;
    mutable std::atomic<Index> evaluations_{0};
};

// Where runs of the full dynamics stand that were stopped on their way to the last layer.
template <class Real>
void check_stopped(const Ensemble<Real>& stopped, const Numbers& numbers) {
    for (Index run = 0; run < kRuns; ++run) {
        const Index layer = stopped.layers[std::size_t(run)];
        const Index seen = stopped.seen[std::size_t(run)];
        CAPTURE(run);
        CAPTURE(layer);
        CAPTURE(seen);
        CHECK((seen == layer || seen == layer - 1));
        for (Index k = 0; k <= seen; ++k) {
            CHECK(numbers.written(run, k));
        }
        CHECK_FALSE((layer < kLayers && numbers.written(run, layer + 1)));
        CHECK(stopped.layers_summed_directly[std::size_t(run)] == layer);
    }
    CHECK(as_alone(stopped, Ensemble<Real>(kTangents), full_dynamics()));
}

// Goes on to the last layer, as if nothing had happened.
template <class Real>
void check_going_on(Ensemble<Real>& stopped, Numbers& numbers, bool side_by_side, int threads) {
    Execution execution(threads);
    advance<Real>(full_dynamics(), stopped.states(), kLayers, {{numbers.record()}, {}},
                  side_by_side, execution);
    Ensemble<Real> undisturbed(kTangents);
    Numbers expected;
    Execution calm;
    advance<Real>(full_dynamics(), undisturbed.states(), kLayers, {{expected.record()}, {}}, false,
                  calm);
    CHECK(stopped.layers == Layers(kRuns, kLayers));
    CHECK(stopped.seen == Layers(kRuns, kLayers));
    CHECK(stopped.layers_summed_directly == undisturbed.layers_summed_directly);
    CHECK(reference::same_bits(stopped.tokens, undisturbed.tokens));
    CHECK(reference::same_bits(stopped.vectors, undisturbed.vectors));
    CHECK(reference::same_bits(stopped.growth, undisturbed.growth));
    CHECK(numbers.tokens == expected.tokens);
}

// x' = LN(x + V x_2) for every token, with I + V that leaves e_1 and carries e_2 to e_3, e_3 to e_4
// and e_4 to zero: from e_2 on token 2 goes through the axes, and to zero in layer 3.
Dynamics through_the_axes() {
    ExponentialAttention attention;
    attention.beta = 0.0;
    Matrix<double> value = -Matrix<double>::Identity(kDim, kDim);
    value(0, 0) = 0;
    value(2, 1) = 1;
    value(3, 2) = 1;
    attention.value = value;
    Dynamics dynamics = full_dynamics();
    dynamics.attention = SummedAttention{attention_law(attention), {}};
    dynamics.noise.reset();
    dynamics.step = {1.0, 1};
    dynamics.weights = Vector<double>::Unit(kRows, 2);
    dynamics.tangent_token = 0;
    return dynamics;
}

}  // namespace

TEST_CASE_TEMPLATE("a run that leaves the sphere is named, and all stand at a complete layer", Real,
                   double, float) {
    const Dynamics dynamics = through_the_axes();
    for (const bool side_by_side : {false, true}) {
        for (const int threads : {1, 2, 4}) {
            CAPTURE(side_by_side);
            CAPTURE(threads);
            Ensemble<Real> ensemble(kTangents);
            ensemble.tokens.row(kRows + 2) = Vector<Real>::Unit(kDim, 1);
            const Ensemble<Real> start = ensemble;
            Execution execution(threads);
            try {
                advance<Real>(dynamics, ensemble.states(), kLayers, {}, side_by_side, execution);
                FAIL("the zero vector has no direction");
            } catch (const RunLeftSphere& lost) {
                CHECK(lost.run() == 1);
                CHECK(lost.layer() == 3);
                CHECK(lost.token() == 2);
            }
            CHECK(ensemble.layers[1] == 2);
            CHECK(ensemble.seen[1] == 2);
            if (!side_by_side || threads == 1) {
                CHECK(ensemble.layers == Layers{kLayers, 2, 0, 0, 0});
                CHECK(ensemble.seen == Layers{kLayers, 2, -1, -1, -1});
            }
            CHECK(as_alone(ensemble, start, dynamics));
            // Helped away from its axis, the run goes on with the others.
            ensemble.tokens.row(kRows + 2) = start.tokens.row(2 * kRows);
            const Ensemble<Real> helped = ensemble;
            advance<Real>(dynamics, ensemble.states(), kLayers, {}, side_by_side, execution);
            CHECK(ensemble.layers == Layers(kRuns, kLayers));
            CHECK(ensemble.seen == Layers(kRuns, kLayers));
            CHECK(as_alone(ensemble, helped, dynamics));
            Ensemble<Real> others = ensemble;
            others.tokens.middleRows(kRows, kRows) = start.tokens_of(1);
            others.layers[1] = 0;
            others.seen[1] = -1;
            CHECK(as_alone(others, start, dynamics));
        }
    }
}

TEST_CASE_TEMPLATE("runs that were interrupted go on as if undisturbed", Real, double, float) {
    for (const int threads : {1, 2, 4}) {
        CAPTURE(threads);
        // The second run to reach layer 4 waits there.
        Numbers numbers;
        double waited[kRuns];
        const Recording<Real> recording(
            {numbers.record(),
             {Schedule::listed({4}), std::make_shared<Waiting>(2), {{&waited[0], 1}}}},
            {});
        reference::StopAtLayer watch(kLayers + 4);
        Execution execution(threads, &watch);
        Ensemble<Real> ensemble(kTangents);
        CHECK_THROWS_AS(
            advance(full_dynamics(), ensemble.states(), kLayers, recording, false, execution),
            Interrupted);
        CHECK(ensemble.layers == Layers{kLayers, 4, 0, 0, 0});
        CHECK(ensemble.seen == Layers{kLayers, 3, -1, -1, -1});
        check_stopped(ensemble, numbers);
        check_going_on(ensemble, numbers, false, threads);
    }
}

TEST_CASE_TEMPLATE("runs side by side that were interrupted go on as if undisturbed", Real, double,
                   float) {
    for (const int threads : {1, 2, 4}) {
        CAPTURE(threads);
        // All runs wait at layer 4; the stop may come to some of them before.
        Numbers numbers;
        double waited[kRuns];
        const Recording<Real> recording(
            {numbers.record(),
             {Schedule::listed({4}), std::make_shared<Waiting>(1), {{&waited[0], 1}}}},
            {});
        reference::StopAtLayer watch(4);
        Execution execution(threads, &watch);
        Ensemble<Real> ensemble(kTangents);
        CHECK_THROWS_AS(
            advance(full_dynamics(), ensemble.states(), kLayers, recording, true, execution),
            Interrupted);
        CHECK(std::ranges::max(ensemble.layers) <= 4);
        CHECK(std::ranges::max(ensemble.seen) <= 3);
        CHECK(ensemble.seen[kRuns - 1] == -1);
        check_stopped(ensemble, numbers);
        check_going_on(ensemble, numbers, true, threads);
    }
}

TEST_CASE_TEMPLATE("what a call throws ends all runs, which go on as if undisturbed", Real, double,
                   float) {
    for (const Index failing : {0, 4, 7}) {
        for (const bool side_by_side : {false, true}) {
            for (const int threads : {1, 2, 4}) {
                CAPTURE(failing);
                CAPTURE(side_by_side);
                CAPTURE(threads);
                Numbers numbers;
                const auto call = [&](Index run, Index slot, const Tokens<Real>&) {
                    if (run == 1 && slot == failing) {
                        throw std::domain_error("call");
                    }
                };
                Execution execution(threads);
                Ensemble<Real> ensemble(kTangents);
                CHECK_THROWS_WITH_AS(advance<Real>(full_dynamics(), ensemble.states(), kLayers,
                                                   {{numbers.record()}, {{numbers.schedule, call}}},
                                                   side_by_side, execution),
                                     "call", std::domain_error);
                CHECK(ensemble.layers[1] == failing);
                CHECK(ensemble.seen[1] == failing - 1);
                if (!side_by_side || threads == 1) {
                    CHECK(ensemble.layers == Layers{kLayers, failing, 0, 0, 0});
                    CHECK(ensemble.seen == Layers{kLayers, failing - 1, -1, -1, -1});
                }
                check_stopped(ensemble, numbers);
                check_going_on(ensemble, numbers, side_by_side, threads);
            }
        }
    }
}
