// How ordered the tokens are.
#pragma once

#include "base/types.hpp"
#include "measure/measure.hpp"

namespace noisync {

struct OrderParameters {
    double mean;            // |sum_i w_i x_i|, 1 if and only if all tokens coincide
    double leading;         // largest eigenvalue of sum_i w_i x_i x_i^T, 1 for tokens on a line
    double effective_rank;  // e^entropy of its eigenvalues, from 1 to d
};

OrderParameters order_parameters(const Tokens<double>& x, const Vector<double>& weights,
                                 Execution& execution);

// The mean's length, the leading eigenvalue, the effective rank.
SharedMeasure order_measure();

}  // namespace noisync
