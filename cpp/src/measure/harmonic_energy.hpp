// The interaction energy in linear time.
#pragma once

#include <vector>

#include "base/execution.hpp"
#include "base/types.hpp"
#include "harmonics/transform.hpp"
#include "measure/energy.hpp"

namespace noisync {

// E_beta as in energy.hpp, for every beta > 0, in linear time; series[b] holds the coefficients of
// e^{beta_b u}, on the scale `scaled` times e^{-beta_b}. Where all tokens lie so close together
// that harmonics lose digits, from moments of their differences from the middle: relative errors
// stay below 1e-12 however tight the cluster.
std::vector<double> interaction_energy(const HarmonicTransform& transform,
                                       const std::vector<std::vector<double>>& series,
                                       const std::vector<double>& betas, const Tokens<double>& x,
                                       const Vector<double>& weights, Execution& execution,
                                       EnergyScale scale = EnergyScale::plain);

}  // namespace noisync
