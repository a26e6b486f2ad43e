// The noise fields behind make_noise; private to src/noise.
#pragma once

#include <memory>

#include "noisync/noise.hpp"

namespace noisync {

template <class Real>
std::unique_ptr<NoiseField<Real>> make_mlp(const Mlp& config);

template <class Real>
std::unique_ptr<NoiseField<Real>> make_features(const Features& config);

template <class Real>
std::unique_ptr<NoiseField<Real>> make_harmonics(const Harmonics& config);

template <class Real>
std::unique_ptr<NoiseField<Real>> make_exact(const Exact& config);

template <class Real>
std::unique_ptr<NoiseField<Real>> make_value(const ValueNoise& config);

template <class Real>
std::unique_ptr<NoiseField<Real>> make_independent(const IndependentNoise& config);

}  // namespace noisync
