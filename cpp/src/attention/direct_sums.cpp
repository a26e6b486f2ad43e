#include "attention/direct_sums.hpp"

#include <cmath>

#include "attention/running_maxima.hpp"

namespace noisync {

template <class Real>
void DirectSums<Real>::symmetric(const Tokens<Real>& x, const Vector<Real>& weights, Real beta,
                                 PairSums<Real>& sums, Execution& execution) {
    if (std::abs(beta) >= largest_shift<Real>()) {
        general(x * beta, x, x, weights, sums, execution);
    } else if (x.cols() >= 2 && x.cols() <= kLowDimension) {
        low_dimension_.symmetric(x, weights, beta, sums, execution);
    } else {
        panels_.symmetric(x, weights, beta, sums, execution);
    }
}

template <class Real>
void DirectSums<Real>::general(const Tokens<Real>& queries, const Tokens<Real>& keys,
                               const Tokens<Real>& x, const Vector<Real>& weights,
                               PairSums<Real>& sums, Execution& execution) {
    sums.shift = queries.rowwise().norm() * keys.rowwise().norm().maxCoeff();
    if (sums.shift.maxCoeff() < largest_shift<Real>()) {
        panels_.general(queries, keys, x, weights, sums, execution);
    } else {
        sum_by_maxima(queries, keys, x, weights, sums, execution);
    }
}

template class DirectSums<float>;
template class DirectSums<double>;

}  // namespace noisync
