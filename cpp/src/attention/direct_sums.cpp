#include "attention/direct_sums.hpp"

#include <cmath>
#include <limits>

#include "attention/running_maxima.hpp"

namespace noisync {

namespace {

// Puts the factor that faded weights lack into the shift.
template <class Real>
void add_fading(const Causal& mask, PairSums<Real>& sums) {
    const Index count = sums.shift.size();
    for (Index i = 0; mask.decay > 0 && i < count; ++i) {
        sums.shift(i) -= Real(mask.fading(count - 1 - i, count));
    }
}

// e^{l - max l}: the largest is 1.
template <class Real>
Vector<Real> relative_weights(const Vector<Real>& logs) {
    const auto spread = logs.array() - logs.maxCoeff();
    return spread.isFinite().select(spread.exp(), Real(0));
}

bool is_low(Index d) {
    return d >= 2 && d <= kLowDimension;
}

}  // namespace

// Under a mask what a token sees may weigh little, so that a row needs more of the range than the
// half that is left to small weights.
template <class Real>
bool DirectSums<Real>::fits(Real shift, const Vector<Real>& weights) const {
    if (!(shift < largest_shift<Real>())) {
        return false;
    }
    using Limits = std::numeric_limits<Real>;
    const double least = std::log(double(Limits::min()) / double(Limits::epsilon()));
    return !mask_ || least_log_weight(*mask_, weights) - 2 * double(shift) >= least;
}

template <class Real>
void DirectSums<Real>::symmetric(const Tokens<Real>& x, const Vector<Real>& weights, Real beta,
                                 PairSums<Real>& sums, Execution& execution) {
    if (!fits(std::abs(beta), weights) || (mask_ && !is_low(x.cols()))) {
        general(x * beta, x, x, weights, sums, execution);
    } else if (mask_) {
        low_dimension_.symmetric(x, faded_weights(*mask_, weights), beta, mask_, sums, execution);
        add_fading(*mask_, sums);
    } else if (is_low(x.cols())) {
        low_dimension_.symmetric(x, weights, beta, mask_, sums, execution);
    } else {
        panels_.symmetric(x, x, weights, beta, sums, execution);
    }
}

template <class Real>
void DirectSums<Real>::general(const Tokens<Real>& queries, const Tokens<Real>& keys,
                               const Tokens<Real>& x, const Vector<Real>& weights,
                               PairSums<Real>& sums, Execution& execution) {
    sums.shift = queries.rowwise().norm() * keys.rowwise().norm().maxCoeff();
    if (!fits(sums.shift.maxCoeff(), weights)) {
        const Vector<Real> log_weights = weights.array().log();
        sum_by_maxima(queries, keys, x, log_weights, mask_, sums, execution);
    } else if (mask_) {
        panels_.general(queries, keys, x, faded_weights(*mask_, weights), mask_, sums, execution);
        add_fading(*mask_, sums);
    } else {
        panels_.general(queries, keys, x, weights, mask_, sums, execution);
    }
}

template <class Real>
void DirectSums<Real>::symmetric_by_logs(const Tokens<Real>& y, const Tokens<Real>& x,
                                         const Vector<Real>& log_weights, Real beta,
                                         PairSums<Real>& sums, Execution& execution) {
    if (!(std::abs(beta) < largest_shift<Real>())) {
        general_by_logs(y * beta, y, x, log_weights, sums, execution);
        return;
    }
    const Vector<Real> weights = relative_weights(log_weights);
    if (is_low(y.cols())) {
        low_dimension_.symmetric(y, weights, beta, std::nullopt, sums, execution);
    } else {
        panels_.symmetric(y, x, weights, beta, sums, execution);
    }
    sums.shift.array() += log_weights.maxCoeff();
}

template <class Real>
void DirectSums<Real>::general_by_logs(const Tokens<Real>& queries, const Tokens<Real>& keys,
                                       const Tokens<Real>& x, const Vector<Real>& log_weights,
                                       PairSums<Real>& sums, Execution& execution) {
    sums.shift = queries.rowwise().norm() * keys.rowwise().norm().maxCoeff();
    if (!(sums.shift.maxCoeff() < largest_shift<Real>())) {
        sum_by_maxima(queries, keys, x, log_weights, std::nullopt, sums, execution);
        return;
    }
    panels_.general(queries, keys, x, relative_weights(log_weights), std::nullopt, sums, execution);
    sums.shift.array() += log_weights.maxCoeff();
}

template class DirectSums<float>;
template class DirectSums<double>;

}  // namespace noisync
