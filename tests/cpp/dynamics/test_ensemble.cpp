// Many runs in one call are as many runs alone.
#include <doctest/doctest.h>

#include <limits>
#include <stdexcept>
#include <vector>

#include "ensembles.hpp"
#include "recorder.hpp"
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

struct Way {
    bool side_by_side = false;
    int threads = 1;
};

const std::vector<Way> kWays{{false, 1}, {false, 2}, {false, 4}, {true, 1}, {true, 2}, {true, 4}};

template <class Real>
void carry(Ensemble<Real>& ensemble, const Dynamics& dynamics, Index last, const Way& way = {},
           const Recording<Real>& recording = {}) {
    Execution execution(way.threads);
    require(dynamics, ensemble.states(), recording);
    advance(dynamics, ensemble.states(), last, recording, way.side_by_side, execution);
}

// The numbers of every layer in arrays of shape (runs, layers, size).
struct Numbers {
    Schedule schedule = Schedule::regular(1, kLayers);
    std::vector<double> tokens =
        std::vector<double>(std::size_t(kRuns * schedule.slots() * kRows * kDim), -77.0);
    std::vector<float> growth = std::vector<float>(std::size_t(kRuns * schedule.slots() * 2), -77);
    std::vector<double> energies = std::vector<double>(std::size_t(kRuns * schedule.slots()), -77);

    [[nodiscard]] std::vector<MeasureRecord> records() {
        return {{schedule, token_measure(kRows, kDim), {{tokens.data(), kRows * kDim}}},
                {schedule, growth_measure(2), {{growth.data(), 2}}},
                {schedule,
                 energy_measure({1.5}, EnergyScale::plain, {}, kDim),
                 {{energies.data(), 1}}}};
    }

    bool operator==(const Numbers&) const = default;
};

bool refused(const Dynamics& dynamics, const States<double>& states,
             const Recording<double>& recording = {}) {
    try {
        require(dynamics, states, recording);
    } catch (const std::invalid_argument&) {
        return true;
    }
    return false;
}

}  // namespace

TEST_CASE_TEMPLATE("runs are those of a run alone, side by side or not, by any number of threads",
                   Real, double, float) {
    std::vector<Dynamics> systems(4, full_dynamics());
    systems[1].noise.reset();
    systems[2].attention.reset();
    systems[2].scheme = Scheme::euler;
    systems[3].noise.reset();
    systems[2].shares_path = true;
    systems[3].scheme = Scheme::rk4;
    for (std::size_t s = 0; s < systems.size(); ++s) {
        for (const Index tangents : {0, 2}) {
            if (tangents > 0 && systems[s].scheme == Scheme::rk4) {
                continue;
            }
            for (const Way& way : kWays) {
                CAPTURE(s);
                CAPTURE(tangents);
                CAPTURE(way.side_by_side);
                CAPTURE(way.threads);
                const Ensemble<Real> start(tangents);
                Ensemble<Real> ensemble(tangents);
                carry(ensemble, systems[s], kLayers, way);
                CHECK(ensemble.layers == std::vector<Index>(kRuns, kLayers));
                CHECK(ensemble.seen == ensemble.layers);
                CHECK(ensemble.layers_summed_directly ==
                      std::vector<Index>(kRuns, systems[s].attention ? kLayers : 0));
                CHECK(as_alone(ensemble, start, systems[s]));
            }
        }
    }
}

TEST_CASE("runs differ by their replicates only, which count on from the first") {
    const Dynamics dynamics = full_dynamics();
    Ensemble<double> ensemble(2);
    for (Index run = 1; run < kRuns; ++run) {
        ensemble.tokens.middleRows(run * kRows, kRows) = ensemble.tokens_of(0);
    }
    const Ensemble<double> start = ensemble;
    carry(ensemble, dynamics, 3);
    CHECK(as_alone(ensemble, start, dynamics));
    Dynamics second = dynamics;
    ++second.path.replicate;
    Ensemble<double> alone(2, 1);
    alone.tokens = start.tokens_of(0);
    carry(alone, second, 3);
    CHECK(reference::same_bits(alone.tokens, ensemble.tokens_of(1)));
    CHECK_FALSE(reference::same_bits(ensemble.tokens_of(0), ensemble.tokens_of(1)));
    CHECK_FALSE(reference::same_bits(Matrix<double>(ensemble.vectors.topRows(2)),
                                     Matrix<double>(ensemble.vectors.middleRows(2, 2))));
}

