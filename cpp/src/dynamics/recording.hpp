// What runs record: numbers of their states, written into arrays that the caller owns.
#pragma once

#include <functional>
#include <variant>
#include <vector>

#include "base/execution.hpp"
#include "dynamics/schedule.hpp"
#include "dynamics/state.hpp"
#include "measure/measure.hpp"

namespace noisync {

// An array of shape (runs, slots, size), in the precision that its owner chose.
struct Output {
    std::variant<double*, float*> data;
    Index size = 1;
};

// The numbers of a measure at the layers of a schedule: the first ones go to the first output, and
// so on.
struct MeasureRecord {
    Schedule schedule;
    SharedMeasure measure;
    std::vector<Output> outputs;
};

// A call with the run, the slot and the tokens at the layers of a schedule.
template <class Real>
struct CallRecord {
    Schedule schedule;
    std::function<void(Index run, Index slot, const Tokens<Real>& tokens)> call;
};

// All that the runs record. One object serves every run, in any thread.
template <class Real>
class Recording {
   public:
    Recording() = default;
    // Measures of one schedule that are less work together are made together.
    Recording(std::vector<MeasureRecord> measures, std::vector<CallRecord<Real>> calls);

    // Throws std::invalid_argument where a measure needs other states than these, or has outputs
    // for another number of numbers.
    void require(const Needs& shown) const;

    // Records the state of a run, if its layer is due: first all measures, then the calls.
    void see(Index run, const State<Real>& state, const Vector<double>& weights,
             Execution& execution) const;

    // How many passes over a state its measures take.
    [[nodiscard]] Index passes() const { return Index(measures_.size()); }

   private:
    std::vector<MeasureRecord> measures_;
    std::vector<CallRecord<Real>> calls_;
};

}  // namespace noisync
