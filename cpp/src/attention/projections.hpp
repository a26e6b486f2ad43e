// Queries, keys and values: the matrices that an attention is made of.
#pragma once

#include <optional>

#include "base/types.hpp"

namespace noisync {

// Logits <Qx, Ky> - penalty |Ky|^2, values Vy. Without Q and K the logits are beta <x, y>; without
// V, V = value_scale I.
struct Projections {
    double beta = 1.0;
    double value_scale = 1.0;
    std::optional<Matrix<double>> query;  // (h, d)
    std::optional<Matrix<double>> key;    // (h, d)
    std::optional<Matrix<double>> value;  // (d, d)
    double penalty = 0.0;
};

// Throw std::invalid_argument where one of Q and K is missing, or where the matrices are not for
// tokens of dimension `dim`.
void require_pair(const Projections& projections);
void require_dim(const Projections& projections, Index dim);

}  // namespace noisync
