// Sums of exponentials over all pairs, never an N x N array, by the way that suits them.
#pragma once

#include <optional>

#include "attention/low_dimension.hpp"
#include "attention/mask.hpp"
#include "attention/panel_sums.hpp"
#include "attention/sums.hpp"
#include "base/execution.hpp"

namespace noisync {

// Fills sums, under a mask over the pairs of a token and one that it sees, faded. Holds scratch
// memory.
template <class Real>
class DirectSums {
   public:
    explicit DirectSums(const std::optional<Causal>& mask = std::nullopt) : mask_(mask) {}

    // Logits beta <x_i, x_j> of unit tokens: one exponential serves both tokens of a pair.
    void symmetric(const Tokens<Real>& x, const Vector<Real>& weights, Real beta,
                   PairSums<Real>& sums, Execution& execution);

    // Logits <q_i, k_j>.
    void general(const Tokens<Real>& queries, const Tokens<Real>& keys, const Tokens<Real>& x,
                 const Vector<Real>& weights, PairSums<Real>& sums, Execution& execution);

    // The same without a mask, with weights of any size, given by their logarithms. For
    // denominators alone x may have no columns; in the first it is y otherwise.
    void symmetric_by_logs(const Tokens<Real>& y, const Tokens<Real>& x,
                           const Vector<Real>& log_weights, Real beta, PairSums<Real>& sums,
                           Execution& execution);
    void general_by_logs(const Tokens<Real>& queries, const Tokens<Real>& keys,
                         const Tokens<Real>& x, const Vector<Real>& log_weights,
                         PairSums<Real>& sums, Execution& execution);

   private:
    // Whether no sum over what a token sees underflows, for |logits| up to `shift`.
    [[nodiscard]] bool fits(Real shift, const Vector<Real>& weights) const;
    std::optional<Causal> mask_;
    PanelSums<Real> panels_;
    LowDimensionSums<Real> low_dimension_;
};

}  // namespace noisync
