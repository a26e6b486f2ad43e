// Attention with weights proportional to e^{<Qx, Ky>}: softmax and unnormalised.
#pragma once

#include <optional>

#include "attention/law.hpp"

namespace noisync {

// Logits <Qx, Ky>, values Vy. Without Q and K, Q^T K = beta I; without V, V = value_scale I.
struct ExponentialAttention {
    Normalization normalization = Normalization::softmax;
    double beta = 1.0;
    double value_scale = 1.0;
    std::optional<Matrix<double>> query;  // (h, d)
    std::optional<Matrix<double>> key;    // (h, d)
    std::optional<Matrix<double>> value;  // (d, d)
};

SharedAttentionLaw attention_law(const ExponentialAttention& attention);

}  // namespace noisync
