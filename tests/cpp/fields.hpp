// Noise fields and their derivatives as plain functions, and tangents to try them on.
#pragma once

#include "configurations.hpp"
#include "noise/law.hpp"

namespace reference {

using noisync::Derivatives;
using noisync::LayerKey;
using noisync::Matrix;
using noisync::SharedNoiseLaw;
using noisync::Tokens;

// Of the parameters of a noise, or of a law already.
inline SharedNoiseLaw law_from(const SharedNoiseLaw& law) {
    return law;
}
template <class Parameters>
SharedNoiseLaw law_from(const Parameters& parameters) {
    return noise_law(parameters);
}

template <class Real, class Noise>
Tokens<Real> field(const Noise& noise, const Tokens<Real>& y, const LayerKey& key,
                   int threads = 1) {
    Tokens<Real> out = Tokens<Real>::Zero(y.rows(), y.cols());
    noisync::Execution execution(threads);
    law_from(noise)->template field<Real>()->add(y, {}, key, Real(1), out, nullptr, execution);
    return out;
}

// The values at the tokens, and below them DG(y_token) v for the rows v of `along`.
template <class Real, class Noise>
Tokens<Real> with_derivatives(const Noise& noise, const Tokens<Real>& y, Index token,
                              const Matrix<Real>& along, const LayerKey& key, int threads = 1) {
    Tokens<Real> out = Tokens<Real>::Zero(y.rows(), y.cols());
    Derivatives<Real> derivatives{token, 1, along, Matrix<Real>::Zero(along.rows(), along.cols())};
    noisync::Execution execution(threads);
    law_from(noise)->template field<Real>()->add(y, {}, key, Real(1), out, &derivatives, execution);
    Tokens<Real> both(y.rows() + along.rows(), y.cols());
    both << out, derivatives.out;
    return both;
}

// Random unit tangents at the token, none orthogonal to another.
template <class Real>
Matrix<Real> random_tangents(const Tokens<Real>& y, Index token, Index count, unsigned seed) {
    LongMatrix along = random_matrix(count, y.cols(), seed).template cast<Long>();
    LongMatrix at = y.row(token).template cast<Long>();
    normalize_rows(at);
    for (Index k = 0; k < count; ++k) {
        along.row(k) -= along.row(k).dot(at.row(0)) * at;
    }
    normalize_rows(along);
    return along.cast<Real>();
}

// LN(y_token + step v).
inline Tokens<double> moved(const Tokens<double>& y, Index token, const Matrix<double>& v,
                            double step) {
    LongMatrix x = y.row(token).cast<Long>() + Long(step) * v.cast<Long>();
    normalize_rows(x);
    return x.cast<double>();
}

}  // namespace reference
