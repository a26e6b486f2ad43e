// What every way of summing over the tokens gives.
#pragma once

#include <cmath>
#include <limits>

#include "base/types.hpp"

namespace noisync {

// sum_j w_j e^{l_ij - shift_i} (x_j, 1) for every token i, l_ij its logits. What arrays hold beyond
// these rows and columns means nothing: some ways of summing need room there.
template <class Real>
struct PairSums {
    Matrix<Real> numerators;    // (N, d) or larger
    Vector<Real> denominators;  // (N,) or longer
    Vector<Real> shift;         // (N,)
};

// With |logit| <= shift the exponentials e^{logit - shift} of a row neither overflow nor all vanish
// as long as e^{-2 shift} is a normal number; beyond, a running maximum is needed. Half that range
// is left to small weights.
template <class Real>
Real largest_shift() {
    return -std::log(std::numeric_limits<Real>::min()) / 4;
}

}  // namespace noisync
