// The Gaussian field as a random sum of spherical harmonics: a function on the whole sphere.
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
#include <algorithm>
#include <cmath>
#include <numbers>
#include <optional>
#include <vector>

#include "dual.hpp"
#include "noisync/noise.hpp"
#include "noisync/pairs.hpp"
#include "samplers.hpp"

namespace noisync {

double harmonics_up_to(Index degree, Index dim) {
    // C(p + d - 1, d - 1) + C(p + d - 2, d - 1): homogeneous polynomials of degrees p and p - 1.
    const auto binomial = [](Index n, Index k) {
        double product = 1;
        for (Index i = 1; i <= k; ++i) {
            product *= double(n - k + i) / double(i);
        }
        return std::round(product);
    };
    return degree == 0 ? 1
                       : binomial(degree + dim - 1, dim - 1) + binomial(degree + dim - 2, dim - 1);
}

namespace {

// Harmonics of one degree in `dim` variables end where those of the next begin.
std::vector<Index> degree_offsets(Index degree, Index dim) {
    std::vector<Index> offsets{0};
    for (Index n = 0; n <= degree; ++n) {
        offsets.push_back(Index(harmonics_up_to(n, dim)));
    }
    return offsets;
}

// One row per harmonic, one column per point.
template <class Scalar>
using Table = Eigen::Array<Scalar, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

template <class Scalar>
using Points = Eigen::Array<Scalar, 1, Eigen::Dynamic>;

class Basis {
   public:
    Basis(Index degree, Index dim) : degree_(degree), dim_(dim) {
        for (Index j = 2; j <= dim; ++j) {
            offsets_.push_back(degree_offsets(degree, j));
            norms_.emplace_back();
            const double half = double(j - 1) / 2;
            double square = 1;  // s_{j,l}^2 by Gamma(z+1) = z Gamma(z)
            for (Index l = 0; l <= degree; ++l) {
                norms_.back().push_back(std::sqrt(square));
                square *= (double(l) + half + 0.5) / (double(l) + half);
            }
        }
    }

    [[nodiscard]] Index dim() const { return dim_; }
    [[nodiscard]] Index size() const { return offsets_.back().back(); }
    [[nodiscard]] Index begin(Index degree) const { return offsets_.back()[std::size_t(degree)]; }

    // x: one row per coordinate, one column per point.
    template <class Scalar>
    [[nodiscard]] Table<Scalar> evaluate(const Table<Scalar>& x) const {
        Table<Scalar> table = circle(x);
        Points<Scalar> square = x.row(0) * x.row(0) + x.row(1) * x.row(1);
        for (Index j = 3; j <= dim_; ++j) {
            square += x.row(j - 1) * x.row(j - 1);
            table = raise<Scalar>(table, x.row(j - 1), square, j);
        }
        return table;
    }

   private:
    template <class Scalar>
    [[nodiscard]] Table<Scalar> circle(const Table<Scalar>& x) const {
        Table<Scalar> table(2 * degree_ + 1, x.cols());
        table.row(0).setConstant(Scalar(1));
        Points<Scalar> re = Points<Scalar>::Constant(x.cols(), Scalar(std::numbers::sqrt2));
        Points<Scalar> im = Points<Scalar>::Constant(x.cols(), Scalar(0));
        for (Index n = 1; n <= degree_; ++n) {
            const Points<Scalar> turned = re * x.row(0) - im * x.row(1);
            im = (re * x.row(1) + im * x.row(0)).eval();
            re = turned;
            table.row(2 * n - 1) = re;
            table.row(2 * n) = im;
        }
        return table;
    }

