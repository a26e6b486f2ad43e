// Noise of each token's own: nothing that tokens share.
#pragma once

#include "noise/law.hpp"
#include "noise/pair_noise.hpp"

namespace noisync {

// G(y_i) = s xi_i, standard normals of each token's own: k_ij = s^2 for i = j and 0 for others.
struct IndependentNoise {
    double scale = 1.0;  // s
};

SharedNoiseLaw noise_law(const IndependentNoise& noise);
SharedPairNoise pair_noise(const IndependentNoise& noise);

}  // namespace noisync
