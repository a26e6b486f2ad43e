#include "attention/values.hpp"

#include <Eigen/QR>
#include <cmath>
#include <cstdint>
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

// One of 1 and -1, as if at random (the mixing of SplitMix64).
double sign(Index place) {
    std::uint64_t bits = (std::uint64_t(place) + 1) * 0x9e3779b97f4a7c15U;
    bits = (bits ^ (bits >> 30)) * 0xbf58476d1ce4e5b9U;
    bits = (bits ^ (bits >> 27)) * 0x94d049bb133111ebU;
    return (bits >> 63) == 0 ? 1.0 : -1.0;
}

}  // namespace

template <class Real>
Values<Real>::Values(Normalization normalization, double scale,
                     const std::optional<Matrix<double>>& matrix, Index height)
    : normalization_(normalization),
      scale_(Real(scale)),
      matrix_(cast_or_empty<Real>(matrix)),
      size_(std::abs(scale_) * (matrix_.size() == 0 ? Real(1) : matrix_.norm())) {
    if (matrix && height > 0 && 2 * height <= matrix->rows()) {
        divide(*matrix, height);
    }
}

// The range of V from products with a few vectors: first what signs at random find of its rows,
// then its columns from those. O(d^2 height), where rank-revealing factors take O(d^3).
template <class Real>
void Values<Real>::divide(const Matrix<double>& matrix, Index height) {
    const Index d = matrix.rows();
    const auto basis = [&](const Eigen::MatrixXd& vectors) -> Eigen::MatrixXd {
        return Eigen::HouseholderQR<Eigen::MatrixXd>(vectors).householderQ() *
               Eigen::MatrixXd::Identity(d, height);
    };
    const Eigen::MatrixXd signs = Eigen::MatrixXd::NullaryExpr(
        d, height, [height](Index row, Index column) { return sign(row * height + column); });
    const Eigen::MatrixXd rows = basis(matrix.transpose() * signs);
    const Eigen::MatrixXd columns = basis(matrix * rows);
    const Eigen::MatrixXd inner = columns.transpose() * matrix;
    const double rest = (matrix - columns * inner).norm();
    if (rest <= double(d) * std::numeric_limits<double>::epsilon() * matrix.norm()) {
        inner_ = inner.template cast<Real>();
        outer_ = columns.template cast<Real>();
    }
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
