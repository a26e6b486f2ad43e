// Spherical harmonics in any dimension.
//
// The harmonics are built dimension by dimension as homogeneous polynomials. With r_j^2 = x_1^2 +
// ... + x_j^2, those of degree n in j variables are
//
//     Y_{n,l,i}(x_1..x_j) = s_{j,l} P_{n-l}(x_j, r_j^2) Y_{l,i}(x_1..x_{j-1}),   l = 0..n,
//
// P_k the homogeneous form of the polynomials orthonormal for the density ~ (1-t^2)^{l+(j-3)/2},
//
//     b_{k+1} P_{k+1} = x_j P_k - b_k r_j^2 P_{k-1},  b_k^2 = k (k+2a-1) / (4 (k+a) (k+a-1)),
//
// a = l + (j-2)/2, and s_{j,l}^2 = B(1/2, (j-1)/2) / B(1/2, l+(j-1)/2). In two variables they are
// sqrt(2) Re and Im of (x_1 + i x_2)^n. They are orthonormal for the uniform law on the sphere, so
// sum_i Y_{n,i}(x) Y_{n,i}(y) = N_n P_n(<x, y>). No division, no angle: nothing to go wrong at the
// poles, and differentiable by dual numbers.
#pragma once

#include <vector>

#include "base/types.hpp"
#include "harmonics/dual.hpp"

namespace noisync {

// The number of harmonics of degrees 0..degree on S^{dim-1}.
double harmonics_up_to(Index degree, Index dim);

// One row per harmonic (or coordinate), one column per point.
template <class Scalar>
using HarmonicTable = Eigen::Array<Scalar, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

// All harmonics of degrees 0..degree, low degrees first.
class HarmonicBasis {
   public:
    HarmonicBasis(Index degree, Index dim);

    [[nodiscard]] Index dim() const { return dim_; }
    [[nodiscard]] Index degree() const { return degree_; }
    [[nodiscard]] Index size() const { return offsets_.back().back(); }
    // The first harmonic of a degree; that of degree() + 1 is size().
    [[nodiscard]] Index begin(Index degree) const { return offsets_.back()[std::size_t(degree)]; }

    // s_{dim,l}, and b_k of the polynomials that go with l, dim >= 3.
    [[nodiscard]] double start(Index l) const { return norms_.back()[std::size_t(l)]; }
    [[nodiscard]] double step(Index l, Index k) const { return steps_.back()(l, k); }

    // x: one row per coordinate, one column per point. Scalar is double or Dual.
    template <class Scalar>
    [[nodiscard]] HarmonicTable<Scalar> evaluate(const HarmonicTable<Scalar>& x) const;

   private:
    template <class Scalar>
    using Points = Eigen::Array<Scalar, 1, Eigen::Dynamic>;

    template <class Scalar>
    [[nodiscard]] HarmonicTable<Scalar> circle(const HarmonicTable<Scalar>& x) const;
    template <class Scalar>
    [[nodiscard]] HarmonicTable<Scalar> raise(const HarmonicTable<Scalar>& lower,
                                              const Points<Scalar>& x, const Points<Scalar>& square,
                                              Index j) const;

    Index degree_;
    Index dim_;
    std::vector<std::vector<Index>> offsets_;  // where degrees begin, for j = 2..dim variables
    std::vector<std::vector<double>> norms_;   // s_{j,l}
    std::vector<Matrix<double>> steps_;        // b_k at (l, k)
};

}  // namespace noisync
