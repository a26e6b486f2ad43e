// Attention with weights proportional to e^{<Qx, Ky>}: softmax and unnormalised.
//
// Without normalisation and under a mask the sum over what a token sees is divided by the sum of
// its faded weights, which is 1 without a mask.
#pragma once

#include "attention/law.hpp"
#include "attention/mask.hpp"
#include "attention/projections.hpp"

namespace noisync {

struct ExponentialAttention : Projections {
    Normalization normalization = Normalization::softmax;
    std::optional<Causal> mask;
};

SharedAttentionLaw attention_law(const ExponentialAttention& attention);

}  // namespace noisync
