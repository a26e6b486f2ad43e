#include "base/sphere.hpp"

#include <atomic>
#include <cmath>
#include <limits>
#include <type_traits>

#include "base/pairs.hpp"

namespace noisync {

namespace {

// LN(v) for one row; false when v has no direction. Where the sum of squares would overflow or lose
// digits to underflow, the row is first divided by its largest entry.
template <class Row>
bool normalize_row(Row&& v) {
    using Real = std::decay_t<Row>::Scalar;
    using Limits = std::numeric_limits<Real>;
    const Real square = v.squaredNorm();
    if (square > Limits::min() / Limits::epsilon() && square <= Limits::max()) {
        v /= std::sqrt(square);
        return true;
    }
    const Real largest = v.cwiseAbs().maxCoeff();
    if (!v.allFinite() || largest == Real(0)) {
        return false;
    }
    v /= largest;
    v.normalize();
    return true;
}

}  // namespace

template <class Real>
Index normalize_rows(Tokens<Real>& x, Execution& execution) {
    const Blocks blocks{x.rows(), 1024};
    std::atomic<Index> lost{x.rows()};
    execution.for_each(blocks.count(), [&](Index block, int) {
        const Index end = blocks.begin(block) + blocks.length(block);
        for (Index i = blocks.begin(block); i < end; ++i) {
            if (!normalize_row(x.row(i))) {
                Index first = lost.load();
                while (i < first && !lost.compare_exchange_weak(first, i)) {
                }
                return;
            }
        }
    });
    return lost.load() == x.rows() ? Index(-1) : lost.load();
}

template Index normalize_rows<float>(Tokens<float>&, Execution&);
template Index normalize_rows<double>(Tokens<double>&, Execution&);

}  // namespace noisync
