// Pairs of tokens in a field with k_ij = kappa(u), whatever draws it.
#pragma once

#include <vector>

#include "noise/pair_noise.hpp"

namespace noisync {

// G_beta = g B(arccos u), of one beta: B(t) = sum_k b_k T_k(2t/pi - 1), t in [0, pi].
SharedPairNoise kernel_pair_noise(std::vector<double> series);

}  // namespace noisync
