// Sums of exponentials over all pairs, never an N x N array, by the way that suits them.
#pragma once

#include "attention/low_dimension.hpp"
#include "attention/panel_sums.hpp"
#include "attention/sums.hpp"
#include "base/execution.hpp"

namespace noisync {

// Fills sums. Holds scratch memory.
template <class Real>
class DirectSums {
   public:
    // Logits beta <x_i, x_j> of unit tokens: one exponential serves both tokens of a pair.
    void symmetric(const Tokens<Real>& x, const Vector<Real>& weights, Real beta,
                   PairSums<Real>& sums, Execution& execution);

    // Logits <q_i, k_j>.
    void general(const Tokens<Real>& queries, const Tokens<Real>& keys, const Tokens<Real>& x,
                 const Vector<Real>& weights, PairSums<Real>& sums, Execution& execution);

   private:
    PanelSums<Real> panels_;
    LowDimensionSums<Real> low_dimension_;
};

}  // namespace noisync
