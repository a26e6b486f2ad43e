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

// Counts of the cosines of all pairs in equal bins.
SharedMeasure cosine_measure(Index bins);

}  // namespace noisync
