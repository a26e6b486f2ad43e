// The infinite-width limit of the MLP, a Gaussian field with E[G(x) G(y)^T] = kappa(<x, y>) I, as a
// random sum of spherical harmonics: a function on the whole sphere.
#pragma once

#include <vector>

#include "noise/law.hpp"

namespace noisync {

// G_a(y) = sum_n (c_n / N_n)^{1/2} sum_k xi_{nka} Y_nk(y), kappa = sum_n c_n P_n. A span of layers
// sums the normals first.
struct Harmonics {
    std::vector<double> variances;  // c_0, ..., c_p
};

SharedNoiseLaw noise_law(const Harmonics& harmonics);

}  // namespace noisync
