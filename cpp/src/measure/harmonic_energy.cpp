#include "measure/harmonic_energy.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/stretches.hpp"
#include "harmonics/sums.hpp"

namespace noisync {

namespace {

// The first two terms of E_beta in powers of beta times the gaps g_ij = |x_i - x_j|^2 / 2: with
// y = x - centre, a = |y|^2 and means over weights,
//     mean g   = <a> - |<y>|^2,
//     mean g^2 = (<a^2> + <a>^2) / 2 - 2 <a y>.<y> + |<y y^T>|^2.
class GapMoments {
   public:
    GapMoments(const Tokens<double>& x, const Vector<double>& weights, const Tokens<double>& centre,
               double least_beta, const Blocks& stretches, Execution& execution) {
        const auto part = [&](Index first, Index count, int, Means& sums) {
            sums = means(x, weights, centre, first, count, least_beta);
        };
        const auto [radius_square, mean, skew, second, square, fourth] =
            sum_of_stretches<Means>(stretches, execution, execution.ranks(), part);
        radius_square_ = radius_square;
        first_ = square - mean.squaredNorm();
        second_ = (fourth + square * square) / 2 - 2 * skew.dot(mean) + second.squaredNorm();
    }

    // beta g <= 1e-6: what the third term would give is below 2e-13.
    [[nodiscard]] bool serve(double beta) const { return near(beta, radius_square_); }

    // Without e^beta: 1/2 (beta mean g - beta^2 mean g^2 / 2).
    [[nodiscard]] double energy(double beta) const {
        return 0.5 * (beta * first_ - beta * beta * second_ / 2);
    }

   private:
    // Over a part of the tokens.
    struct Means {
        double radius_square;   // the largest a
        Vector<double> mean;    // <y>
        Vector<double> skew;    // <a y>
        Matrix<double> second;  // <y y^T>
        double square;          // <a>
        double fourth;          // <a^2>

        Means& operator+=(const Means& other) {
            radius_square = std::max(radius_square, other.radius_square);
            mean += other.mean;
            skew += other.skew;
            second += other.second;
            square += other.square;
            fourth += other.fourth;
            return *this;
        }

        [[nodiscard]] Vector<double> numbers() const {
            Vector<double> all(3 + 2 * mean.size() + second.size());
            all << radius_square, square, fourth, mean, skew, second.reshaped();
            return all;
        }
        static Means from_numbers(const Vector<double>& all) {
            // 3 + 2 d + d^2 of them.
            const auto d = Index(std::lround(std::sqrt(double(all.size() - 2)))) - 1;
            return {all(0),
                    all.segment(3, d),
                    all.segment(3 + d, d),
                    all.tail(d * d).reshaped(d, d),
                    all(1),
                    all(2)};
        }
    };

    static bool near(double beta, double radius_square) { return beta * radius_square * 2 <= 1e-6; }

    // They stop at a token too far for the least beta: then the moments serve none.
    static Means means(const Tokens<double>& x, const Vector<double>& weights,
                       const Tokens<double>& centre, Index first, Index count, double least_beta) {
        constexpr Index kBlock = 256;
        const Index d = x.cols();
        Means sums{
            0, Vector<double>::Zero(d), Vector<double>::Zero(d), Matrix<double>::Zero(d, d), 0, 0};
        // Where tokens are far, the first few mostly tell.
        for (Index done = 0, block = 8; done < count; done += block, block = kBlock) {
            const Index length = std::min(block, count - done);
            const auto mass = weights.segment(first + done, length).array();
            const Tokens<double> y = x.middleRows(first + done, length).rowwise() - centre.row(0);
            const Vector<double> a = y.rowwise().squaredNorm();
            const double farthest = (mass == 0).select(0, a.array()).maxCoeff();
            sums.radius_square = std::max(sums.radius_square, farthest);
            if (!near(least_beta, sums.radius_square)) {
                break;
            }
            const Vector<double> weighted = mass * a.array();
            sums.mean += y.transpose() * mass.matrix();
            sums.skew += y.transpose() * weighted;
            sums.second += y.transpose() * (y.array().colwise() * mass).matrix();
            sums.square += weighted.sum();
            sums.fourth += weighted.dot(a);
        }
        return sums;
    }

    double radius_square_;
    double first_;
    double second_;
};

}  // namespace

std::vector<double> interaction_energy(const HarmonicTransform& transform,
                                       const std::vector<std::vector<double>>& series,
                                       const std::vector<double>& betas, const Tokens<double>& x,
                                       const Vector<double>& weights, Execution& execution,
                                       EnergyScale scale) {
    const double least = betas.empty() ? 0.0 : std::ranges::min(betas);
    const Blocks stretches = transform.stretches(execution.rows_of_all(x.rows()));
    const Tokens<double> centre = middle(x, weights, stretches, execution);
    const GapMoments moments(x, weights, centre, least, stretches, execution);
    std::vector<double> energies;
    std::vector<double> spread;
    for (std::size_t b = 0; b < betas.size(); ++b) {
        if (moments.serve(betas[b])) {
            const double energy = scale_factor(scale, betas[b]) * moments.energy(betas[b]);
            energies.push_back(std::max(energy, 0.0));
            continue;
        }
        if (spread.empty()) {
            spread = harmonic_spread(transform, x, weights, centre, execution);
        }
        energies.push_back(
            std::inner_product(series[b].begin(), series[b].end(), spread.begin(), 0.0));
    }
    return energies;
}

}  // namespace noisync
