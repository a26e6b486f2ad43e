#include "dynamics/recording.hpp"

#include <algorithm>
#include <limits>
#include <optional>
#include <stdexcept>
#include <typeinfo>
#include <utility>

namespace noisync {

namespace {

// Makes `first` the record of both, if their measures can be made together.
bool join(MeasureRecord& first, const MeasureRecord& second) {
    if (!(first.schedule == second.schedule)) {
        return false;
    }
    const auto joined = [&](const MeasureRecord& a, const MeasureRecord& b) {
        const SharedMeasure both = a.measure->joined(*b.measure);
        if (both == nullptr) {
            return false;
        }
        std::vector<Output> outputs = a.outputs;
        outputs.insert(outputs.end(), b.outputs.begin(), b.outputs.end());
        first = {a.schedule, both, std::move(outputs)};
        return true;
    };
    return joined(first, second) || joined(second, first);
}

// Joins what can be joined among the records that `allowed` pairs up.
template <class Allowed>
std::vector<MeasureRecord> joined(std::vector<MeasureRecord> records, Allowed&& allowed) {
    std::vector<MeasureRecord> result;
    for (MeasureRecord& record : records) {
        const bool found = std::ranges::any_of(result, [&](MeasureRecord& earlier) {
            return allowed(*earlier.measure, *record.measure) && join(earlier, record);
        });
        if (!found) {
            result.push_back(std::move(record));
        }
    }
    return result;
}

// What is measured of the tangent vectors that a run carries.
struct Carried {
    Vector<double> growth;
    std::optional<double> least_jacobian;
};

// Of those of all ranks; this one may carry none.
template <class Real>
Carried carried_by_all(const std::optional<Tangents<Real>>& own, const Ranks& ranks) {
    constexpr double kNone = std::numeric_limits<double>::infinity();
    std::vector<double> message{kNone};
    if (own) {
        message.front() = own->least_jacobian.value_or(kNone);
        message.insert(message.end(), own->growth.begin(), own->growth.end());
    }
    Carried all{Vector<double>(ranks.tangents()), std::nullopt};
    double least = kNone;
    double* to = all.growth.data();
    for (const auto& part : ranks.gather(message)) {
        least = std::min(least, part[0]);
        to = std::copy(part.begin() + 1, part.end(), to);
    }
    if (least != kNone) {
        all.least_jacobian = least;
    }
    return all;
}

// Writes the numbers of a run at a slot; returns how many of them there are.
Index write(const Output& output, Index run, Index slot, Index slots, const double* numbers) {
    std::visit(
        [&](auto* data) {
            std::copy_n(numbers, output.size, data + (run * slots + slot) * output.size);
        },
        output.data);
    return output.size;
}

}  // namespace

template <class Real>
Recording<Real>::Recording(std::vector<MeasureRecord> measures, std::vector<CallRecord<Real>> calls)
    : calls_(std::move(calls)) {
    // First different kinds: what one makes on the side costs the other nothing. Then equal ones,
    // which share a pass.
    const auto same_kind = [](const Measure& a, const Measure& b) {
        return typeid(a) == typeid(b);
    };
    measures_ = joined(joined(std::move(measures), std::not_fn(same_kind)), same_kind);
}

template <class Real>
void Recording<Real>::require(const Needs& shown) const {
    for (const MeasureRecord& record : measures_) {
        noisync::require(*record.measure, shown);
        Index total = 0;
        for (const Output& output : record.outputs) {
            total += output.size;
        }
        if (total != record.measure->size()) {
            throw std::invalid_argument("outputs must hold what the measure gives for a state");
        }
    }
}

template <class Real>
void Recording<Real>::see(Index run, const State<Real>& state, const Vector<double>& weights,
                          Execution& execution) const {
    const auto due = [&](const auto& record) { return record.schedule.slot(state.layer) >= 0; };
    if (std::ranges::any_of(measures_, due)) {
        const Tokens<double>& tokens = state.tokens.template cast<double>();
        const Vector<double>& norms = state.norms.template cast<double>();
        Snapshot snapshot{tokens, weights, state.tangents ? &state.tangents->growth : nullptr,
                          norms.size() > 0 ? &norms : nullptr,
                          state.tangents ? state.tangents->least_jacobian : std::nullopt};
        Carried all;
        if (const Ranks* ranks = execution.ranks(); ranks != nullptr && ranks->tangents() > 0) {
            all = carried_by_all(state.tangents, *ranks);
            snapshot.growth = &all.growth;
            snapshot.least_jacobian = all.least_jacobian;
        }
        std::vector<double> numbers;
        for (const MeasureRecord& record : measures_) {
            const Index slot = record.schedule.slot(state.layer);
            if (slot < 0) {
                continue;
            }
            numbers.resize(std::size_t(record.measure->size()));
            record.measure->evaluate(snapshot, numbers.data(), execution);
            const double* from = numbers.data();
            for (const Output& output : record.outputs) {
                from += write(output, run, slot, record.schedule.slots(), from);
            }
        }
    }
    for (const CallRecord<Real>& record : calls_) {
        if (due(record)) {
            record.call(run, record.schedule.slot(state.layer), state.tokens);
        }
    }
}

template class Recording<float>;
template class Recording<double>;

}  // namespace noisync
