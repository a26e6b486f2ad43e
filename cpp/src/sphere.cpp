#include "noisync/sphere.hpp"

#include <atomic>
#include <cmath>
#include <type_traits>

#include "noisync/pairs.hpp"

namespace noisync {

namespace {

// LN(v) for one row; false when v has no direction. Squares are summed after dividing by the
// largest entry only where a plain sum would overflow or underflow.
template <class Row>
bool normalize_row(Row&& v) {
    using Real = std::decay_t<Row>::Scalar;
    const Real norm = v.norm();
    if (std::isnormal(norm)) {
        v /= norm;
        return true;
    }
    const Real careful = v.stableNorm();
    if (!(careful > Real(0)) || !std::isfinite(careful)) {
        return false;
    }
    v /= careful;
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
