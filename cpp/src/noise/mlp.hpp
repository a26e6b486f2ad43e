// The random MLP as a noise field, with fresh weights in every layer.
#pragma once

#include "noise/law.hpp"
#include "noise/perceptron.hpp"

namespace noisync {

// G(y) = m^{-1/2} W phi(d^{-1/2} U y + b_U) + b_W with fresh Gaussian weights in every layer.
struct Mlp : PerceptronParameters {};

SharedNoiseLaw noise_law(const Mlp& mlp);

}  // namespace noisync
