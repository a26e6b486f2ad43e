// The Gaussian field by the features of a wide network.
#pragma once

#include "noise/law.hpp"
#include "noise/perceptron.hpp"

namespace noisync {

// A wide MLP whose U and b_U are frozen over the run: G(y) = W (m^{-1/2} phi(U y + b_U)) + b_W with
// fresh W, b_W. Gaussian with the covariance of this basis, which differs from the kernel of the
// infinite width by O(m^{-1/2}).
struct Features : PerceptronParameters {};

SharedNoiseLaw noise_law(const Features& features);

}  // namespace noisync
