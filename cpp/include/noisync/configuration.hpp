// How the tokens lie: their order and their clusters.
#pragma once

#include <cstdint>
#include <vector>

#include "noisync/types.hpp"

namespace noisync {

struct OrderParameters {
    double mean;            // |sum_i w_i x_i|, 1 if and only if all tokens coincide
    double leading;         // largest eigenvalue of sum_i w_i x_i x_i^T, 1 for tokens on a line
    double effective_rank;  // e^entropy of its eigenvalues, from 1 to d
};

OrderParameters order_parameters(const Tokens<double>& x, const Vector<double>& weights);

// labels[i] of the cluster of token i: clusters are what chains of steps of at most `angle` (in
// radians) connect, numbered from the one with most tokens, equals by their first token.
std::vector<std::int64_t> clusters(const Tokens<double>& x, double angle);

}  // namespace noisync
