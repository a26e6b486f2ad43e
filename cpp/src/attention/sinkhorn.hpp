// Attention whose weights are made doubly stochastic: Sinkhorn attention.
#pragma once

#include "attention/law.hpp"
#include "attention/projections.hpp"

namespace noisync {

// p_ij = a_i w_j b_j e^{<Qx_i, Kx_j>} with sum_j p_ij = 1 for every token i and sum_i w_i p_ij =
// w_j for every token j with weight, to a relative residual of at most `tolerance`.
struct SinkhornAttention : Projections {
    double tolerance = 1e-10;
    Index max_iterations = 1000;
};

SharedAttentionLaw attention_law(const SinkhornAttention& attention);

}  // namespace noisync
