// The Gaussian field at given tokens by a plain Cholesky factor of its covariance, in long double.
#pragma once

#include "kernels.hpp"
#include "reference_noise.hpp"

namespace reference {

// <x, y> from the chord: keeps 1 - <x, y> accurate for close unit vectors.
inline Long cosine(const LongMatrix& x, Index i, Index j) {
    const Long u = std::max(dot(x, i, x, j), -1.0L);
    return u > 0.5L ? 1 - (x.row(i) - x.row(j)).squaredNorm() / 2 : u;
}

// L with L L^T = a. A functional that is a combination of the earlier ones draws nothing; they are
// told by a conditional variance below `resolved` of the variance.
inline LongMatrix cholesky(const LongMatrix& a, Long resolved) {
    LongMatrix factor = LongMatrix::Zero(a.rows(), a.rows());
    for (Index i = 0; i < a.rows(); ++i) {
        for (Index j = 0; j <= i; ++j) {
            Long rest = a(i, j);
            for (Index k = 0; k < j; ++k) {
                rest -= factor(i, k) * factor(j, k);
            }
            if (i == j) {
                factor(i, i) = rest > resolved * a(i, i) ? std::sqrt(rest) : 0;
            } else {
                factor(i, j) = factor(j, j) > 0 ? rest / factor(j, j) : 0;
            }
        }
    }
    return factor;
}

// Covariance of the values at the tokens and of the derivatives at one of them: with v, w tangent
// at c, Cov(G(y), DG(c) v) = kappa'(<y, c>) <y, v>, Cov(DG(c) v, DG(c) w) = kappa'(1) <v, w>.
inline LongMatrix covariance(LongMatrix y, const Kernel& kernel, Index token = 0,
                             const LongMatrix& along = {}) {
    normalize_rows(y);
    const Index n = y.rows();
    LongMatrix result(n + along.rows(), n + along.rows());
    for (Index i = 0; i < n; ++i) {
        for (Index j = 0; j < n; ++j) {
            result(i, j) = kernel.value(i == j ? 1 : cosine(y, i, j));
        }
        for (Index k = 0; k < along.rows(); ++k) {
            const Long cross =
                i == token ? 0 : kernel.first(cosine(y, i, token)) * y.row(i).dot(along.row(k));
            result(i, n + k) = cross;
            result(n + k, i) = cross;
        }
    }
    result.bottomRightCorner(along.rows(), along.rows()) = kernel.first(1) * products(along, along);
    return result;
}

// Values at the tokens, then derivatives.
inline LongMatrix exact_field(const LongMatrix& y, const Kernel& kernel,
                              const noisync::LayerKey& key, Index token = 0,
                              const LongMatrix& along = {}, Long resolved = 1e-13L) {
    using noisync::Purpose;
    LongMatrix xi(y.rows() + along.rows(), y.cols());
    xi << normals(key, Purpose::exact_values, y.rows(), y.cols()),
        normals(key, Purpose::exact_derivatives, along.rows(), y.cols());
    return cholesky(covariance(y, kernel, token, along), resolved) * xi;
}

}  // namespace reference
