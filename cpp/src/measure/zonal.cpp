#include "measure/zonal.hpp"

#include "simd/chebyshev.hpp"
#include "simd/gaps.hpp"

namespace noisync {

namespace {

using simd::kLanes;
using simd::kPanel;
using simd::kTall;
using Lanes = simd::Vec<double>;

// sum of w_i w_j K(1 - gap) over a tile.
double sum_tile(const PackedTokens& tokens, const GapTile& tile,
                const std::vector<double>& series) {
    Lanes sums[kTall] = {};
    for (Index column = 0; column < tile.columns; ++column) {
        for (int h = 0; h < kTall; ++h) {
            const Lanes gap = simd::load(tile.gaps + column * kPanel<double> + h * kLanes<double>);
            sums[h] += simd::chebyshev(series, 1.0 - gap) * tokens.weights(tile.first + column);
        }
    }
    return weighted_sum(sums, tokens.weights.data() + tile.row);
}

}  // namespace

double zonal_sum(const Tokens<double>& x, const Vector<double>& weights,
                 const std::vector<double>& series, Execution& execution) {
    const PackedTokens tokens(x, weights);
    const Blocks blocks = gap_blocks(tokens);
    // Partial sums of each block: for_each_block_pair fixes the order of additions.
    Vector<double> partial = Vector<double>::Zero(blocks.count());
    for_each_gap_tile(tokens, blocks, execution, [&](const GapTile& tile, int) {
        partial(tile.i) += (tile.i == tile.j ? 1 : 2) * sum_tile(tokens, tile, series);
    });
    return partial.sum();
}

}  // namespace noisync
