// Sums of exponentials over pairs, numerators and denominators in one pass: the inner loops of
// attention.
#pragma once

#include <optional>
#include <vector>

#include "attention/mask.hpp"
#include "attention/sums.hpp"
#include "base/execution.hpp"
#include "base/types.hpp"

namespace noisync {

// Holds the packed operands. Tokens stand in panels of a few vectors, a token a lane, so that
// logits of a panel against one token are whole vectors; beside it they stand in rows padded to
// whole vectors, so that their coordinates are. The exponentials of a panel against a strip of
// tokens are computed into a tile that stays in the first-level cache, and used for the sums of
// both sides.
template <class Real>
class PanelSums {
   public:
    // Logits scale <y_i, y_j>, shift |scale|, each pair's exponential computed once. |y| = 1, and
    // e^{-2 |scale|} is a normal number.
    void symmetric(const Tokens<Real>& y, const Tokens<Real>& x, const Vector<Real>& weights,
                   Real scale, PairSums<Real>& sums, Execution& execution);

    // Logits <q_i, k_j>, with the shift that is in `sums`: no exponent is positive, and all
    // e^{...} are normal numbers. Under a mask over the pairs of a token and one that it sees, half
    // as many; what fades is in the weights.
    void general(const Tokens<Real>& queries, const Tokens<Real>& keys, const Tokens<Real>& x,
                 const Vector<Real>& weights, const std::optional<Causal>& mask,
                 PairSums<Real>& sums, Execution& execution);

   private:
    // And makes room for the sums, filled up like the tokens: N' rows, d padded.
    void pack(const Tokens<Real>& queries, const Tokens<Real>& keys, const Tokens<Real>& x,
              const Vector<Real>& weights, PairSums<Real>& sums, Execution& execution);
    void fill_tile(Index panel, Index first, Index columns, Real* tile, Index height) const;
    void add_strip(Index first, Index other, const std::optional<Causal>& mask, Real* tile,
                   PairSums<Real>& sums) const;

    Index depth_ = 0;       // length of queries and keys
    Matrix<Real> panels_;   // queries: entry k of lane i of panel p at (p * depth + k, i)
    Matrix<Real> keys_;     // (N', depth padded)
    Matrix<Real> values_;   // (N', d padded): w x
    Vector<Real> weights_;  // (N',)
    Vector<Real> shift_;    // (N',), in powers of two
    std::vector<Vector<Real>> tiles_;
    std::vector<Vector<Real>> columns_;
};

}  // namespace noisync
