// Chebyshev series.
#pragma once

#include <cstddef>
#include <vector>

namespace noisync::simd {

// sum_k a_k T_k(s), s in [-1, 1], by Clenshaw's recurrence. Value is a number, a vector or an array
// of them.
template <class Value>
Value chebyshev(const std::vector<double>& series, const Value& s) {
    Value next = 0.0 * s;
    Value current = next;
    const Value twice = 2.0 * s;
    for (std::size_t k = series.size() - 1; k > 0; --k) {
        const Value before = twice * current - next + series[k];
        next = current;
        current = before;
    }
    return s * current - next + series[0];
}

}  // namespace noisync::simd
