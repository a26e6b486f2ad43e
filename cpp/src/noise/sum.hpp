// Noises that add: G = G_0 + G_1 + ..., independent of one another.
#pragma once

#include <vector>

#include "noise/law.hpp"
#include "noise/pair_noise.hpp"

namespace noisync {

// Part p draws from streams of its own; those of part 0 are the ones that it has alone.
SharedNoiseLaw noise_sum(std::vector<SharedNoiseLaw> parts);

// Covariances of independent noises add, and the generator is linear in the covariance.
SharedPairNoise pair_noise_sum(std::vector<SharedPairNoise> parts);

}  // namespace noisync
