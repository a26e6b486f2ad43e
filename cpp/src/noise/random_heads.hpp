// Random value matrices behind random heads.
#pragma once

#include "noise/law.hpp"

namespace noisync {

// G(x) = H^{-1/2} sum_h s V_h m_h(x), m_h(x) = sum_k p_k x_k with the softmax weights of the logits
// beta <A_h x, x_k>, A_h = W_h W'_h^T. V_h (d, d) of standard normals, W_h and W'_h (d, r) of
// normals of deviation sigma_A, all fresh in every layer. Given the A_h the covariance of tokens i
// and j is (s^2 / H) sum_h <m_h(x_i), m_h(x_j)> I; its mean over them has no closed form.
//
// Head h owns the elements h d d, h d d + 1, ... of the stream of V, row by row, and h r d, h r d +
// 1, ... of those of W'^T and W^T.
struct RandomHeads {
    double beta = 1.0;
    double scale = 1.0;       // s
    Index heads = 1;          // H
    Index head_dim = 1;       // r
    double head_scale = 1.0;  // sigma_A
};

SharedNoiseLaw noise_law(const RandomHeads& heads);

}  // namespace noisync
