// Tangent vectors carried along one token: the derivative of the layer, for Lyapunov exponents.
#pragma once

#include <cstdint>

#include "base/types.hpp"
#include "noise/field.hpp"

namespace noisync {

// k tangent vectors at a token, orthonormal; what orthonormalisation took out of them adds up in
// `growth`. growth_i / t tends to the i-th Lyapunov exponent.
template <class Real>
struct Tangents {
    Index token = 0;
    Matrix<Real> vectors;   // (k, d)
    Vector<double> growth;  // (k,)
};

// k random orthonormal tangent vectors at a token of x.
template <class Real>
Tangents<Real> start_tangents(const Tokens<Real>& x, Index token, Index k, std::uint64_t seed,
                              std::uint32_t replicate);

// For the map x -> LN(w(x)), w the token before retraction: the derivatives of w become those of
// LN(w), v <- (v - <w,v> w / |w|^2) / |w|, along which the next map is differentiated.
template <class Real>
void retract(const Tokens<Real>& w, Derivatives<Real>& derivatives);

// Gram-Schmidt; adds the logarithms of the lengths to the growth.
template <class Real>
void orthonormalise(Matrix<Real>& vectors, Vector<double>& growth);

}  // namespace noisync
