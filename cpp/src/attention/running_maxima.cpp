#include "attention/running_maxima.hpp"

#include <limits>
#include <vector>

#include "base/pairs.hpp"

namespace noisync {

// Block by block of keys: shift_i is the largest exponent so far, and the sums follow as it grows.
template <class Real>
void sum_by_maxima(const Tokens<Real>& queries, const Tokens<Real>& keys, const Tokens<Real>& x,
                   const Vector<Real>& weights, PairSums<Real>& sums, Execution& execution) {
    const Blocks blocks{queries.rows(), pair_block_size(queries.rows())};
    const Vector<Real> log_weights = weights.array().log();
    Matrix<Real> values(x.rows(), x.cols() + 1);
    values.leftCols(x.cols()) = x;
    values.col(x.cols()).setOnes();
    sums.numerators.setZero(x.rows(), x.cols() + 1);  // the denominators in the last column
    sums.shift.setConstant(x.rows(), -std::numeric_limits<Real>::infinity());
    std::vector<Matrix<Real>> tiles(execution.threads());
    execution.for_each(blocks.count(), [&](Index i, int worker) {
        Matrix<Real>& tile = tiles[worker];
        auto shift = sums.shift.segment(blocks.begin(i), blocks.length(i));
        auto totals = sums.numerators.middleRows(blocks.begin(i), blocks.length(i));
        for (Index j = 0; j < blocks.count(); ++j) {
            tile.resize(blocks.length(i), blocks.length(j));
            tile.noalias() = queries.middleRows(blocks.begin(i), blocks.length(i)) *
                             keys.middleRows(blocks.begin(j), blocks.length(j)).transpose();
            tile.rowwise() += log_weights.segment(blocks.begin(j), blocks.length(j)).transpose();
            const Vector<Real> raised = shift.cwiseMax(tile.rowwise().maxCoeff());
            // A row that has met no weight yet has the shift -inf; 0 serves it as well.
            const Vector<Real> anchor = raised.array().isFinite().select(raised, Real(0));
            totals.array().colwise() *= (shift - anchor).array().exp();
            shift = raised;
            tile.array() = (tile.array().colwise() - anchor.array()).exp();
            totals.noalias() += tile * values.middleRows(blocks.begin(j), blocks.length(j));
        }
    });
    sums.denominators = sums.numerators.col(x.cols());
}

template void sum_by_maxima<float>(const Tokens<float>&, const Tokens<float>&, const Tokens<float>&,
                                   const Vector<float>&, PairSums<float>&, Execution&);
template void sum_by_maxima<double>(const Tokens<double>&, const Tokens<double>&,
                                    const Tokens<double>&, const Vector<double>&, PairSums<double>&,
                                    Execution&);

}  // namespace noisync
