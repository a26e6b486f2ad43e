#include "dynamics/tangents.hpp"

#include <cmath>

#include "random/random.hpp"

namespace noisync {

template <class Real>
Tangents<Real> start_tangents(const Tokens<Real>& x, Index token, Index k, std::uint64_t seed,
                              std::uint32_t replicate) {
    Derivatives<Real> random{token, Matrix<Real>(k, x.cols()), Matrix<Real>(k, x.cols())};
    fill_normals({seed, replicate, 0, Purpose::tangent_vectors}, 0, random.out.size(), Real(1),
                 random.out.data());
    retract(x, random);
    Tangents<Real> tangents{token, random.along, Vector<double>::Zero(k)};
    orthonormalise(tangents.vectors, tangents.growth);
    tangents.growth.setZero();
    return tangents;
}

template <class Real>
void retract(const Tokens<Real>& w, Derivatives<Real>& derivatives) {
    const auto row = w.row(derivatives.token);
    const Real square = row.squaredNorm();
    auto& vectors = derivatives.out;
    vectors -= (vectors * row.transpose()) * (row / square);
    vectors /= std::sqrt(square);
    derivatives.along = vectors;
}

template <class Real>
void orthonormalise(Matrix<Real>& vectors, Vector<double>& growth) {
    for (Index k = 0; k < vectors.rows(); ++k) {
        for (Index j = 0; j < k; ++j) {
            vectors.row(k) -= vectors.row(k).dot(vectors.row(j)) * vectors.row(j);
        }
        const Real length = vectors.row(k).norm();
        growth(k) += std::log(double(length));
        vectors.row(k) /= length;
    }
}

template Tangents<float> start_tangents(const Tokens<float>&, Index, Index, std::uint64_t,
                                        std::uint32_t);
template Tangents<double> start_tangents(const Tokens<double>&, Index, Index, std::uint64_t,
                                         std::uint32_t);
template void retract(const Tokens<float>&, Derivatives<float>&);
template void retract(const Tokens<double>&, Derivatives<double>&);
template void orthonormalise(Matrix<float>&, Vector<double>&);
template void orthonormalise(Matrix<double>&, Vector<double>&);

}  // namespace noisync
