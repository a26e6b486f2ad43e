#include "noisync/energy.hpp"

#include <cmath>

#include "noisync/pairs.hpp"

namespace noisync {

namespace {

// Below this gap |x - y|^2 / 2 its value from inner products has lost more than four digits: it is
// then taken from the difference of the tokens.
constexpr double kSmallGap = 1e-4;

// gap(a, b) = |x_a - x_b|^2 / 2, which is 1 - <x_a, x_b> for unit rows, for the rows of two blocks.
// `halves` holds |x_i|^2 / 2: norms that are 1 only up to rounding cost nothing.
void pair_gaps(const Tokens<double>& x, const Vector<double>& halves, Index first_row,
               Index first_column, Matrix<double>& gap) {
    gap.noalias() =
        -x.middleRows(first_row, gap.rows()) * x.middleRows(first_column, gap.cols()).transpose();
    gap.colwise() += halves.segment(first_row, gap.rows());
    gap.rowwise() += halves.segment(first_column, gap.cols()).transpose();
    for (Index a = 0; a < gap.rows(); ++a) {
        for (Index b = 0; b < gap.cols(); ++b) {
            if (gap(a, b) < kSmallGap) {
                gap(a, b) = 0.5 * (x.row(first_row + a) - x.row(first_column + b)).squaredNorm();
            }
        }
    }
}

}  // namespace

std::vector<double> interaction_energy(const Tokens<double>& x, const Vector<double>& weights,
                                       const std::vector<double>& betas, Execution& execution) {
    const Blocks blocks{x.rows(), pair_block_size(x.rows())};
    const auto count = Index(betas.size());
    const Vector<double> halves = 0.5 * x.rowwise().squaredNorm();
    struct Scratch {
        Matrix<double> gap;
        Matrix<double> term;
    };
    std::vector<Scratch> scratch(execution.threads());
    // One row of partial sums per block: for_each_block_pair fixes the order of its additions.
    Matrix<double> partial = Matrix<double>::Zero(blocks.count(), count);
    for_each_block_pair(blocks, execution, [&](Index i, Index j, int worker) {
        auto& [gap, term] = scratch[worker];
        gap.resize(blocks.length(i), blocks.length(j));
        pair_gaps(x, halves, blocks.begin(i), blocks.begin(j), gap);
        const auto left = weights.segment(blocks.begin(i), blocks.length(i));
        const auto right = weights.segment(blocks.begin(j), blocks.length(j));
        for (Index b = 0; b < count; ++b) {
            term = (gap.array() * -betas[b]).expm1();
            const double sum = -left.dot(term * right);
            partial(i, b) += i == j ? sum : 2 * sum;
        }
    });
    std::vector<double> energies(betas.size());
    for (Index b = 0; b < count; ++b) {
        energies[b] = 0.5 * std::exp(betas[b]) * partial.col(b).sum();
    }
    return energies;
}

std::vector<std::int64_t> cosine_histogram(const Tokens<double>& x, Index bins,
                                           Execution& execution) {
    const Blocks blocks{x.rows(), pair_block_size(x.rows())};
    std::vector<Matrix<double>> cosines(execution.threads());
    std::vector<std::vector<std::int64_t>> counts(execution.threads(),
                                                  std::vector<std::int64_t>(bins, 0));
    for_each_block_pair(blocks, execution, [&](Index i, Index j, int worker) {
        Matrix<double>& tile = cosines[worker];
        tile.resize(blocks.length(i), blocks.length(j));
        tile.noalias() = x.middleRows(blocks.begin(i), tile.rows()) *
                         x.middleRows(blocks.begin(j), tile.cols()).transpose();
        for (Index a = 0; a < tile.rows(); ++a) {
            for (Index b = i == j ? a + 1 : 0; b < tile.cols(); ++b) {
                const auto bin = Index(std::floor((tile(a, b) + 1.0) / 2.0 * double(bins)));
                ++counts[worker][std::clamp<Index>(bin, 0, bins - 1)];
            }
        }
    });
    std::vector<std::int64_t> total(bins, 0);
    for (const auto& part : counts) {  // integers: any order gives the same sum
        for (Index b = 0; b < bins; ++b) {
            total[b] += part[b];
        }
    }
    return total;
}

}  // namespace noisync
