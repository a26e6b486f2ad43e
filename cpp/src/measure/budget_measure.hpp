// The budget of the energy as a measure.
#pragma once

#include "measure/budget.hpp"
#include "measure/measure.hpp"

namespace noisync {

// The budget's attention and noise. By direct sums E_beta, also by them, comes with it at no cost.
SharedMeasure budget_measure(BudgetLaw law, Index dim);
SharedMeasure budget_measure(HarmonicBudgetLaw law, Index dim);

}  // namespace noisync
