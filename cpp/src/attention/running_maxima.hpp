// Sums of exponentials of logits of any size.
#pragma once

#include "attention/sums.hpp"
#include "base/execution.hpp"

namespace noisync {

// sum_j e^{<q_i, k_j> + log w_j - shift_i} (x_j, 1), shift_i the largest exponent. The weight
// belongs into the exponent: the largest logit may be that of a token without.
template <class Real>
void sum_by_maxima(const Tokens<Real>& queries, const Tokens<Real>& keys, const Tokens<Real>& x,
                   const Vector<Real>& weights, PairSums<Real>& sums, Execution& execution);

}  // namespace noisync
