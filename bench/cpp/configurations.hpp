// Tokens to measure with.
#pragma once

#include "base/sphere.hpp"
#include "base/types.hpp"
#include "random/random.hpp"

namespace bench {

template <class Real>
noisync::Tokens<Real> uniform(noisync::Index n, noisync::Index d) {
    noisync::Tokens<Real> x(n, d);
    noisync::fill_normals({1, 0, 0, noisync::Purpose::initial_tokens}, 0, n * d, Real(1), x.data());
    noisync::Execution execution;
    noisync::normalize_rows(x, execution);
    return x;
}

template <class Real>
noisync::Vector<Real> equal_weights(noisync::Index n) {
    return noisync::Vector<Real>::Constant(n, Real(1) / Real(n));
}

}  // namespace bench
