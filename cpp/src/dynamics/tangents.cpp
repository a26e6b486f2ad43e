#include "dynamics/tangents.hpp"

#include <Eigen/LU>
#include <algorithm>
#include <cmath>
#include <limits>

#include "random/random.hpp"

namespace noisync {

template <class Real>
Tangents<Real> start_tangents(const Tokens<Real>& x, Index first, Index count, Index k,
                              std::uint64_t seed, std::uint32_t replicate, Index number) {
    Derivatives<Real> random{first, count, Matrix<Real>(count * k, x.cols()),
                             Matrix<Real>(count * k, x.cols())};
    fill_normals({seed, replicate, 0, Purpose::tangent_vectors}, std::uint64_t(number * x.cols()),
                 random.out.size(), Real(1), random.out.data());
    retract(x, random);
    Tangents<Real> tangents{first, count, random.along, Vector<double>::Zero(count * k), {}};
    orthonormalise(k, tangents.vectors, tangents.growth);
    tangents.growth.setZero();
    return tangents;
}

template <class Real>
void retract(const Tokens<Real>& w, Derivatives<Real>& derivatives) {
    for (Index i = 0; i < derivatives.count; ++i) {
        const auto row = w.row(derivatives.first + i);
        const Real square = row.squaredNorm();
        auto vectors = derivatives.out_at(i);
        vectors -= (vectors * row.transpose()) * (row / square);
        vectors /= std::sqrt(square);
    }
    derivatives.along = derivatives.out;
}

template <class Real>
void orthonormalise(Index k, Matrix<Real>& vectors, Vector<double>& growth) {
    for (Index row = 0; row < vectors.rows(); ++row) {
        for (Index earlier = row - row % k; earlier < row; ++earlier) {
            vectors.row(row) -= vectors.row(row).dot(vectors.row(earlier)) * vectors.row(earlier);
        }
        const Real length = vectors.row(row).norm();
        growth(row) += std::log(double(length));
        vectors.row(row) /= length;
    }
}

template <class Real>
double least_jacobian(const Tokens<Real>& x, const Tangents<Real>& tangents, const Tokens<Real>& y,
                      const Matrix<Real>& carried) {
    const Index d = x.cols();
    Matrix<double> frame(d, d);
    const auto volume = [&](const Tokens<Real>& at, const Matrix<Real>& vectors, Index i) {
        frame.row(0) = at.row(tangents.first + i).template cast<double>();
        frame.bottomRows(d - 1) = vectors.middleRows(i * (d - 1), d - 1).template cast<double>();
        return frame.determinant();
    };
    double least = std::numeric_limits<double>::infinity();
    for (Index i = 0; i < tangents.count; ++i) {
        least = std::min(least, volume(y, carried, i) / volume(x, tangents.vectors, i));
    }
    return least;
}

template Tangents<float> start_tangents(const Tokens<float>&, Index, Index, Index, std::uint64_t,
                                        std::uint32_t, Index);
template Tangents<double> start_tangents(const Tokens<double>&, Index, Index, Index, std::uint64_t,
                                         std::uint32_t, Index);
template void retract(const Tokens<float>&, Derivatives<float>&);
template void retract(const Tokens<double>&, Derivatives<double>&);
template void orthonormalise(Index, Matrix<float>&, Vector<double>&);
template void orthonormalise(Index, Matrix<double>&, Vector<double>&);
template double least_jacobian(const Tokens<float>&, const Tangents<float>&, const Tokens<float>&,
                               const Matrix<float>&);
template double least_jacobian(const Tokens<double>&, const Tangents<double>&,
                               const Tokens<double>&, const Matrix<double>&);

}  // namespace noisync
