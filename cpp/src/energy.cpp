#include "noisync/energy.hpp"

#include <algorithm>
#include <cmath>

#include "noisync/pairs.hpp"
#include "simd/exp.hpp"
#include "simd/panels.hpp"

namespace noisync {

namespace {

using simd::kLanes;
using simd::kPanel;
using simd::kStrip;
using simd::kTall;
using simd::Vec;
using Lanes = Vec<double>;

// Below this gap |x - y|^2 / 2 its value from inner products has lost more than four digits: it is
// then taken from the difference of the tokens.
constexpr double kSmallGap = 1e-4;

// The tokens in panels and in rows, with |x|^2 / 2 and weights; filled up with tokens of no weight.
struct Packed {
    Packed(const Tokens<double>& x, const Vector<double>& mass)
        : dim(x.cols()), panels(simd::up_to(x.rows(), kPanel<double>) / kPanel<double>) {
        rows.setZero(panels * kPanel<double>, dim);
        rows.topRows(x.rows()) = x;
        lanes.resize(panels * dim, kPanel<double>);
        for (Index panel = 0; panel < panels; ++panel) {
            simd::pack_panel(rows.middleRows(panel * kPanel<double>, kPanel<double>), panel, lanes);
        }
        halves = 0.5 * rows.rowwise().squaredNorm();
        weights.setZero(rows.rows());
        weights.head(x.rows()) = mass;
    }

    Index dim;
    Index panels;
    Matrix<double> rows;
    Matrix<double> lanes;
    Vector<double> halves;
    Vector<double> weights;
};

// tile(column) <- gaps |x - y|^2 / 2, which is 1 - <x, y> for unit rows, between a panel and the
// tokens first, first + 1, ...: norms that are 1 only up to rounding cost nothing.
void fill_gaps(const Packed& tokens, Index panel, Index first, Index columns, double* tile) {
    const double* lanes = tokens.lanes.row(panel * tokens.dim).data();
    const double* halves = tokens.halves.data() + panel * kPanel<double>;
    simd::fill_tile<double>(tokens.dim, lanes, tokens.rows.row(first).data(), tokens.dim, columns,
                            nullptr, tile);
    for (Index column = 0; column < columns; ++column) {
        const double half = tokens.halves(first + column);
        for (int h = 0; h < kTall; ++h) {
            double* entries = tile + column * kPanel<double> + h * kLanes<double>;
            Lanes gap = simd::load(halves + h * kLanes<double>) + half - simd::load(entries);
            const Lanes small = gap < kSmallGap ? simd::broadcast(1.0) : simd::broadcast(0.0);
            if (simd::sum<double>(small) > 0) {
                Lanes square = simd::broadcast(0.0);
                for (Index k = 0; k < tokens.dim; ++k) {
                    const Lanes difference =
                        simd::load(lanes + k * kPanel<double> + h * kLanes<double>) -
                        tokens.rows(first + column, k);
                    square += difference * difference;
                }
                gap = gap < kSmallGap ? 0.5 * square : gap;
            }
            simd::store(entries, gap);
        }
    }
}

// sum of w_i w_j (1 - e^{-beta gap}) over a tile.
double sum_tile(const Packed& tokens, Index panel, Index first, Index columns, const double* tile,
                double beta) {
    const double* weights = tokens.weights.data() + panel * kPanel<double>;
    Lanes sums[kTall] = {};
    for (Index column = 0; column < columns; ++column) {
        for (int h = 0; h < kTall; ++h) {
            const Lanes gap = simd::load(tile + column * kPanel<double> + h * kLanes<double>);
            sums[h] -= simd::expm1<double>(gap * -beta) * tokens.weights(first + column);
        }
    }
    double total = 0;
    for (int h = 0; h < kTall; ++h) {
        total += simd::sum<double>(sums[h] * simd::load(weights + h * kLanes<double>));
    }
    return total;
}

}  // namespace

std::vector<double> interaction_energy(const Tokens<double>& x, const Vector<double>& weights,
                                       const std::vector<double>& betas, Execution& execution) {
    const Packed tokens(x, weights);
    const Blocks blocks{tokens.rows.rows(), x.rows() >= 1024 ? 2 * kStrip<double> : kStrip<double>};
    const auto count = Index(betas.size());
    std::vector<Vector<double>> tiles(std::size_t(execution.threads()),
                                      Vector<double>(kPanel<double> * kStrip<double>));
    // One row of partial sums per block: for_each_block_pair fixes the order of its additions.
    Matrix<double> partial = Matrix<double>::Zero(blocks.count(), count);
    for_each_block_pair(blocks, execution, [&](Index i, Index j, int worker) {
        double* tile = tiles[std::size_t(worker)].data();
        const Index end_i = blocks.begin(i) + blocks.length(i);
        const Index end_j = blocks.begin(j) + blocks.length(j);
        for (Index row = blocks.begin(i); row < end_i; row += kPanel<double>) {
            for (Index first = blocks.begin(j); first < end_j; first += kStrip<double>) {
                const Index columns = std::min(kStrip<double>, end_j - first);
                const Index panel = row / kPanel<double>;
                fill_gaps(tokens, panel, first, columns, tile);
                for (Index b = 0; b < count; ++b) {
                    const double sum = sum_tile(tokens, panel, first, columns, tile, betas[b]);
                    partial(i, b) += i == j ? sum : 2 * sum;
                }
            }
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
