#include "noisync/harmonic_sums.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "noisync/pairs.hpp"

namespace noisync {

namespace {

using Table = HarmonicTable<double>;

// Harmonics of the tokens of a block, one column each.
Table harmonics_of(const HarmonicBasis& basis, const Tokens<double>& x, Index first, Index count) {
    return basis.evaluate(Table(x.middleRows(first, count).transpose().array()));
}

// sum over blocks of add(block table, first token, partial): partial sums over a fixed number of
// stretches of tokens, added in order.
template <class Add>
Matrix<double> sum_over_tokens(const HarmonicBasis& basis, const Tokens<double>& x, Index rows,
                               Index columns, Execution& execution, Add&& add) {
    constexpr Index kStretches = 32;
    const Index block = basis.block_size();
    const Blocks stretches{x.rows(), std::max((x.rows() + kStretches - 1) / kStretches, 4 * block)};
    std::vector<Matrix<double>> partial(std::size_t(stretches.count()));
    execution.for_each(stretches.count(), [&](Index stretch, int) {
        auto& sum = partial[std::size_t(stretch)];
        sum.setZero(rows, columns);
        const Index end = stretches.begin(stretch) + stretches.length(stretch);
        for (Index first = stretches.begin(stretch); first < end; first += block) {
            const Index count = std::min(block, end - first);
            add(harmonics_of(basis, x, first, count), first, sum);
        }
    });
    for (std::size_t k = 1; k < partial.size(); ++k) {
        partial[0] += partial[k];
    }
    return std::move(partial[0]);
}

// The direction of the mean, or of the first token where there is none.
Tokens<double> middle(const Tokens<double>& x, const Vector<double>& weights) {
    const Tokens<double> mean = weights.transpose() * x;
    return mean.norm() > 0.1 ? Tokens<double>(mean / mean.norm()) : Tokens<double>(x.topRows(1));
}

}  // namespace

void harmonic_sums(const HarmonicBasis& basis, const std::vector<double>& coefficients,
                   const Tokens<double>& x, const Tokens<double>& keys,
                   const Vector<double>& weights, Matrix<double>& sums, Execution& execution) {
    const Index d = x.cols();
    Matrix<double> moments = sum_over_tokens(
        basis, keys, basis.size(), d + 1, execution,
        [&](const Table& table, Index first, Matrix<double>& sum) {
            Matrix<double> mass(table.cols(), d + 1);
            mass.col(d) = weights.segment(first, table.cols());
            mass.leftCols(d) = mass.col(d).asDiagonal() * x.middleRows(first, table.cols());
            sum.noalias() += table.matrix() * mass;
        });
    for (Index n = 0; n <= basis.degree(); ++n) {
        const Index count = basis.begin(n + 1) - basis.begin(n);
        moments.middleRows(basis.begin(n), count) *= coefficients[std::size_t(n)] / double(count);
    }
    sums.resize(x.rows(), d + 1);
    const Blocks blocks{x.rows(), basis.block_size()};
    execution.for_each(blocks.count(), [&](Index block, int) {
        const Index first = blocks.begin(block);
        const Index count = blocks.length(block);
        sums.middleRows(first, count).noalias() =
            harmonics_of(basis, x, first, count).matrix().transpose() * moments;
    });
}

std::vector<double> harmonic_spread(const HarmonicBasis& basis, const Tokens<double>& x,
                                    const Vector<double>& weights, Execution& execution) {
    const Tokens<double> centre = middle(x, weights);
    const Table at_centre = harmonics_of(basis, centre, 0, 1);
    // Column 0: sum_j w_j D_k, column 1: sum_j w_j D_k^2, D = Y(x_j) - Y(centre).
    const Matrix<double> moments = sum_over_tokens(
        basis, x, basis.size(), 2, execution, [&](Table table, Index first, Matrix<double>& sum) {
            table.colwise() -= at_centre.col(0);
            const auto mass = weights.segment(first, table.cols());
            sum.col(0).noalias() += table.matrix() * mass;
            sum.col(1).noalias() += table.square().matrix() * mass;
        });
    std::vector<double> spread;
    for (Index n = 0; n <= basis.degree(); ++n) {
        const Index count = basis.begin(n + 1) - basis.begin(n);
        const auto part = moments.middleRows(basis.begin(n), count);
        const double variance = part.col(1).sum() - part.col(0).squaredNorm();
        spread.push_back(std::max(variance, 0.0) / double(2 * count));
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
    GapMoments(const Tokens<double>& x, const Vector<double>& weights) {
        const Tokens<double> centre = middle(x, weights);
        const Index d = x.cols();
        Vector<double> mean = Vector<double>::Zero(d);
        Vector<double> skew = Vector<double>::Zero(d);
        Matrix<double> second = Matrix<double>::Zero(d, d);
        double square = 0;
        double fourth = 0;
        for (Index i = 0; i < x.rows() && radius_square_ < kLargest; ++i) {
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
    static constexpr double kLargest = 1e-4;
    double radius_square_ = 0;
    double first_ = 0;
    double second_ = 0;
};

}  // namespace

std::vector<double> interaction_energy(const HarmonicBasis& basis,
                                       const std::vector<std::vector<double>>& series,
                                       const std::vector<double>& betas, const Tokens<double>& x,
                                       const Vector<double>& weights, Execution& execution,
                                       EnergyScale scale) {
    const GapMoments moments(x, weights);
    std::vector<double> energies;
    std::vector<double> spread;
    for (std::size_t b = 0; b < betas.size(); ++b) {
        if (moments.serve(betas[b])) {
            const double energy = scale_factor(scale, betas[b]) * moments.energy(betas[b]);
            energies.push_back(std::max(energy, 0.0));
            continue;
        }
        if (spread.empty()) {
            spread = harmonic_spread(basis, x, weights, execution);
        }
        energies.push_back(
            std::inner_product(series[b].begin(), series[b].end(), spread.begin(), 0.0));
    }
    return energies;
}

}  // namespace noisync
