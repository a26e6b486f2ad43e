// The clusters of tokens.
#pragma once

#include <cstdint>
#include <vector>

#include "base/types.hpp"
#include "measure/measure.hpp"

namespace noisync {

// labels[i] of the cluster of token i: clusters are what chains of steps of at most `angle` (in
// radians) connect, numbered from the one with most tokens, equals by their first token.
std::vector<std::int64_t> clusters(const Tokens<double>& x, double angle);

// The number of clusters of the tokens that have a weight, and the weight of the heaviest.
SharedMeasure cluster_measure(double angle);

}  // namespace noisync
