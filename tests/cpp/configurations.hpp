// The random configurations that the core is tried on, and bitwise comparison.
#pragma once

#include <cmath>
#include <cstring>
#include <limits>
#include <random>

#include "base/types.hpp"

namespace reference {

using noisync::Index;
using Long = long double;
using LongMatrix = noisync::Matrix<Long>;
using LongVector = noisync::Vector<Long>;

// The largest relative error of one rounding.
template <class Real>
constexpr Long kRoundoff = Long(std::numeric_limits<Real>::epsilon()) / 2;

// Entries are float32 numbers, so that they are the same in every precision.
inline noisync::Matrix<double> random_matrix(Index rows, Index columns, unsigned seed) {
    std::mt19937_64 engine(seed);
    std::normal_distribution<double> normal;
    noisync::Matrix<double> matrix(rows, columns);
    for (Index i = 0; i < matrix.size(); ++i) {
        matrix.data()[i] = float(normal(engine));
    }
    return matrix;
}

inline void normalize_rows(LongMatrix& x) {
    for (Index i = 0; i < x.rows(); ++i) {
        Long square = 0;
        for (Index k = 0; k < x.cols(); ++k) {
            square += x(i, k) * x(i, k);
        }
        x.row(i) /= std::sqrt(square);
    }
}

template <class Real>
noisync::Tokens<Real> random_tokens(Index rows, Index dim, unsigned seed) {
    LongMatrix x = random_matrix(rows, dim, seed).cast<Long>();
    normalize_rows(x);
    return x.cast<Real>();
}

// Positive weights with sum 1; with `zeros`, every third one is zero (unless it is the only one).
template <class Real>
noisync::Vector<Real> random_weights(Index rows, bool zeros, unsigned seed) {
    std::mt19937_64 engine(seed);
    std::uniform_real_distribution<double> uniform(0.5, 1.5);
    noisync::Vector<double> weights(rows);
    for (Index i = 0; i < rows; ++i) {
        weights(i) = zeros && i % 3 == 0 && rows > 1 ? 0 : uniform(engine);
    }
    return (weights / weights.sum()).cast<Real>();
}

// The largest absolute value; NaN if there is one.
template <class Derived>
auto largest(const Eigen::MatrixBase<Derived>& a) {
    return a.cwiseAbs().template maxCoeff<Eigen::PropagateNaN>();
}

template <class Matrix>
bool same_bits(const Matrix& a, const Matrix& b) {
    return a.size() == b.size() &&
           (a.size() == 0 ||
            std::memcmp(a.data(), b.data(), sizeof(*a.data()) * std::size_t(a.size())) == 0);
}

}  // namespace reference
