// The cosines of all pairs of tokens.
#pragma once

#include <cstdint>
#include <vector>

#include "base/execution.hpp"
#include "base/types.hpp"
#include "measure/measure.hpp"

namespace noisync {

// counts[b] <- number of unordered pairs i < j with <x_i, x_j> in bin b of `bins` equal bins of
// [-1, 1]; bins are closed on the left, the last one on both sides.
std::vector<std::int64_t> cosine_histogram(const Tokens<double>& x, Index bins,
                                           Execution& execution);

// masses[b] <- sum of w_i w_j over all i and j with <x_i, x_j> in bin b, a token with itself in the
// last one: the law of the cosine of two independent points of the measure. The product of two
// weights is rounded to a multiple of 2^-63, so that sums in any order are the same.
std::vector<double> cosine_masses(const Tokens<double>& x, const Vector<double>& weights,
                                  Index bins, Execution& execution);

enum class PairsBy { count, mass };

// Either of them.
SharedMeasure cosine_measure(Index bins, PairsBy by = PairsBy::count);

}  // namespace noisync
