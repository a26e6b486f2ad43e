#include "harmonics/sums.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/pairs.hpp"

namespace noisync {

namespace {

// The direction of the mean, or of the first token where there is none.
Tokens<double> middle(const Tokens<double>& x, const Vector<double>& weights) {
    const Tokens<double> mean = weights.transpose() * x;
    return mean.norm() > 0.1 ? Tokens<double>(mean / mean.norm()) : Tokens<double>(x.topRows(1));
}

// sum_j w_j (1 - P_n(<x_j, c>)), n = 0..p. With g = |x -+ c|^2 / 2 of the nearer of c and -c,
// 1 - P_n(1 - g) comes from the recurrence of P_n less that of 1, so it keeps its digits as x comes
// near; on the far side P_n(-u) = (-1)^n P_n(u).
Vector<double> mean_gaps(Index degree, const Tokens<double>& x, const Vector<double>& weights,
                         const Tokens<double>& centre, Execution& execution) {
    const auto d = double(x.cols());
    const auto c = centre.row(0);
    constexpr Index kBlock = 256;
    const Blocks stretches{x.rows(), std::max<Index>((x.rows() + 31) / 32, 4 * kBlock)};
    Matrix<double> partial = Matrix<double>::Zero(stretches.count(), degree + 1);
    execution.for_each(stretches.count(), [&](Index stretch, int) {
        const Index end = stretches.begin(stretch) + stretches.length(stretch);
        for (Index first = stretches.begin(stretch); first < end; first += kBlock) {
            const Index count = std::min(kBlock, end - first);
            const auto mass = weights.segment(first, count);
            const auto tokens = x.middleRows(first, count);
            const Vector<double> to = (tokens.rowwise() - c).rowwise().squaredNorm() / 2;
            const Vector<double> from = (tokens.rowwise() + c).rowwise().squaredNorm() / 2;
            const Vector<double> far = (from.array() < to.array()).cast<double>() * mass.array();
            const Vector<double> odd = mass - 2 * far;
            const Vector<double> gap = to.cwiseMin(from);
            Vector<double> last = Vector<double>::Zero(count);
            Vector<double> current = gap;
            for (Index n = 1; n <= degree; ++n) {
                partial(stretch, n) +=
                    n % 2 == 0 ? mass.dot(current) : odd.dot(current) + 2 * far.sum();
                const auto k = double(n);
                last = (2 * k + d - 2) / (k + d - 2) *
                           (current.array() * (1 - gap.array()) + gap.array()) -
                       k / (k + d - 2) * last.array();
                last.swap(current);
            }
        }
    });
    return partial.colwise().sum();
}

}  // namespace

void harmonic_sums(const HarmonicTransform& transform, const std::vector<double>& coefficients,
                   const Tokens<double>& x, const Tokens<double>& keys,
                   const Vector<double>& weights, Matrix<double>& sums, Execution& execution) {
    const HarmonicBasis& basis = transform.basis();
    Matrix<double> moments = transform.analyse(keys, weights, x, execution);
    for (Index n = 0; n <= basis.degree(); ++n) {
        const Index count = basis.begin(n + 1) - basis.begin(n);
        moments.middleRows(basis.begin(n), count) *= coefficients[std::size_t(n)] / double(count);
    }
    sums = transform.synthesise(x, moments, execution);
}

std::vector<double> harmonic_spread(const HarmonicTransform& transform, const Tokens<double>& x,
                                    const Vector<double>& weights, Execution& execution) {
    const HarmonicBasis& basis = transform.basis();
    const Matrix<double> nothing(x.rows(), 0);
    const Tokens<double> centre = middle(x, weights);
    Vector<double> moments = transform.analyse(x, weights, nothing, execution);
    // The first harmonic is 1, so its moment is the sum of the weights.
    moments -= moments(0) * transform.analyse(centre, Vector<double>::Ones(1), nothing, execution);
    const Vector<double> gaps = mean_gaps(basis.degree(), x, weights, centre, execution);
    std::vector<double> spread;
    for (Index n = 0; n <= basis.degree(); ++n) {
        const Index count = basis.begin(n + 1) - basis.begin(n);
        const double offset = moments.segment(basis.begin(n), count).squaredNorm();
        spread.push_back(std::max(gaps(n) - offset / double(2 * count), 0.0));
    }
    return spread;
}

namespace {

// The first two terms of E_beta in powers of beta times the gaps g_ij = |x_i - x_j|^2 / 2: with
// y = x - centre, a = |y|^2 and means over weights,
//     mean g   = <a> - |<y>|^2,
//     mean g^2 = (<a^2> + <a>^2) / 2 - 2 <a y>.<y> + |<y y^T>|^2.
class GapMoments {
   public:
    // They stop at a token too far for the least beta: then none serves.
    GapMoments(const Tokens<double>& x, const Vector<double>& weights, double least_beta) {
        const Tokens<double> centre = middle(x, weights);
        const Index d = x.cols();
        Vector<double> mean = Vector<double>::Zero(d);
        Vector<double> skew = Vector<double>::Zero(d);
        Matrix<double> second = Matrix<double>::Zero(d, d);
        double square = 0;
        double fourth = 0;
        for (Index i = 0; i < x.rows() && serve(least_beta); ++i) {
            if (weights(i) == 0) {
                continue;
            }
            const Vector<double> y = (x.row(i) - centre).transpose();
            const double a = y.squaredNorm();
            radius_square_ = std::max(radius_square_, a);
            mean += weights(i) * y;
            skew += weights(i) * a * y;
            second.noalias() += weights(i) * y * y.transpose();
            square += weights(i) * a;
            fourth += weights(i) * a * a;
        }
        first_ = square - mean.squaredNorm();
        second_ = (fourth + square * square) / 2 - 2 * skew.dot(mean) + second.squaredNorm();
    }

    // beta g <= 1e-6: what the third term would give is below 2e-13.
    [[nodiscard]] bool serve(double beta) const { return beta * radius_square_ * 2 <= 1e-6; }

    // Without e^beta: 1/2 (beta mean g - beta^2 mean g^2 / 2).
    [[nodiscard]] double energy(double beta) const {
        return 0.5 * (beta * first_ - beta * beta * second_ / 2);
    }

   private:
    double radius_square_ = 0;
    double first_ = 0;
    double second_ = 0;
};

}  // namespace

std::vector<double> interaction_energy(const HarmonicTransform& transform,
                                       const std::vector<std::vector<double>>& series,
                                       const std::vector<double>& betas, const Tokens<double>& x,
                                       const Vector<double>& weights, Execution& execution,
                                       EnergyScale scale) {
    const double least = betas.empty() ? 0.0 : std::ranges::min(betas);
    const GapMoments moments(x, weights, least);
    std::vector<double> energies;
    std::vector<double> spread;
    for (std::size_t b = 0; b < betas.size(); ++b) {
        if (moments.serve(betas[b])) {
            const double energy = scale_factor(scale, betas[b]) * moments.energy(betas[b]);
            energies.push_back(std::max(energy, 0.0));
            continue;
        }
        if (spread.empty()) {
            spread = harmonic_spread(transform, x, weights, execution);
        }
        energies.push_back(
            std::inner_product(series[b].begin(), series[b].end(), spread.begin(), 0.0));
    }
    return energies;
}

}  // namespace noisync
