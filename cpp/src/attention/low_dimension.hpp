// Symmetric sums of exponentials in low dimension, where coordinates are too few to fill vectors:
// everything stands with a token a lane.
#pragma once

#include <vector>

#include "attention/sums.hpp"
#include "base/execution.hpp"
#include "base/types.hpp"

namespace noisync {

inline constexpr Index kLowDimension = 8;  // from 2 on

template <class Real>
class LowDimensionSums {
   public:
    // Logits scale <x_i, x_j>, shift |scale|; d <= kLowDimension, and e^{-2 |scale|} is a normal
    // number.
    void symmetric(const Tokens<Real>& x, const Vector<Real>& weights, Real scale,
                   PairSums<Real>& sums, Execution& execution);

   private:
    void pack(const Tokens<Real>& x, const Vector<Real>& weights);
    template <int Dim>
    void run(Real scale, Execution& execution);

    // Row k + panel * (d + 1): coordinate k of the tokens of a panel, and, last, their weights.
    Matrix<Real> points_;    // x
    Matrix<Real> weighted_;  // w x, w
    Matrix<Real> totals_;
    std::vector<Vector<Real>> columns_;
};

}  // namespace noisync
