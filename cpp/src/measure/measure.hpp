// Measures: a few numbers made of a configuration of tokens, once or along a run.
#pragma once

#include <functional>
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

    // Into stretches of how many tokens its sums over so many are cut, so that ranks that have
    // whole stretches may share it; 0: it needs all tokens.
    [[nodiscard]] virtual Index stretch(Index /*rows*/) const { return 0; }

    // out[0 .. size()); called by several threads at once for different snapshots.
    virtual void evaluate(const Snapshot& snapshot, double* out, Execution& execution) const = 0;

    // A measure of this one's numbers and then those of `other`, with the same bits, where that is
    // less work than the two apart; otherwise null.
    [[nodiscard]] virtual std::shared_ptr<const Measure> joined(const Measure& /*other*/) const {
        return nullptr;
    }
};

using SharedMeasure = std::shared_ptr<const Measure>;

// A measure made of a function of (snapshot, out, execution), and its stretch as a function of the
// number of tokens.
template <class Function>
class MadeOf final : public Measure {
   public:
    using Stretch = std::function<Index(Index rows)>;

    MadeOf(Index size, Needs needs, Function function, Stretch stretch)
        : size_(size),
          needs_(needs),
          function_(std::move(function)),
          stretch_(std::move(stretch)) {}
    [[nodiscard]] Index size() const override { return size_; }
    [[nodiscard]] Needs needs() const override { return needs_; }
    [[nodiscard]] Index stretch(Index rows) const override { return stretch_ ? stretch_(rows) : 0; }
    void evaluate(const Snapshot& snapshot, double* out, Execution& execution) const override {
        function_(snapshot, out, execution);
    }

   private:
    Index size_;
    Needs needs_;
    Function function_;
    Stretch stretch_;
};

template <class Function>
SharedMeasure made_of(Index size, Needs needs, Function function,
                      typename MadeOf<Function>::Stretch stretch = {}) {
    return std::make_shared<MadeOf<Function>>(size, needs, std::move(function), std::move(stretch));
}

// Throws std::invalid_argument where a measure needs other things than it would be shown.
void require(const Measure& measure, const Needs& shown);

}  // namespace noisync
