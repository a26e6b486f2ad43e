// Noise as a run meets it: a random vector at every token, in every layer another.
#pragma once

#include <cstdint>

#include "base/derivatives.hpp"
#include "base/execution.hpp"
#include "base/types.hpp"
#include "random/random.hpp"

namespace noisync {

// Which realisation of the field: the sum of the fields of `count` layers of the noise path.
struct LayerKey {
    std::uint64_t seed = 0;
    std::uint32_t replicate = 0;
    std::uint32_t layer = 0;
    std::uint32_t count = 1;
    std::uint32_t part = 0;  // which of the noises that add

    [[nodiscard]] Stream stream(std::uint32_t of_layer, Purpose purpose) const {
        return {seed, replicate, of_layer, purpose, part};
    }
};

// A random vector field at the tokens. Holds scratch memory: one object per running simulation.
template <class Real>
class NoiseField {
   public:
    NoiseField() = default;
    NoiseField(const NoiseField&) = delete;
    NoiseField& operator=(const NoiseField&) = delete;
    virtual ~NoiseField() = default;

    // out_i <- out_i + scale * G(y_i), G the field of `key`, and of the derivatives, which may be
    // null, out <- out + scale * DG(y) along. Of the weights only noise through averages takes
    // notice.
    virtual void add(const Tokens<Real>& y, const Vector<Real>& weights, const LayerKey& key,
                     Real scale, Tokens<Real>& out, Derivatives<Real>* derivatives,
                     Execution& execution) = 0;
};

// Adds the normals of all layers of `key`, elements first, first + 1, ..., each times `scale`.
template <class Real>
void add_normals(const LayerKey& key, Purpose purpose, std::uint64_t first, Index count, Real scale,
                 Real* out);

}  // namespace noisync
