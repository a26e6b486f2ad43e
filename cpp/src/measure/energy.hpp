// The interaction energy of a configuration of tokens, in float64 whatever the tokens are.
#pragma once

#include <cmath>
#include <vector>

#include "base/execution.hpp"
#include "base/types.hpp"

namespace noisync {

// What belongs to the energy E_beta comes as it is, or times e^{-beta}, for beta of any size.
enum class EnergyScale { plain, scaled };

inline double scale_factor(EnergyScale scale, double beta) {
    return scale == EnergyScale::plain ? std::exp(beta) : 1.0;
}

// E_beta = 1/2 sum_ij w_i w_j (e^beta - e^{beta <x_i, x_j>}) for every beta, in one pass over
// pairs. Evaluated from 1 - <x, y> = |x - y|^2 / 2, so it keeps its relative accuracy as tokens
// merge. beta >= -350: e^{-2 beta} may not overflow.
std::vector<double> interaction_energy(const Tokens<double>& x, const Vector<double>& weights,
                                       const std::vector<double>& betas, Execution& execution,
                                       EnergyScale scale = EnergyScale::plain);

}  // namespace noisync
