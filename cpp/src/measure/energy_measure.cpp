#include "measure/energy_measure.hpp"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "measure/harmonic_energy.hpp"

namespace noisync {

namespace {

template <class Value>
std::vector<Value> appended(std::vector<Value> first, const std::vector<Value>& second) {
    first.insert(first.end(), second.begin(), second.end());
    return first;
}

}  // namespace

EnergyMeasure::EnergyMeasure(std::vector<double> betas, EnergyScale scale,
                             std::vector<std::vector<double>> series, Index dim)
    : betas_(std::move(betas)), scale_(scale), series_(std::move(series)), dim_(dim) {
    if (series_.empty()) {
        return;
    }
    std::size_t length = 0;
    for (const auto& list : series_) {
        length = std::max(length, list.size());
    }
    for (auto& list : series_) {
        list.resize(length, 0.0);
    }
    if (series_.size() != betas_.size() || length == 0) {
        throw std::invalid_argument("series must hold coefficients for every beta");
    }
    transform_ = std::make_unique<const HarmonicTransform>(Index(length) - 1, dim);
}

void EnergyMeasure::evaluate(const Snapshot& snapshot, double* out, Execution& execution) const {
    const auto& x = snapshot.tokens;
    const auto& weights = snapshot.weights;
    std::ranges::copy(
        transform_ ? interaction_energy(*transform_, series_, betas_, x, weights, execution, scale_)
                   : interaction_energy(x, weights, betas_, execution, scale_),
        out);
}

Index EnergyMeasure::stretch(Index rows) const {
    return transform_ ? transform_->stretches(rows).length(0) : 0;
}

SharedMeasure EnergyMeasure::joined(const Measure& other) const {
    const auto* energy = dynamic_cast<const EnergyMeasure*>(&other);
    // Sums of another length round differently.
    if (energy == nullptr || energy->scale_ != scale_ || energy->length() != length() ||
        (!series_.empty() && energy->dim_ != dim_)) {
        return nullptr;
    }
    return std::make_shared<EnergyMeasure>(appended(betas_, energy->betas_), scale_,
                                           appended(series_, energy->series_), dim_);
}

SharedMeasure energy_measure(std::vector<double> betas, EnergyScale scale,
                             std::vector<std::vector<double>> series, Index dim) {
    return std::make_shared<EnergyMeasure>(std::move(betas), scale, std::move(series), dim);
}

}  // namespace noisync
