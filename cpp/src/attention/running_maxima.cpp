#include "attention/running_maxima.hpp"

#include <limits>
#include <vector>

#include "base/pairs.hpp"

namespace noisync {

namespace {

template <class Real>
constexpr Real kNothing = -std::numeric_limits<Real>::infinity();

// Adds the logarithms of what a mask does to weights; `offset` is the lag of the first row of the
// tile behind its first column.
template <class Real>
void hide(const Causal& mask, Index offset, Index count, Matrix<Real>& tile) {
    const Real rate = Real(mask.fading(1, count));
    const Index least = mask.include_self ? 0 : 1;
    for (Index row = 0; row < tile.rows(); ++row) {
        for (Index column = 0; column < tile.cols(); ++column) {
            const Index lag = offset + row - column;
            tile(row, column) = lag < least ? kNothing<Real> : tile(row, column) + rate * Real(lag);
        }
    }
}

}  // namespace

// Block by block of keys: shift_i is the largest exponent so far, and the sums follow as it grows.
template <class Real>
void sum_by_maxima(const Tokens<Real>& queries, const Tokens<Real>& keys, const Tokens<Real>& x,
                   const Vector<Real>& log_weights, const std::optional<Causal>& mask,
                   PairSums<Real>& sums, Execution& execution) {
    const Blocks blocks{queries.rows(), pair_block_size(queries.rows())};
    Matrix<Real> values(x.rows(), x.cols() + 1);
    values.leftCols(x.cols()) = x;
    values.col(x.cols()).setOnes();
    sums.numerators.setZero(x.rows(), x.cols() + 1);  // the denominators in the last column
    sums.shift.setConstant(x.rows(), kNothing<Real>);
    std::vector<Matrix<Real>> tiles(execution.threads());
    execution.for_each(blocks.count(), [&](Index task, int worker) {
        const Index i = mask ? blocks.count() - 1 - task : task;  // the longest first
        Matrix<Real>& tile = tiles[worker];
        auto shift = sums.shift.segment(blocks.begin(i), blocks.length(i));
        auto totals = sums.numerators.middleRows(blocks.begin(i), blocks.length(i));
        for (Index j = 0; j < (mask ? i + 1 : blocks.count()); ++j) {
            tile.resize(blocks.length(i), blocks.length(j));
            tile.noalias() = queries.middleRows(blocks.begin(i), blocks.length(i)) *
                             keys.middleRows(blocks.begin(j), blocks.length(j)).transpose();
            tile.rowwise() += log_weights.segment(blocks.begin(j), blocks.length(j)).transpose();
            if (mask && (i == j || mask->decay > 0)) {
                hide(*mask, blocks.begin(i) - blocks.begin(j), x.rows(), tile);
            }
            const Vector<Real> raised = shift.cwiseMax(tile.rowwise().maxCoeff());
            // A row that has met no weight yet has the shift -inf; 0 serves it as well.
            const Vector<Real> anchor = raised.array().isFinite().select(raised, Real(0));
            totals.array().colwise() *= (shift - anchor).array().exp();
            shift = raised;
            tile.array() = (tile.array().colwise() - anchor.array()).exp();
            totals.noalias() += tile * values.middleRows(blocks.begin(j), blocks.length(j));
        }
        // e^{-inf} may be a least normal number.
        for (Index row = 0; row < shift.size(); ++row) {
            if (shift(row) == kNothing<Real>) {
                totals.row(row).setZero();
            }
        }
    });
    sums.denominators = sums.numerators.col(x.cols());
}

template void sum_by_maxima<float>(const Tokens<float>&, const Tokens<float>&, const Tokens<float>&,
                                   const Vector<float>&, const std::optional<Causal>&,
                                   PairSums<float>&, Execution&);
template void sum_by_maxima<double>(const Tokens<double>&, const Tokens<double>&,
                                    const Tokens<double>&, const Vector<double>&,
                                    const std::optional<Causal>&, PairSums<double>&, Execution&);

}  // namespace noisync
