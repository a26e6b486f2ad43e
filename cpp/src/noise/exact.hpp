// The infinite-width limit of the MLP, a Gaussian field with E[G(x) G(y)^T] = kappa(<x, y>) I, at
// the tokens alone, by a Cholesky factor of its covariance there.
#pragma once

#include <vector>

#include "noise/law.hpp"

namespace noisync {

struct Exact {
    std::vector<double> series;  // Chebyshev coefficients of angle -> kappa(cos angle) on [0, pi]
    double slope = 0.0;          // kappa'(1)
    bool odd = false;            // G(-x) = -G(x)
};

SharedNoiseLaw noise_law(const Exact& exact);

}  // namespace noisync
