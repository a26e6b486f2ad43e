// The state of a run between two layers: all that the next layer depends on.
#pragma once

#include <optional>

#include "base/types.hpp"
#include "dynamics/tangents.hpp"

namespace noisync {

template <class Real>
struct State {
    Index layer = 0;  // the number of layers that the tokens went through
    Tokens<Real> tokens;
    Vector<Real> norms = {};  // (N,) where the normalisation keeps them, else empty
    std::optional<Tangents<Real>> tangents;
    // Of these layers, those whose attention was to be summed by harmonics and fell back to the
    // direct sum.
    Index layers_summed_directly = 0;
};

}  // namespace noisync
