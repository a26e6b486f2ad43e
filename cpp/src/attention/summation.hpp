// How an attention is summed over the tokens: one choice for a whole run.
#pragma once

#include <vector>

namespace noisync {

// Directly, over all pairs; or, where there are coefficients, in linear time. That is for logits
// beta <x, Ry> with R orthogonal, and the coefficients are those of e^{beta u - |beta|} in the
// polynomials P_n.
//
// The sums are then within `tail` of the direct ones. Where that may not leave the attention within
// `tolerance` times |V|, and without normalisation times the largest sum of weights, the direct sum
// is taken.
struct Summation {
    double beta = 0.0;
    std::vector<double> harmonics;
    double tail = 0.0;
    double tolerance = 0.0;

    [[nodiscard]] bool is_direct() const { return harmonics.empty(); }
};

}  // namespace noisync
