// The gaps |x - y|^2 / 2 = 1 - <x, y> of all pairs of tokens, tile by tile: what sums over pairs
// that keep their digits as tokens merge are made of.
#pragma once

#include <algorithm>
#include <vector>

#include "base/pairs.hpp"
#include "simd/panels.hpp"

namespace noisync {

// The tokens in panels and in rows, with |x|^2 / 2 and weights; filled up with tokens of no weight.
struct PackedTokens {
    PackedTokens(const Tokens<double>& x, const Vector<double>& mass);

    Index dim;
    Index panels;
    Matrix<double> rows;
    Matrix<double> lanes;
    Vector<double> halves;
    Vector<double> weights;
};

// tile(column) <- gaps between a panel and the tokens first, first + 1, ...: norms that are 1 only
// up to rounding cost nothing.
void fill_gaps(const PackedTokens& tokens, Index panel, Index first, Index columns, double* tile);

// A tile of gaps: entry (column * panel height + lane) between the token row + lane and the token
// first + column. Blocks i < j stand for both orders of a pair, i = j for one.
struct GapTile {
    Index i;
    Index j;
    Index row;
    Index first;
    Index columns;
    double* gaps;  // may be overwritten
};

// sum over the lanes of w sums.
inline double weighted_sum(const simd::Vec<double> (&sums)[simd::kTall], const double* weights) {
    double total = 0;
    for (int h = 0; h < simd::kTall; ++h) {
        total += simd::sum<double>(sums[h] * simd::load(weights + h * simd::kLanes<double>));
    }
    return total;
}

// visit(tile, worker) for tiles that cover all pairs, under the rules of for_each_block_pair.
template <class Visit>
void for_each_gap_tile(const PackedTokens& tokens, const Blocks& blocks, Execution& execution,
                       Visit&& visit) {
    using simd::kPanel;
    using simd::kStrip;
    std::vector<Vector<double>> tiles(std::size_t(execution.threads()),
                                      Vector<double>(kPanel<double> * kStrip<double>));
    for_each_block_pair(blocks, execution, [&](Index i, Index j, int worker) {
        double* gaps = tiles[std::size_t(worker)].data();
        const Index end_i = blocks.begin(i) + blocks.length(i);
        const Index end_j = blocks.begin(j) + blocks.length(j);
        for (Index row = blocks.begin(i); row < end_i; row += kPanel<double>) {
            for (Index first = blocks.begin(j); first < end_j; first += kStrip<double>) {
                const Index columns = std::min(kStrip<double>, end_j - first);
                fill_gaps(tokens, row / kPanel<double>, first, columns, gaps);
                visit(GapTile{i, j, row, first, columns, gaps}, worker);
            }
        }
    });
}

// Blocks for it: whole strips.
inline Blocks gap_blocks(const PackedTokens& tokens) {
    const Index rows = tokens.rows.rows();
    return {rows, rows >= 1024 ? 2 * simd::kStrip<double> : simd::kStrip<double>};
}

}  // namespace noisync
