// What changes the mean interaction energy: the attention and the noise.
//
//     attention = -beta sum_i w_i <S_i, P_i Attn(x_i)>,   S_i = sum_j w_j e^{beta <x_i, x_j>} x_j
//     noise     = -beta/2 sum_ij w_i w_j e^{beta u} G_beta,   u = <x_i, x_j>
//
// with G_beta the generator of u (noise/pair_noise.hpp). Both parts from differences of tokens, so
// that they keep their digits as tokens merge: P_i S_i = P_i sum_j w_j e^{beta u} (x_j - x_i).
#pragma once

#include <optional>
#include <vector>

#include "attention/law.hpp"
#include "base/types.hpp"
#include "harmonics/transform.hpp"
#include "measure/energy.hpp"
#include "noise/pair_noise.hpp"

namespace noisync {

// A part that is not there contributes nothing.
struct BudgetLaw {
    double beta = 1.0;
    std::optional<SummedAttention> attention;
    SharedPairNoise noise;
    EnergyScale scale = EnergyScale::plain;
};

// The same for sums in linear time, of as many coefficients in the polynomials P_n each: of
// e^{beta u - beta}, and of e^{beta u - beta} G_beta(u) (empty: no noise), whose value at u = 1,
// for different tokens, is `limit`. The attention comes with its own.
struct HarmonicBudgetLaw {
    double beta = 1.0;
    std::optional<SummedAttention> attention;
    std::vector<double> harmonics;
    std::vector<double> noise;
    double limit = 0.0;
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
                     const Vector<double>& weights, const HarmonicBudgetLaw& law,
                     Execution& execution);

}  // namespace noisync
