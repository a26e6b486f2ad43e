// Sums over all pairs in linear time: functions of the cosine as few spherical harmonics.
//
//     F(<x, y>) = sum_n f_n P_n(<x, y>) = sum_n f_n / N_n sum_k Y_nk(x) Y_nk(y),
//
// so moments of the tokens, one for every harmonic, serve all pairs.
#pragma once

#include <vector>

#include "base/execution.hpp"
#include "base/pairs.hpp"
#include "base/types.hpp"
#include "harmonics/transform.hpp"

namespace noisync {

// sums_i <- sum_j w_j F(<x_i, k_j>) (x_j, 1), shape (N, d + 1), for tokens x and as many unit keys
// k; coefficients f_0, ..., f_p.
void harmonic_sums(const HarmonicTransform& transform, const std::vector<double>& coefficients,
                   const Tokens<double>& x, const Tokens<double>& keys,
                   const Vector<double>& weights, Matrix<double>& sums, Execution& execution);

// A point in the middle of the tokens, (1, d): the direction of their mean, or the first token
// where there is none.
Tokens<double> middle(const Tokens<double>& x, const Vector<double>& weights,
                      const Blocks& stretches, Execution& execution);

// s_n = 1/2 sum_ij w_i w_j (1 - P_n(<x_i, x_j>)), n = 0..p: with F = sum_n f_n P_n,
// 1/2 sum_ij w_i w_j (F(1) - F(<x_i, x_j>)) = sum_n f_n s_n. About a point c, their middle,
//
//     s_n = sum_j w_j (1 - P_n(<x_j, c>)) - |sum_j w_j (Y_n(x_j) - Y_n(c))|^2 / (2 N_n),
//
// where nothing large cancels as tokens merge.
std::vector<double> harmonic_spread(const HarmonicTransform& transform, const Tokens<double>& x,
                                    const Vector<double>& weights, const Tokens<double>& centre,
                                    Execution& execution);

}  // namespace noisync
