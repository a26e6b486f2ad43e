// Measures: a few numbers made of a configuration of tokens, once or along a run.
#pragma once

#include <memory>
#include <vector>

#include "noisync/budget.hpp"
#include "noisync/execution.hpp"
#include "noisync/types.hpp"

namespace noisync {

class Measure {
   public:
    Measure() = default;
    Measure(const Measure&) = delete;
    Measure& operator=(const Measure&) = delete;
    virtual ~Measure() = default;

    // Of how many numbers.
    [[nodiscard]] virtual Index size() const = 0;
    // The only dimension of tokens that it is for, or 0 where it is for any.
    [[nodiscard]] virtual Index dim() const = 0;
    // out[0 .. size()); called by several threads at once for different tokens.
    virtual void evaluate(const Tokens<double>& x, const Vector<double>& weights, double* out,
                          Execution& execution) const = 0;
};

using SharedMeasure = std::shared_ptr<const Measure>;

// E_beta for every beta: by the direct sum, or, where there are coefficients of e^{beta u} in the
// polynomials P_n of dimension dim, one list for every beta, in linear time. The coefficients carry
// the scale.
SharedMeasure energy_measure(std::vector<double> betas, EnergyScale scale,
                             std::vector<std::vector<double>> series, Index dim);

// The budget's attention and noise; and, if asked for, the energy.
SharedMeasure budget_measure(BudgetLaw law, Index dim, bool with_energy);
SharedMeasure budget_measure(LinearBudgetLaw law, Index dim);

// Counts of the cosines of all pairs in equal bins.
SharedMeasure cosine_measure(Index bins);

// The mean's length, the leading eigenvalue, the effective rank.
SharedMeasure order_measure();

// The number of clusters, and the weight of the heaviest.
SharedMeasure cluster_measure(double angle);

}  // namespace noisync
