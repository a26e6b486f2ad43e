// Optimal transport on the circle, for the square of the arc as cost.
//
// Lifted to the line, an optimal plan matches the quantiles of one measure with those of the other,
// shifted by some mass s (J. Delon, J. Salomon, A. Sobolevski, SIAM J. Appl. Math. 70, 2010):
//
//     W^2 = min_s C(s),   C(s) = int_0^1 (F^-1(t) - G^-1(t - s))^2 dt,
//
// F^-1 and G^-1 continued by F^-1(t + 1) = F^-1(t) + 2 pi. C is convex, and linear between the s at
// which atoms of the two measures end together.
#pragma once

#include <cstdint>
#include <vector>

#include "base/execution.hpp"
#include "base/types.hpp"

namespace noisync {

// Atoms at ascending angles within one turn. Masses are whole numbers, so that sums of them are
// exact: ends[i] is that of the atoms 0, ..., i, the last one below 2^61.
struct CircleMeasure {
    Vector<double> angles;
    std::vector<std::int64_t> ends;
};

// W^2 for two measures of the same total mass, above 0.
double circle_transport(const CircleMeasure& x, const CircleMeasure& y, Execution& execution);

}  // namespace noisync
