// Measures: a few numbers made of a configuration of tokens, once or along a run.
#pragma once

#include <memory>
#include <optional>
#include <utility>

#include "base/execution.hpp"
#include "base/types.hpp"

namespace noisync {

// What a measure sees of a state, in float64 whatever the run is.
struct Snapshot {
    const Tokens<double>& tokens;
    const Vector<double>& weights;
    const Vector<double>* growth = nullptr;  // of the tangent vectors, where the run carries some
    const Vector<double>* norms = nullptr;   // of the tokens, where they are part of the state
    // The least Jacobian of a layer so far, where the run keeps account of it.
    std::optional<double> least_jacobian;
};

// What a measure must be shown; 0: any number of tokens, any dimension, no tangent vectors, no
// norms.
struct Needs {
    Index tokens = 0;
    Index dim = 0;
    Index tangents = 0;
    bool norms = false;
};

class Measure {
   public:
    Measure() = default;
    Measure(const Measure&) = delete;
    Measure& operator=(const Measure&) = delete;
    virtual ~Measure() = default;

    // Of how many numbers.
    [[nodiscard]] virtual Index size() const = 0;
    [[nodiscard]] virtual Needs needs() const { return {}; }

    // out[0 .. size()); called by several threads at once for different snapshots.
    virtual void evaluate(const Snapshot& snapshot, double* out, Execution& execution) const = 0;

    // A measure of this one's numbers and then those of `other`, with the same bits, where that is
    // less work than the two apart; otherwise null.
    [[nodiscard]] virtual std::shared_ptr<const Measure> joined(const Measure& /*other*/) const {
        return nullptr;
    }
};

using SharedMeasure = std::shared_ptr<const Measure>;

// A measure made of a function of (snapshot, out, execution).
template <class Function>
class MadeOf final : public Measure {
   public:
    MadeOf(Index size, Needs needs, Function function)
        : size_(size), needs_(needs), function_(std::move(function)) {}
    [[nodiscard]] Index size() const override { return size_; }
    [[nodiscard]] Needs needs() const override { return needs_; }
    void evaluate(const Snapshot& snapshot, double* out, Execution& execution) const override {
        function_(snapshot, out, execution);
    }

   private:
    Index size_;
    Needs needs_;
    Function function_;
};

template <class Function>
SharedMeasure made_of(Index size, Needs needs, Function function) {
    return std::make_shared<MadeOf<Function>>(size, needs, std::move(function));
}

// Throws std::invalid_argument where a measure needs other things than it would be shown.
void require(const Measure& measure, const Needs& shown);

}  // namespace noisync
