#include "measure/energy.hpp"

#include <algorithm>
#include <cmath>

#include "base/pairs.hpp"
#include "simd/exp.hpp"
#include "simd/gaps.hpp"

namespace noisync {

namespace {

using simd::kLanes;
using simd::kPanel;
using simd::kTall;
using Lanes = simd::Vec<double>;

// sum of w_i w_j (1 - e^{-beta gap}) over a tile.
double sum_tile(const PackedTokens& tokens, const GapTile& tile, double beta) {
    Lanes sums[kTall] = {};
    for (Index column = 0; column < tile.columns; ++column) {
        for (int h = 0; h < kTall; ++h) {
            const Lanes gap = simd::load(tile.gaps + column * kPanel<double> + h * kLanes<double>);
            sums[h] -= simd::expm1<double>(gap * -beta) * tokens.weights(tile.first + column);
        }
    }
    return weighted_sum(sums, tokens.weights.data() + tile.row);
}

}  // namespace

std::vector<double> interaction_energy(const Tokens<double>& x, const Vector<double>& weights,
                                       const std::vector<double>& betas, Execution& execution,
                                       EnergyScale scale) {
    const PackedTokens tokens(x, weights);
    const Blocks blocks = gap_blocks(tokens);
    const auto count = Index(betas.size());
    // One row of partial sums per block: for_each_block_pair fixes the order of its additions.
    Matrix<double> partial = Matrix<double>::Zero(blocks.count(), count);
    for_each_gap_tile(tokens, blocks, execution, [&](const GapTile& tile, int) {
        for (Index b = 0; b < count; ++b) {
            const double sum = sum_tile(tokens, tile, betas[std::size_t(b)]);
            partial(tile.i, b) += tile.i == tile.j ? sum : 2 * sum;
        }
    });
    std::vector<double> energies(betas.size());
    for (std::size_t b = 0; b < betas.size(); ++b) {
        energies[b] = 0.5 * scale_factor(scale, betas[b]) * partial.col(Index(b)).sum();
    }
    return energies;
}

}  // namespace noisync
