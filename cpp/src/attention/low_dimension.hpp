// Symmetric sums of exponentials in low dimension, where coordinates are too few to fill vectors:
// everything stands with a token a lane.
#pragma once

#include <optional>
#include <vector>

#include "attention/mask.hpp"
#include "attention/sums.hpp"
#include "base/pairs.hpp"
#include "base/types.hpp"

namespace noisync {

inline constexpr Index kLowDimension = 8;  // from 2 on

template <class Real>
class LowDimensionSums {
   public:
    // Logits scale <x_i, x_j>, shift |scale|; d <= kLowDimension, and e^{-2 |scale|} is a normal
    // number. Under a mask over the pairs of a token and one that it sees; what fades is in the
    // weights.
    void symmetric(const Tokens<Real>& x, const Vector<Real>& weights, Real scale,
                   const std::optional<Causal>& mask, PairSums<Real>& sums, Execution& execution);

   private:
    void pack(const Tokens<Real>& x, const Vector<Real>& weights);
    template <int Dim>
    void run(Real scale, const std::optional<Causal>& mask, Execution& execution);
    template <int Dim>
    void run_causal(Real factor, const Causal& mask, const Blocks& blocks, Execution& execution);

    // Row k + panel * (d + 1): coordinate k of the tokens of a panel, and, last, their weights.
    Matrix<Real> points_;    // x
    Matrix<Real> weighted_;  // w x, w
    Matrix<Real> totals_;
    std::vector<Vector<Real>> columns_;
};

}  // namespace noisync