TEST_CASE_TEMPLATE("going on from the arrays gives the bits of going at once, recorded and not",
                   Real, double, float) {
    const Dynamics dynamics = full_dynamics();
    Ensemble<Real> whole(2);
    Numbers at_once;
    carry<Real>(whole, dynamics, kLayers, {}, {at_once.records(), {}});
    for (const Way& way : kWays) {
        CAPTURE(way.side_by_side);
        CAPTURE(way.threads);
        Ensemble<Real> split(2);
        Numbers in_parts;
        for (const Index last : {Index(0), Index(3), Index(3), Index(1), kLayers}) {
            carry<Real>(split, dynamics, last, way, {in_parts.records(), {}});
        }
        CHECK(reference::same_bits(split.tokens, whole.tokens));
        CHECK(reference::same_bits(split.vectors, whole.vectors));
        CHECK(reference::same_bits(split.growth, whole.growth));
        CHECK(split.layers_summed_directly == whole.layers_summed_directly);
        CHECK(in_parts == at_once);
    }
}

TEST_CASE("runs may stand at different layers; those beyond the last one stay") {
    const Dynamics dynamics = full_dynamics();
    Ensemble<double> ensemble(2);
    const Ensemble<double> start = ensemble;
    carry(ensemble, dynamics, 2);
    Ensemble<double> further = ensemble;
    carry(further, dynamics, 6);
    for (const Index run : {1, 3}) {
        ensemble.tokens.middleRows(run * kRows, kRows) = further.tokens_of(run);
        ensemble.vectors.middleRows(run * 2, 2) = further.vectors.middleRows(run * 2, 2);
        ensemble.growth.segment(run * 2, 2) = further.growth.segment(run * 2, 2);
        ensemble.layers[std::size_t(run)] = 6;
        ensemble.layers_summed_directly[std::size_t(run)] = 6;
        ensemble.seen[std::size_t(run)] = 6;
    }
    carry(ensemble, dynamics, 4);
    CHECK(ensemble.layers == std::vector<Index>{4, 6, 4, 6, 4});
    CHECK(ensemble.seen == ensemble.layers);
    CHECK(as_alone(ensemble, start, dynamics));
    carry(ensemble, dynamics, kLayers);
    CHECK(as_alone(ensemble, start, dynamics));
}

TEST_CASE("tangent vectors are drawn for a run of which nothing was seen, whatever its layer") {
    const Dynamics dynamics = full_dynamics();
    Ensemble<double> ensemble(2);
    carry(ensemble, dynamics, 0);
    ensemble.vectors.topRows(2).colwise().reverseInPlace();  // of the first run
    ensemble.layers[1] = 4;
    ensemble.seen[1] = -1;
    ensemble.vectors.middleRows(2, 2).setConstant(-77);
    const Ensemble<double> start = ensemble;
    carry(ensemble, dynamics, 6);
    CHECK(as_alone(ensemble, start, dynamics));
    CHECK(ensemble.layers == std::vector<Index>(kRuns, 6));
}

