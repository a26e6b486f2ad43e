#include "attention/values.hpp"

#include <Eigen/QR>
#include <cmath>
#include <limits>

#include "attention/map_rows.hpp"

namespace noisync {

namespace {

// A block of rows times what follows from the sums of weights or the shift.
template <class Real, class Factor>
void scale_rows(const PairSums<Real>& sums, Tokens<Real>& out, Execution& execution,
                Factor&& factor) {
    const Blocks blocks{out.rows(), 4096};
    execution.for_each(blocks.count(), [&](Index block, int) {
        const Index first = blocks.begin(block);
        const Index count = blocks.length(block);
        const Vector<Real> factors = factor(first, count);
        out.middleRows(first, count) =
            sums.numerators.block(first, 0, count, out.cols()).array().colwise() * factors.array();
    });
}

}  // namespace

template <class Real>
Values<Real>::Values(Normalization normalization, double scale,
                     const std::optional<Matrix<double>>& matrix)
    : normalization_(normalization),
      scale_(Real(scale)),
      matrix_(cast_or_empty<Real>(matrix)),
      size_(std::abs(scale_) * (matrix_.size() == 0 ? Real(1) : matrix_.norm())) {
    if (matrix) {
        divide(*matrix);
    }
}

// V P = Q R with pivots: what is left of R after its rank is rounding.
template <class Real>
void Values<Real>::divide(const Matrix<double>& matrix) {
    const Index d = matrix.rows();
    Eigen::ColPivHouseholderQR<Eigen::MatrixXd> qr(matrix);
    qr.setThreshold(double(d) * std::numeric_limits<double>::epsilon());
    const Index rank = qr.rank();
    if (rank == 0 || 2 * rank > d) {
        return;
    }
    const Eigen::MatrixXd upper =
        qr.matrixQR().topRows(rank).template triangularView<Eigen::Upper>();
    inner_ = (upper * qr.colsPermutation().inverse()).template cast<Real>();
    outer_ = (qr.householderQ() * Eigen::MatrixXd::Identity(d, rank)).template cast<Real>();
}

template <class Real>
void Values<Real>::finish(const PairSums<Real>& sums, Index dim, Tokens<Real>& out,
                          Execution& execution, bool of_inner) {
    Tokens<Real>& scaled = matrix_.size() == 0 ? out : averages_;
    scaled.resize(sums.shift.size(), of_inner ? inner_.rows() : dim);
    if (normalization_ == Normalization::softmax) {
        scale_rows(sums, scaled, execution, [&](Index first, Index count) -> Vector<Real> {
            const auto totals = sums.denominators.segment(first, count).array();
            return (totals == 0).select(Real(0), scale_ / totals);
        });
    } else {
        scale_rows(sums, scaled, execution, [&](Index first, Index count) -> Vector<Real> {
            const auto totals = sums.denominators.segment(first, count).array();
            return (totals == 0)
                .select(Real(0), scale_ * sums.shift.segment(first, count).array().exp());
        });
    }
    if (matrix_.size() != 0) {
        map_rows(averages_, of_inner ? outer_ : matrix_, out, execution);
    }
}

template <class Real>
Real Values<Real>::size_of_terms(const PairSums<Real>& sums, Index token) const {
    return normalization_ == Normalization::softmax
               ? size_
               : size_ * sums.denominators(token) * std::exp(sums.shift(token));
}

template <class Real>
void Values<Real>::apply(Matrix<Real>& rows) const {
    rows *= scale_;
    if (matrix_.size() != 0) {
        rows *= matrix_.transpose();
    }
}

template class Values<float>;
template class Values<double>;

}  // namespace noisync
