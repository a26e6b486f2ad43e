// Attention with weights proportional to e^{<Qx, Ky>}: softmax and unnormalised.
#pragma once

#include "attention/law.hpp"
#include "attention/projections.hpp"

namespace noisync {

struct ExponentialAttention : Projections {
    Normalization normalization = Normalization::softmax;
    double penalty = 0.0;  // of keys: the logits of a softmax are then <Qx, Ky> - penalty |Ky|^2
};

SharedAttentionLaw attention_law(const ExponentialAttention& attention);

}  // namespace noisync
