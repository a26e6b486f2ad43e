// The random MLP as a noise field, with fresh or with frozen hidden neurons.
#pragma once

#include "noise/activation.hpp"
#include "noise/law.hpp"

namespace noisync {

// G(y) = m^{-1/2} W phi(d^{-1/2} U y + b_U) + b_W with fresh Gaussian weights in every layer.
struct Mlp {
    Activation activation = Activation::relu;
    Index width = 1;       // m
    double sigma_u = 0.0;  // standard deviation of the entries of b_U
    double sigma_w = 0.0;  // standard deviation of the entries of b_W
};

// A wide MLP whose U and b_U are frozen over the run: G(y) = W (m^{-1/2} phi(U y + b_U)) + b_W with
// fresh W, b_W. Gaussian with the covariance of this basis, which differs from the kernel of the
// infinite width by O(m^{-1/2}). A span of layers sums the normals first.
struct Features {
    Activation activation = Activation::relu;
    Index width = 1;
    double sigma_u = 0.0;
    double sigma_w = 0.0;
};

SharedNoiseLaw noise_law(const Mlp& mlp);
SharedNoiseLaw noise_law(const Features& features);

}  // namespace noisync
