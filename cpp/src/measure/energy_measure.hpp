// The energy as a measure.
#pragma once

#include <memory>
#include <vector>

#include "harmonics/transform.hpp"
#include "measure/energy.hpp"
#include "measure/measure.hpp"

namespace noisync {

// E_beta for every beta: by the direct sum, or, where there are coefficients of e^{beta u} in the
// polynomials P_n of dimension dim, one list for every beta, in linear time. The coefficients carry
// the scale. Energies on one scale that are summed the same way, by as many coefficients,
// share one pass.
class EnergyMeasure final : public Measure {
   public:
    EnergyMeasure(std::vector<double> betas, EnergyScale scale,
                  std::vector<std::vector<double>> series, Index dim);

    [[nodiscard]] Index size() const override { return Index(betas_.size()); }
    [[nodiscard]] Needs needs() const override { return {.dim = transform_ ? dim_ : 0}; }
    [[nodiscard]] Index stretch(Index rows) const override;
    [[nodiscard]] const std::vector<double>& betas() const { return betas_; }
    [[nodiscard]] EnergyScale scale() const { return scale_; }
    // The number of coefficients for every beta; 0: by the direct sum.
    [[nodiscard]] std::size_t length() const { return series_.empty() ? 0 : series_[0].size(); }

    void evaluate(const Snapshot& snapshot, double* out, Execution& execution) const override;
    [[nodiscard]] SharedMeasure joined(const Measure& other) const override;

   private:
    std::vector<double> betas_;
    EnergyScale scale_;
    std::vector<std::vector<double>> series_;
    Index dim_;
    std::unique_ptr<const HarmonicTransform> transform_;
};

SharedMeasure energy_measure(std::vector<double> betas, EnergyScale scale,
                             std::vector<std::vector<double>> series, Index dim);

}  // namespace noisync
