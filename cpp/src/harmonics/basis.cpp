#include "harmonics/basis.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

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

HarmonicBasis::HarmonicBasis(Index degree, Index dim) : degree_(degree), dim_(dim) {
    for (Index j = 2; j <= dim; ++j) {
        // Harmonics of one degree in j variables end where those of the next begin.
        offsets_.push_back({0});
        for (Index n = 0; n <= degree; ++n) {
            offsets_.back().push_back(Index(harmonics_up_to(n, j)));
        }
        norms_.emplace_back();
        steps_.emplace_back(Matrix<double>::Zero(degree + 1, degree + 2));
        const double half = double(j - 1) / 2;
        double square = 1;  // s_{j,l}^2 by Gamma(z+1) = z Gamma(z)
        for (Index l = 0; l <= degree; ++l) {
            norms_.back().push_back(std::sqrt(square));
            square *= (double(l) + half + 0.5) / (double(l) + half);
            const double a = double(l) + double(j - 2) / 2;
            for (Index i = 1; j > 2 && i <= degree + 1; ++i) {
                const auto k = double(i);
                steps_.back()(l, i) =
                    0.5 * std::sqrt(k * (k + 2 * a - 1) / ((k + a) * (k + a - 1)));
            }
        }
    }
}

template <class Scalar>
HarmonicTable<Scalar> HarmonicBasis::evaluate(const HarmonicTable<Scalar>& x) const {
    HarmonicTable<Scalar> table = circle(x);
    Points<Scalar> square = x.row(0) * x.row(0) + x.row(1) * x.row(1);
    for (Index j = 3; j <= dim_; ++j) {
        square += x.row(j - 1) * x.row(j - 1);
        table = raise<Scalar>(table, x.row(j - 1), square, j);
    }
    return table;
}

template <class Scalar>
HarmonicTable<Scalar> HarmonicBasis::circle(const HarmonicTable<Scalar>& x) const {
    HarmonicTable<Scalar> table(2 * degree_ + 1, x.cols());
    table.row(0).setConstant(Scalar(1));
    Points<Scalar> re = Points<Scalar>::Constant(x.cols(), Scalar(std::numbers::sqrt2));
    Points<Scalar> im = Points<Scalar>::Constant(x.cols(), Scalar(0));
    Points<Scalar> turned(x.cols());
    for (Index n = 1; n <= degree_; ++n) {
        turned = re * x.row(0) - im * x.row(1);
        im = re * x.row(1) + im * x.row(0);
        re.swap(turned);
        table.row(2 * n - 1) = re;
        table.row(2 * n) = im;
    }
    return table;
}

// From the harmonics in j - 1 variables to those in j.
template <class Scalar>
HarmonicTable<Scalar> HarmonicBasis::raise(const HarmonicTable<Scalar>& lower,
                                           const Points<Scalar>& x, const Points<Scalar>& square,
                                           Index j) const {
    const auto& from = offsets_[std::size_t(j - 3)];
    const auto& to = offsets_[std::size_t(j - 2)];
    HarmonicTable<Scalar> table(to.back(), x.cols());
    Points<Scalar> current(x.cols());
    Points<Scalar> previous(x.cols());
    Points<Scalar> next(x.cols());
    for (Index l = 0; l <= degree_; ++l) {
        const Index first = from[std::size_t(l)];
        const Index count = from[std::size_t(l + 1)] - first;
        const auto b = steps_[std::size_t(j - 2)].row(l);
        current.setConstant(Scalar(norms_[std::size_t(j - 2)][std::size_t(l)]));
        previous.setConstant(Scalar(0));
        for (Index k = 0; l + k <= degree_; ++k) {
            const Index row = to[std::size_t(l + k)] + first;
            for (Index i = 0; i < count; ++i) {
                table.row(row + i) = lower.row(first + i) * current;
            }
            next = (x * current - Scalar(b(k)) * (square * previous)) * Scalar(1 / b(k + 1));
            previous.swap(current);
            current.swap(next);
        }
    }
    return table;
}

template HarmonicTable<double> HarmonicBasis::evaluate(const HarmonicTable<double>&) const;
template HarmonicTable<Dual> HarmonicBasis::evaluate(const HarmonicTable<Dual>&) const;

}  // namespace noisync