    // From the harmonics in j - 1 variables to those in j.
    template <class Scalar>
    [[nodiscard]] Table<Scalar> raise(const Table<Scalar>& lower, const Points<Scalar>& x,
                                      const Points<Scalar>& square, Index j) const {
        const auto& from = offsets_[std::size_t(j - 3)];
        const auto& to = offsets_[std::size_t(j - 2)];
        Table<Scalar> table(to.back(), x.cols());
        for (Index l = 0; l <= degree_; ++l) {
            const Index first = from[std::size_t(l)];
            const Index count = from[std::size_t(l + 1)] - first;
            const double a = double(l) + double(j - 2) / 2;
            const auto b = [a](double k) {
                return 0.5 * std::sqrt(k * (k + 2 * a - 1) / ((k + a) * (k + a - 1)));
            };
            const double norm = norms_[std::size_t(j - 2)][std::size_t(l)];
            Points<Scalar> current = Points<Scalar>::Constant(x.cols(), Scalar(norm));
            Points<Scalar> previous = Points<Scalar>::Constant(x.cols(), Scalar(0));
            double b_k = 0;
            for (Index k = 0; l + k <= degree_; ++k) {
                const Index row = to[std::size_t(l + k)] + first;
                for (Index i = 0; i < count; ++i) {
                    table.row(row + i) = lower.row(first + i) * current;
                }
                const double b_next = b(double(k + 1));
                const Points<Scalar> next =
                    (x * current - Scalar(b_k) * (square * previous)) * Scalar(1 / b_next);
                previous = current;
                current = next;
                b_k = b_next;
            }
        }
        return table;
    }

    Index degree_;
    Index dim_;
    std::vector<std::vector<Index>> offsets_;  // for j = 2..dim
    std::vector<std::vector<double>> norms_;   // s_{j,l}
};

template <class Real>
class HarmonicField final : public NoiseField<Real> {
   public:
    explicit HarmonicField(const Harmonics& config) : variances_(config.variances) {}

    void add(const Tokens<Real>& y, const LayerKey& key, Real scale, Tokens<Real>& out,
             Derivatives<Real>* derivatives, Execution& execution) override {
        const Index d = y.cols();
        if (!basis_ || basis_->dim() != d) {
            basis_.emplace(Index(variances_.size()) - 1, d);
        }
        const Basis& basis = *basis_;
        draw(basis, key, double(scale), d, execution);
        // Blocks of points such that a table of harmonics stays in a second-level cache.
        const Blocks blocks{y.rows(), std::clamp<Index>((Index{1} << 16) / basis.size(), 8, 64)};
        execution.for_each(blocks.count(), [&](Index block, int) {
            const Index row = blocks.begin(block);
            const Index rows = blocks.length(block);
            // Always full blocks: products of one shape give a token the same bits for every N.
            Table<double> points = Table<double>::Zero(d, blocks.size);
            points.leftCols(rows) = y.middleRows(row, rows).transpose().template cast<double>();
            const Table<double> table = basis.evaluate(points);
            const Matrix<double> field = table.matrix().transpose() * coefficients_;
            out.middleRows(row, rows) += field.topRows(rows).template cast<Real>();
        });
        if (derivatives != nullptr) {
            differentiate(basis, y, *derivatives);
        }
    }

   private:
    // Row k: the coefficients (c_n / N_n)^{1/2} xi of harmonic k. Numbered from low degrees to high
    // ones, so that fields cut at two degrees share the lower part.
    void draw(const Basis& basis, const LayerKey& key, double scale, Index d,
              Execution& execution) {
        coefficients_.setZero(basis.size(), d);
        execution.for_each(Index(variances_.size()), [&](Index n, int) {
            const Index first = basis.begin(n);
            const Index count = basis.begin(n + 1) - first;
            const double size = scale * std::sqrt(variances_[std::size_t(n)] / double(count));
            add_normals(key, Purpose::harmonic_coefficients, std::uint64_t(first * d), count * d,
                        size, coefficients_.row(first).data());
        });
    }

    void differentiate(const Basis& basis, const Tokens<Real>& y,
                       Derivatives<Real>& derivatives) const {
        const Index count = derivatives.along.rows();
        Table<Dual> points(y.cols(), count);
        for (Index a = 0; a < y.cols(); ++a) {
            for (Index k = 0; k < count; ++k) {
                points(a, k) = {double(y(derivatives.token, a)), double(derivatives.along(k, a))};
            }
        }
        const Table<double> slopes =
            basis.evaluate(points).unaryExpr([](const Dual& value) { return value.slope; });
        derivatives.out += (slopes.matrix().transpose() * coefficients_).template cast<Real>();
    }

    std::vector<double> variances_;
    std::optional<Basis> basis_;
    Matrix<double> coefficients_;
};

}  // namespace

template <class Real>
std::unique_ptr<NoiseField<Real>> make_harmonics(const Harmonics& config) {
    return std::make_unique<HarmonicField<Real>>(config);
}

template std::unique_ptr<NoiseField<float>> make_harmonics<float>(const Harmonics&);
template std::unique_ptr<NoiseField<double>> make_harmonics<double>(const Harmonics&);

}  // namespace noisync
