#include "noisync/tangents.hpp"

#include <cmath>

namespace noisync {

template <class Real>
void TangentFlow<Real>::start(const Tokens<Real>& x, std::uint64_t seed, std::uint32_t replicate) {
    derivatives_.token = token_;
    derivatives_.along.resize(growth_.size(), x.cols());
    fill_normals({seed, replicate, 0, Purpose::tangent_vectors}, 0, derivatives_.along.size(),
                 Real(1), derivatives_.along.data());
    derivatives_.out = derivatives_.along;
    retract(x);
    orthonormalise();
    growth_.setZero();
}

template <class Real>
void TangentFlow<Real>::retract(const Tokens<Real>& w) {
    const auto row = w.row(token_);
    const Real square = row.squaredNorm();
    auto& vectors = derivatives_.out;
    vectors -= (vectors * row.transpose()) * (row / square);
    vectors /= std::sqrt(square);
    derivatives_.along = vectors;
}

template <class Real>
void TangentFlow<Real>::orthonormalise() {
    auto& vectors = derivatives_.along;
    for (Index k = 0; k < vectors.rows(); ++k) {
        for (Index j = 0; j < k; ++j) {
            vectors.row(k) -= vectors.row(k).dot(vectors.row(j)) * vectors.row(j);
        }
        const Real length = vectors.row(k).norm();
        growth_(k) += std::log(double(length));
        vectors.row(k) /= length;
    }
    derivatives_.out = vectors;
}

template class TangentFlow<float>;
template class TangentFlow<double>;

}  // namespace noisync
