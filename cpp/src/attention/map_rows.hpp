// Matrices applied to every token.
#pragma once

#include <optional>

#include "base/execution.hpp"
#include "base/pairs.hpp"
#include "base/types.hpp"

namespace noisync {

// In the arithmetic of a run; empty where there is none.
template <class Real>
Matrix<Real> cast_or_empty(const std::optional<Matrix<double>>& matrix) {
    return matrix ? Matrix<Real>(matrix->cast<Real>()) : Matrix<Real>();
}

// out_i <- M x_i, a block of rows at a time: shared among threads and interruptible.
template <class Real>
void map_rows(const Tokens<Real>& x, const Matrix<Real>& matrix, Tokens<Real>& out,
              Execution& execution) {
    const Blocks blocks{x.rows(), pair_block_size(x.rows())};
    out.resize(x.rows(), matrix.rows());
    execution.for_each(blocks.count(), [&](Index block, int) {
        const Index row = blocks.begin(block);
        out.middleRows(row, blocks.length(block)).noalias() =
            x.middleRows(row, blocks.length(block)) * matrix.transpose();
    });
}

}  // namespace noisync
