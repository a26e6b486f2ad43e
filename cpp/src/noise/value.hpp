// A random value matrix, common to all tokens, times what attention gives each of them.
#pragma once

#include "attention/law.hpp"
#include "noise/law.hpp"
#include "noise/pair_noise.hpp"

namespace noisync {

// G(y_i) = s V A_i, one matrix V of standard normals for all tokens, A_i what the attention gives
// token i: a field that depends on all of them, with k_ij = s^2 <A_i, A_j>.
struct ValueNoise {
    SummedAttention attention;
    double scale = 1.0;  // s
};

SharedNoiseLaw noise_law(const ValueNoise& noise);
SharedPairNoise pair_noise(const ValueNoise& noise);

}  // namespace noisync
