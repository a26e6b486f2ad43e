// Attentions that add: the heads of multi-head attention.
#pragma once

#include <vector>

#include "attention/law.hpp"

namespace noisync {

// The sum of at least one attention, each summed over the tokens in its own way, whatever the
// summation of the sum.
SharedAttentionLaw attention_sum(std::vector<SummedAttention> parts);

}  // namespace noisync
