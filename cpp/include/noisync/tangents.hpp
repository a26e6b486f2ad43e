// Tangent vectors carried along one token: the derivative of the layer, for Lyapunov exponents.
#pragma once

#include "noise/field.hpp"
#include "noisync/types.hpp"

namespace noisync {

// k tangent vectors at the token, kept orthonormal; what normalisation takes out adds up in
// `growth`. growth_i / t tends to the i-th Lyapunov exponent.
template <class Real>
class TangentFlow {
   public:
    TangentFlow(Index token, Index count) : token_(token), growth_(Vector<double>::Zero(count)) {}

    // Random orthonormal tangent vectors at the token.
    void start(const Tokens<Real>& x, std::uint64_t seed, std::uint32_t replicate);

    // For the map x -> LN(w(x)): the derivatives of w, which begin as the vectors themselves ...
    Derivatives<Real>& derivatives() { return derivatives_; }

    // ... become those of LN(w): v <- (v - <w,v> w / |w|^2) / |w|, w the token before retraction.
    void retract(const Tokens<Real>& w);

    // Gram-Schmidt; adds the logarithms of the lengths to the growth.
    void orthonormalise();

    [[nodiscard]] const Vector<double>& growth() const { return growth_; }

   private:
    Index token_;
    Derivatives<Real> derivatives_;
    Vector<double> growth_;
};

}  // namespace noisync
