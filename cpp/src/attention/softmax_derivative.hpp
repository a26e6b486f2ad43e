// The derivative that all attentions with normalised weights share.
#pragma once

#include "attention/logits.hpp"
#include "base/types.hpp"

namespace noisync {

// For the mean of the tokens x_j with weights p_j proportional to w_j e^{l_j}: the rows
// sum_j p_j Dl_j v (x_j - mean), one for each row of the slopes Dl_j v. At least one weight is not
// 0.
template <class Real>
Matrix<Real> softmax_derivative(const typename Logits<Real>::At& at,
                                const Vector<Real>& log_weights,
                                const Eigen::Ref<const Tokens<Real>>& x) {
    // As in sum_by_maxima, the weight belongs into the exponent.
    const Vector<Real> exponents = at.logits + log_weights;
    Vector<Real> p = (exponents.array() - exponents.maxCoeff()).exp();
    p /= p.sum();
    const Matrix<Real> weighted = at.slopes * p.asDiagonal();
    return weighted * x - weighted.rowwise().sum() * (p.transpose() * x);
}

}  // namespace noisync
