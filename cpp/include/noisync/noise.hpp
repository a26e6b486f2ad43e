// Noise fields: the random part of a layer, one field for all tokens (common noise).
#pragma once

#include <cstdint>
#include <memory>
#include <variant>

#include "noisync/activation.hpp"
#include "noisync/execution.hpp"
#include "noisync/types.hpp"

namespace noisync {

// G(y) = m^{-1/2} W phi(d^{-1/2} U y + b_U) + b_W with fresh Gaussian weights in every layer.
struct Mlp {
    Activation activation = Activation::relu;
    Index width = 1;       // m
    double sigma_u = 0.0;  // standard deviation of the entries of b_U
    double sigma_w = 0.0;  // standard deviation of the entries of b_W
};

using NoiseConfig = std::variant<Mlp>;

// Which realisation of the field: the layer's place in the noise path.
struct LayerKey {
    std::uint64_t seed = 0;
    std::uint32_t replicate = 0;
    std::uint32_t layer = 0;
};

// A random vector field on the sphere. Holds scratch memory: one object per running simulation.
template <class Real>
class NoiseField {
   public:
    NoiseField() = default;
    NoiseField(const NoiseField&) = delete;
    NoiseField& operator=(const NoiseField&) = delete;
    virtual ~NoiseField() = default;

    // out_i <- out_i + scale * G(y_i), G the field of the layer `key`.
    virtual void add(const Tokens<Real>& y, const LayerKey& key, Real scale, Tokens<Real>& out,
                     Execution& execution) = 0;
};

template <class Real>
std::unique_ptr<NoiseField<Real>> make_noise(const NoiseConfig& config);

}  // namespace noisync
