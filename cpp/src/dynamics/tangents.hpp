// Tangent vectors carried along tokens: the derivative of the layer, for Lyapunov exponents and for
// the density of a flow.
#pragma once

#include <cstdint>
#include <optional>

#include "base/derivatives.hpp"
#include "base/types.hpp"

namespace noisync {

// k tangent vectors at each of the tokens first, first + 1, ..., orthonormal; what
// orthonormalisation took out of them adds up in `growth`. growth_i / t tends to the i-th Lyapunov
// exponent. With k = d - 1 they span the tangent space, and their growths add up to log |J|, J the
// Jacobian of the flow on the sphere.
template <class Real>
struct Tangents {
    Index first = 0;
    Index count = 1;
    Matrix<Real> vectors;   // (count k, d)
    Vector<double> growth;  // (count k,)
    // Where it is asked for, k = d - 1: the least Jacobian of a layer at any of these tokens so
    // far; negative where a layer folded the sphere.
    std::optional<double> least_jacobian;
};

// k random orthonormal tangent vectors at `count` tokens of x from `first` on; the first of them is
// that number of the run's.
template <class Real>
Tangents<Real> start_tangents(const Tokens<Real>& x, Index first, Index count, Index k,
                              std::uint64_t seed, std::uint32_t replicate, Index number = 0);

// For the map x -> LN(w(x)), w the token before retraction: the derivatives of w become those of
// LN(w), v <- (v - <w,v> w / |w|^2) / |w|, along which the next map is differentiated.
template <class Real>
void retract(const Tokens<Real>& w, Derivatives<Real>& derivatives);

// Gram-Schmidt among the k vectors of each token; adds the logarithms of the lengths to the growth.
template <class Real>
void orthonormalise(Index k, Matrix<Real>& vectors, Vector<double>& growth);

// The least Jacobian, over the tokens of the tangents, of the map that carried x to y and their
// d - 1 orthonormal vectors to those of `carried`: det(y, carried) / det(x, vectors).
template <class Real>
double least_jacobian(const Tokens<Real>& x, const Tangents<Real>& tangents, const Tokens<Real>& y,
                      const Matrix<Real>& carried);

}  // namespace noisync
