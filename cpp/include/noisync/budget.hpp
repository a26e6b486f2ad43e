// What changes the mean interaction energy: the attention and the noise.
//
//     attention = -beta sum_i w_i <S_i, P_i Attn(x_i)>,   S_i = sum_j w_j e^{beta <x_i, x_j>} x_j
//     noise     = -beta/2 sum_ij w_i w_j e^{beta u} G_beta(u),   u = <x_i, x_j>
//
// Both from differences of tokens, so that they keep their digits as tokens merge: P_i S_i =
// P_i sum_j w_j e^{beta u} (x_j - x_i), and G_beta(u) = (1 - u) B(arccos u).
#pragma once

#include <optional>
#include <vector>

#include "noisync/attention.hpp"
#include "noisync/energy.hpp"
#include "noisync/harmonic_transform.hpp"
#include "noisync/types.hpp"

namespace noisync {

struct BudgetLaw {
    double beta = 1.0;
    std::optional<AttentionConfig> attention;
    std::vector<double> noise;  // B(t) = sum_k b_k T_k(2t/pi - 1), t in [0, pi]; empty: no noise
    EnergyScale scale = EnergyScale::plain;
};

// The same for sums in linear time, of as many coefficients in the polynomials P_n each: of
// e^{beta u - beta}, and of e^{beta u - beta} G_beta(u) (empty: no noise). The attention comes with
// its own.
struct LinearBudgetLaw {
    double beta = 1.0;
    std::optional<AttentionConfig> attention;
    std::vector<double> harmonics;
    std::vector<double> noise;
    EnergyScale scale = EnergyScale::plain;
};

struct Budget {
    double attention = 0.0;
    double noise = 0.0;
    double energy = 0.0;  // E_beta itself, where it comes without another pass
};

// With its energy, in one pass over pairs; another one for the attention, unless its weights are
// e^{beta u} too and V is a multiple of I.
Budget energy_budget(const Tokens<double>& x, const Vector<double>& weights, const BudgetLaw& law,
                     Execution& execution);

// In linear time, to rounding of sums of unit vectors: tokens nearer than that have no budget.
Budget energy_budget(const HarmonicTransform& transform, const Tokens<double>& x,
                     const Vector<double>& weights, const LinearBudgetLaw& law,
                     Execution& execution);

}  // namespace noisync
