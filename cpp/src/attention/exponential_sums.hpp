// Sums of exponentials over pairs, numerators and denominators in one pass: the inner loops of
// attention. Private to src/attention.
#pragma once

#include <vector>

#include "noisync/execution.hpp"
#include "noisync/types.hpp"

namespace noisync {

// Holds the packed operands and the results; `numerators` and `denominators` give the sums of the
// last call.
//
// Packing. Tokens stand in panels of a few vectors, a token a lane, so that logits of a panel
// against one token are whole vectors; beside it they stand in rows padded to whole vectors, so
// that their coordinates are. The exponentials of a panel against a strip of tokens are computed
// into a tile that stays in the first-level cache, and used for the sums of both sides.
template <class Real>
class ExponentialSums {
   public:
    // sum_j w_j e^{scale <x_i, x_j> - |scale|} (x_j, 1), each pair's exponential computed once.
    // |x| = 1, and e^{-2 |scale|} is a normal number.
    void symmetric(const Tokens<Real>& x, const Vector<Real>& weights, Real scale,
                   Execution& execution);

    // sum_j w_j e^{<q_i, k_j> - shift_i} (x_j, 1). No exponent is positive, and all e^{...} are
    // normal numbers.
    void general(const Tokens<Real>& queries, const Tokens<Real>& keys, const Tokens<Real>& x,
                 const Vector<Real>& weights, const Vector<Real>& shift, Execution& execution);

    [[nodiscard]] auto numerators() const { return numerators_.topLeftCorner(count_, dim_); }
    [[nodiscard]] auto denominators() const { return denominators_.head(count_); }

   private:
    void pack(const Tokens<Real>& queries, const Tokens<Real>& keys, const Tokens<Real>& x,
              const Vector<Real>& weights, Execution& execution);
    void fill_tile(Index panel, Index first, Index columns, Real* tile) const;

    Index count_ = 0;            // N
    Index dim_ = 0;              // d
    Index depth_ = 0;            // length of queries and keys
    Matrix<Real> panels_;        // queries: entry k of lane i of panel p at (p * depth + k, i)
    Matrix<Real> keys_;          // (N', depth padded)
    Matrix<Real> values_;        // (N', d padded): w x
    Vector<Real> weights_;       // (N',)
    Vector<Real> shift_;         // (N',)
    Matrix<Real> numerators_;    // (N', d padded)
    Vector<Real> denominators_;  // (N',)
    std::vector<Vector<Real>> tiles_;
    std::vector<Vector<Real>> columns_;
};

}  // namespace noisync
