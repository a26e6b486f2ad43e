// The measures of a configuration, and those of a state of a run.
#pragma once

#include <vector>

#include "measure/measure.hpp"
#include "noisync/budget.hpp"
#include "noisync/energy.hpp"
#include "noisync/types.hpp"

namespace noisync {

// E_beta for every beta: by the direct sum, or, where there are coefficients of e^{beta u} in the
// polynomials P_n of dimension dim, one list for every beta, in linear time. The coefficients carry
// the scale. Energies on one scale that are summed the same way, by as many coefficients, share one
// pass.
SharedMeasure energy_measure(std::vector<double> betas, EnergyScale scale,
                             std::vector<std::vector<double>> series, Index dim);

// The budget's attention and noise. By direct sums E_beta, also by them, comes with it at no cost.
SharedMeasure budget_measure(BudgetLaw law, Index dim);
SharedMeasure budget_measure(LinearBudgetLaw law, Index dim);

// Counts of the cosines of all pairs in equal bins.
SharedMeasure cosine_measure(Index bins);

// The mean's length, the leading eigenvalue, the effective rank.
SharedMeasure order_measure();

// The number of clusters, and the weight of the heaviest.
SharedMeasure cluster_measure(double angle);

// The coordinates of the tokens.
SharedMeasure token_measure(Index tokens, Index dim);

// The growth of the tangent vectors that the run carries.
SharedMeasure growth_measure(Index tangents);

}  // namespace noisync