TEST_CASE("every state of every run is recorded once, with its own numbers") {
    const Dynamics dynamics = full_dynamics();
    Ensemble<double> ensemble(2);
    Numbers numbers;
    reference::Recorder<double> recorder(numbers.schedule);
    carry<double>(ensemble, dynamics, 4, {}, {numbers.records(), {recorder.record()}});
    carry<double>(ensemble, dynamics, kLayers, {}, {numbers.records(), {recorder.record()}});
    REQUIRE(recorder.runs.size() == kRuns * (kLayers + 1));
    std::vector<std::vector<Index>> slots(kRuns);
    for (std::size_t k = 0; k < recorder.runs.size(); ++k) {
        const Index run = recorder.runs[k];
        const Index slot = recorder.slots[k];
        slots[std::size_t(run)].push_back(slot);
        const Tokens<double> written = TokensView<double>(
            numbers.tokens.data() + (run * (kLayers + 1) + slot) * kRows * kDim, kRows, kDim);
        CHECK(reference::same_bits(written, recorder.states[k]));
    }
    CHECK(slots == std::vector<std::vector<Index>>(kRuns, {0, 1, 2, 3, 4, 5, 6, 7}));
    for (Index run = 0; run < kRuns; ++run) {
        const auto at = std::size_t((run + 1) * (kLayers + 1) - 1) * 2;
        CHECK(numbers.growth[at] == float(ensemble.growth(2 * run)));
        CHECK(numbers.growth[at + 1] == float(ensemble.growth(2 * run + 1)));
    }
}

TEST_CASE("a watch is told of the layers of all runs, up to runs times layers") {
    class LastLayers final : public Watch {
       public:
        bool poll(Index layers) override {
            rising = rising && layers >= last;
            last = layers;
            return layers >= kRuns * kLayers;
        }
        Index last = 0;
        bool rising = true;
    };
    for (const Way& way : kWays) {
        CAPTURE(way.side_by_side);
        CAPTURE(way.threads);
        LastLayers watch;
        Execution execution(way.threads, &watch);
        Ensemble<double> ensemble(0);
        const auto carried = [&] {
            advance(full_dynamics(), ensemble.states(), kLayers, {}, way.side_by_side, execution);
            reference::work_until_interrupted(execution);
        };
        CHECK_THROWS_AS(carried(), Interrupted);
        CHECK(ensemble.layers == std::vector<Index>(kRuns, kLayers));
        CHECK(watch.last == kRuns * kLayers);
        CHECK(watch.rising);
    }
}

TEST_CASE("what does not fit the states is refused") {
    Ensemble<double> two(2);
    Ensemble<double> none(0);
    const Dynamics good = full_dynamics();
    CHECK_FALSE(refused(good, two.states()));
    Dynamics weights = good;
    weights.weights = Vector<double>::Constant(kRows - 1, 1.0 / (kRows - 1));
    CHECK(refused(weights, two.states()));
    for (const Index token : {-1, int(kRows), int(kRows) + 5}) {
        Dynamics elsewhere = good;
        elsewhere.tangent_token = token;
        CHECK(refused(elsewhere, two.states()));
        CHECK_FALSE(refused(elsewhere, none.states()));
    }
    Ensemble<double> three(3);
    Ensemble<double> four(4);
    CHECK_FALSE(refused(good, three.states()));
    CHECK(refused(good, four.states()));
    for (const Index span : {0, -1}) {
        Dynamics spans = good;
        spans.step.span = span;
        CHECK(refused(spans, none.states()));
    }
    Dynamics several = good;
    several.tangent_tokens = 2;
    CHECK_FALSE(refused(several, four.states()));
    CHECK(refused(several, three.states()));
    several.tangent_tokens = kRows;  // from the third token on
    CHECK(refused(several, four.states()));
    std::vector<double> least(kRuns);
    States<double> kept = two.states();
    kept.least_jacobian = least.data();
    CHECK(refused(good, kept));
    kept = three.states();
    kept.least_jacobian = least.data();
    CHECK((kDim == 4 && !refused(good, kept)));
    States<double> empty = none.states();
    empty.count = 0;
    Dynamics weightless = good;
    weightless.weights.resize(0);
    CHECK(refused(weightless, empty));
    States<double> line = none.states();
    line.dim = 1;
    CHECK(refused(good, line));
    Numbers numbers;
    const Recording<double> recording(numbers.records(), {});
    CHECK_FALSE(refused(good, two.states(), recording));
    CHECK(refused(good, none.states(), recording));
    CHECK(refused(good, three.states(), recording));
}
