// The array types that every room of the core shares.
#pragma once

#include <Eigen/Core>

namespace noisync {

using Eigen::Index;

// N tokens of dimension d: one token a row, so that a token is contiguous.
template <class Real>
using Tokens = Eigen::Matrix<Real, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

template <class Real>
using TokensView = Eigen::Map<const Tokens<Real>>;

// A general dense matrix, row-major like everything that comes from NumPy.
template <class Real>
using Matrix = Eigen::Matrix<Real, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

template <class Real>
using Vector = Eigen::Matrix<Real, Eigen::Dynamic, 1>;

}  // namespace noisync
