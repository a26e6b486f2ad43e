#include "attention/logits.hpp"

#include <cmath>

#include "attention/map_rows.hpp"

namespace noisync {

namespace {

// One more coordinate, s and -b_j/s, with b the penalties less the middle of their range. Sums of
// exponentials shift by |q_i| max |k_j|, which this s, the one with s^2 |k| = |q| |b|, raises by no
// more than |b|.
template <class Real>
void add_penalty(Real penalty, Tokens<Real>& queries, Tokens<Real>& keys) {
    Vector<Real> penalties = penalty * keys.rowwise().squaredNorm();
    const Real middle = (penalties.minCoeff() + penalties.maxCoeff()) / 2;
    penalties.array() -= middle;
    const Real largest = penalties.cwiseAbs().maxCoeff();
    if (largest == Real(0)) {
        return;
    }
    const Real longest_query = queries.rowwise().norm().maxCoeff();
    const Real longest_key = keys.rowwise().norm().maxCoeff();
    const Real scale =
        longest_query > 0 ? std::sqrt(longest_query * (largest / longest_key)) : Real(1);
    const Index height = queries.cols();
    queries.conservativeResize(Eigen::NoChange, height + 1);
    keys.conservativeResize(Eigen::NoChange, height + 1);
    queries.col(height).setConstant(scale);
    keys.col(height) = penalties / -scale;
}

}  // namespace

template <class Real>
Logits<Real>::Logits(const Projections& projections)
    : law_(projections),
      query_(cast_or_empty<Real>(projections.query)),
      key_(cast_or_empty<Real>(projections.key)) {}

template <class Real>
void Logits<Real>::project(const Tokens<Real>& x, Tokens<Real>& queries, Tokens<Real>& keys,
                           Execution& execution) const {
    map_rows(x, query_, queries, execution);
    map_rows(x, key_, keys, execution);
    if (law_.penalty != 0) {
        add_penalty(Real(law_.penalty), queries, keys);
    }
}

template <class Real>
Logits<Real>::At Logits<Real>::at(const Tokens<Real>& x, Index token, Index count,
                                  const Matrix<Real>& along) const {
    const auto others = x.topRows(count);
    const Tokens<Real> keys =
        is_scalar() ? Tokens<Real>(others * beta()) : Tokens<Real>(others * key_.transpose());
    const auto queried = [&](const auto& rows) -> Matrix<Real> {
        return is_scalar() ? Matrix<Real>(rows) : Matrix<Real>(rows * query_.transpose());
    };
    Vector<Real> logits = keys * queried(x.row(token)).transpose();
    if (!is_scalar() && law_.penalty != 0) {
        logits -= Real(law_.penalty) * keys.rowwise().squaredNorm();
    }
    return {std::move(logits), queried(along) * keys.transpose()};
}

template class Logits<float>;
template class Logits<double>;

}  // namespace noisync
