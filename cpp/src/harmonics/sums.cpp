#include "harmonics/sums.hpp"

#include <algorithm>

#include "base/stretches.hpp"

namespace noisync {

namespace {

// sum_j w_j (1 - P_n(<x_j, c>)), n = 0..p. With g = |x -+ c|^2 / 2 of the nearer of c and -c,
// 1 - P_n(1 - g) comes from the recurrence of P_n less that of 1, so it keeps its digits as x comes
// near; on the far side P_n(-u) = (-1)^n P_n(u).
Vector<double> mean_gaps(Index degree, const Tokens<double>& x, const Vector<double>& weights,
                         const Tokens<double>& centre, const Blocks& stretches,
                         Execution& execution) {
    const auto d = double(x.cols());
    const auto c = centre.row(0);
    constexpr Index kBlock = 256;
    const auto part = [&](Index begin, Index length, int, Vector<double>& sums) {
        sums.setZero(degree + 1);
        for (Index done = 0; done < length; done += kBlock) {
            const Index count = std::min(kBlock, length - done);
            const auto mass = weights.segment(begin + done, count);
            const auto tokens = x.middleRows(begin + done, count);
            const Vector<double> to = (tokens.rowwise() - c).rowwise().squaredNorm() / 2;
            const Vector<double> from = (tokens.rowwise() + c).rowwise().squaredNorm() / 2;
            const Vector<double> far = (from.array() < to.array()).cast<double>() * mass.array();
            const Vector<double> odd = mass - 2 * far;
            const Vector<double> gap = to.cwiseMin(from);
            Vector<double> last = Vector<double>::Zero(count);
            Vector<double> current = gap;
            for (Index n = 1; n <= degree; ++n) {
                sums(n) += n % 2 == 0 ? mass.dot(current) : odd.dot(current) + 2 * far.sum();
                const auto k = double(n);
                last = (2 * k + d - 2) / (k + d - 2) *
                           (current.array() * (1 - gap.array()) + gap.array()) -
                       k / (k + d - 2) * last.array();
                last.swap(current);
            }
        }
    };
    return sum_of_stretches<Vector<double>>(stretches, execution, execution.ranks(), part);
}

}  // namespace

Tokens<double> middle(const Tokens<double>& x, const Vector<double>& weights,
                      const Blocks& stretches, Execution& execution) {
    const auto part = [&](Index first, Index count, int, Vector<double>& sum) {
        sum.resize(x.cols());
        sum.transpose().noalias() =
            weights.segment(first, count).transpose() * x.middleRows(first, count);
    };
    const Ranks* ranks = execution.ranks();
    const auto mean = sum_of_stretches<Vector<double>>(stretches, execution, ranks, part);
    if (mean.norm() > 0.1) {
        return mean.transpose() / mean.norm();
    }
    if (ranks == nullptr) {
        return x.topRows(1);
    }
    const std::vector<double> first = ranks->gather({x.data(), x.data() + x.cols()}).front();
    return TokensView<double>(first.data(), 1, x.cols());
}

void harmonic_sums(const HarmonicTransform& transform, const std::vector<double>& coefficients,
                   const Tokens<double>& x, const Tokens<double>& keys,
                   const Vector<double>& weights, Matrix<double>& sums, Execution& execution) {
    const HarmonicBasis& basis = transform.basis();
    Matrix<double> moments = transform.analyse(keys, weights, x, execution, execution.ranks());
    for (Index n = 0; n <= basis.degree(); ++n) {
        const Index count = basis.begin(n + 1) - basis.begin(n);
        moments.middleRows(basis.begin(n), count) *= coefficients[std::size_t(n)] / double(count);
    }
    sums = transform.synthesise(x, moments, execution);
}

std::vector<double> harmonic_spread(const HarmonicTransform& transform, const Tokens<double>& x,
                                    const Vector<double>& weights, const Tokens<double>& centre,
                                    Execution& execution) {
    const HarmonicBasis& basis = transform.basis();
    const Matrix<double> nothing(x.rows(), 0);
    const Ranks* ranks = execution.ranks();
    Vector<double> moments = transform.analyse(x, weights, nothing, execution, ranks);
    // The first harmonic is 1, so its moment is the sum of the weights.
    moments -= moments(0) * transform.analyse(centre, Vector<double>::Ones(1), nothing, execution);
    const Blocks stretches = transform.stretches(execution.rows_of_all(x.rows()));
    const Vector<double> gaps = mean_gaps(basis.degree(), x, weights, centre, stretches, execution);
    std::vector<double> spread;
    for (Index n = 0; n <= basis.degree(); ++n) {
        const Index count = basis.begin(n + 1) - basis.begin(n);
        const double offset = moments.segment(basis.begin(n), count).squaredNorm();
        spread.push_back(std::max(gaps(n) - offset / double(2 * count), 0.0));
    }
    return spread;
}

}  // namespace noisync
