// Sums of exponentials of logits of any size.
#pragma once

#include <optional>

#include "attention/mask.hpp"
#include "attention/sums.hpp"
#include "base/execution.hpp"

namespace noisync {

// sum_j e^{<q_i, k_j> + log w_j - shift_i} (x_j, 1), shift_i the largest exponent, under a mask
// over the tokens that i sees, faded. The weight belongs into the exponent: the largest logit may
// be that of a token without. The sums of a token that sees no weight are 0.
template <class Real>
void sum_by_maxima(const Tokens<Real>& queries, const Tokens<Real>& keys, const Tokens<Real>& x,
                   const Vector<Real>& log_weights, const std::optional<Causal>& mask,
                   PairSums<Real>& sums, Execution& execution);

}  // namespace noisync
