// Sums over all pairs of a polynomial of their cosines.
#pragma once

#include <vector>

#include "base/execution.hpp"
#include "base/types.hpp"

namespace noisync {

// sum_ij w_i w_j K(<x_i, x_j>), K(u) = sum_k a_k T_k(u) a Chebyshev series, weights of any sign, in
// tiles: O(N) memory.
double zonal_sum(const Tokens<double>& x, const Vector<double>& weights,
                 const std::vector<double>& series, Execution& execution);

}  // namespace noisync
