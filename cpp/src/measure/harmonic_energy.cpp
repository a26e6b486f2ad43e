#include "measure/harmonic_energy.hpp"

#include <algorithm>
#include <numeric>

#include "harmonics/sums.hpp"

namespace noisync {

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
