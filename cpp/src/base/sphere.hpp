// The unit sphere S^{d-1}: the retraction LN(v) = v/|v| that ends every half-step of a layer.
#pragma once

#include <algorithm>
#include <atomic>
#include <cmath>
#include <limits>
#include <type_traits>

#include "base/execution.hpp"
#include "base/pairs.hpp"
#include "base/types.hpp"

namespace noisync {

// A sum of vectors whose norm is below this part of the sum of their norms is made of roundings: it
// has no direction.
template <class Real>
constexpr Real kCancelled = std::is_same_v<Real, float> ? Real(1e-5) : Real(1e-12);

// v <- v/|v|; returns |v|. Where v has no direction, being NaN, infinite or not longer than
// `least`, returns 0, and v means nothing. Where the sum of squares would overflow or lose digits
// to underflow, v is first divided by its largest entry. A |v| that is no number of the type itself
// is returned as the largest one.
template <class Row>
auto normalize_row(Row&& v, typename std::decay_t<Row>::Scalar least) {
    using Real = std::decay_t<Row>::Scalar;
    using Limits = std::numeric_limits<Real>;
    const Real square = v.squaredNorm();
    if (square > Limits::min() / Limits::epsilon() && square <= Limits::max()) {
        const Real norm = std::sqrt(square);
        v /= norm;
        return norm > least ? norm : Real(0);
    }
    const Real largest = v.cwiseAbs().maxCoeff();
    if (!v.allFinite() || largest == Real(0)) {
        return Real(0);
    }
    v /= largest;
    const Real norm = v.norm();
    v /= norm;
    const Real whole = norm * largest;
    return whole > least ? std::min(whole, Limits::max()) : Real(0);
}

// Calls lives(i) for every row; returns the first for which it is false, or -1.
template <class Lives>
Index first_lost(Index rows, Execution& execution, Lives&& lives) {
    const Blocks blocks{rows, 1024};
    std::atomic<Index> lost{rows};
    execution.for_each(blocks.count(), [&](Index block, int) {
        const Index end = blocks.begin(block) + blocks.length(block);
        for (Index i = blocks.begin(block); i < end; ++i) {
            if (!lives(i)) {
                Index first = lost.load();
                while (i < first && !lost.compare_exchange_weak(first, i)) {
                }
                return;
            }
        }
    });
    return lost.load() == rows ? Index(-1) : lost.load();
}

// Replaces every row v by v/|v|. Returns the first row that has no direction (zero, NaN or
// infinite), or -1 when all are on the sphere again.
template <class Real>
Index normalize_rows(Tokens<Real>& x, Execution& execution);

// The same where row i has no direction either if its norm is not above least(i); norms(i) <- |v|.
template <class Real>
Index normalize_rows(Tokens<Real>& x, const Vector<Real>& least, Vector<Real>& norms,
                     Execution& execution);

}  // namespace noisync
