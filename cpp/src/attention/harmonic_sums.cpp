#include "attention/harmonic_sums.hpp"

#include <algorithm>
#include <cmath>
#include <type_traits>
#include <utility>

#include "attention/map_rows.hpp"
#include "harmonics/sums.hpp"

namespace noisync {

template <class Real>
HarmonicSums<Real>::HarmonicSums(Summation summation, Matrix<double> rotation)
    : summation_(std::move(summation)), rotation_(std::move(rotation)) {}

template <class Real>
bool HarmonicSums<Real>::fill(const Tokens<Real>& x, const Vector<Real>& weights,
                              Normalization normalization, PairSums<Real>& sums,
                              Execution& execution) {
    gave_up_ = !summation_.is_direct();
    const Real shift = std::abs(Real(summation_.beta));
    if (summation_.is_direct() || shift >= largest_shift<Real>()) {
        return false;
    }
    Matrix<double> totals = harmonic(x, weights, execution);
    // Without normalisation the largest sum of weights is what errors are relative to.
    const auto masses = totals.col(x.cols());
    const bool relative = normalization == Normalization::softmax;
    double size = relative ? masses.minCoeff() : masses.maxCoeff();
    if (const Ranks* ranks = execution.ranks()) {
        size = relative ? ranks->least(size) : -ranks->least(-size);
    }
    if (!keeps_tolerance(size)) {
        return false;
    }
    gave_up_ = false;
    sums.shift.setConstant(x.rows(), shift);
    sums.denominators = masses.template cast<Real>();
    if constexpr (std::is_same_v<Real, double>) {
        sums.numerators = std::move(totals);
    } else {
        sums.numerators = totals.cast<Real>();
    }
    return true;
}

// sum_j w_j e^{beta <x_i, R x_j> - |beta|} (x_j, 1), but for the tail.
template <class Real>
Matrix<double> HarmonicSums<Real>::harmonic(const Tokens<Real>& x, const Vector<Real>& weights,
                                            Execution& execution) {
    if (!transform_ || transform_->basis().dim() != x.cols()) {
        transform_.emplace(Index(summation_.harmonics.size()) - 1, x.cols());
    }
    const Tokens<double>& tokens = x.template cast<double>();
    const Vector<double>& mass = weights.template cast<double>();
    Tokens<double> rotated;
    if (rotation_.size() != 0) {
        map_rows(tokens, rotation_, rotated, execution);
    }
    Matrix<double> totals;
    harmonic_sums(*transform_, summation_.harmonics, tokens,
                  rotation_.size() == 0 ? tokens : rotated, mass, totals, execution);
    return totals;
}

// |a/b - a'/b'| <= 2 tail / b' for sums within `tail` and |a| <= b; roundings add theirs.
template <class Real>
bool HarmonicSums<Real>::keeps_tolerance(double size) const {
    constexpr double kRounding = 4e-15;
    return 2 * (summation_.tail + kRounding) <= summation_.tolerance * (size - summation_.tail);
}

template class HarmonicSums<float>;
template class HarmonicSums<double>;

}  // namespace noisync
