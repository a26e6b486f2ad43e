// The one way to visit all pairs of tokens: in square blocks, in rounds without conflicts.
#pragma once

#include <algorithm>
#include <utility>

#include "base/execution.hpp"
#include "base/types.hpp"

namespace noisync {

// Rows [0, rows) cut into blocks of `size`, the last one shorter.
struct Blocks {
    Index rows;
    Index size;

    [[nodiscard]] Index count() const { return (rows + size - 1) / size; }
    [[nodiscard]] Index begin(Index block) const { return block * size; }
    [[nodiscard]] Index length(Index block) const { return std::min(size, rows - begin(block)); }
};

// Side of the square tiles over token pairs: two float64 tiles fit a 256 KiB second-level cache,
// and small systems still have several blocks to share among threads.
inline Index pair_block_size(Index rows) {
    return rows >= 1024 ? 128 : 64;
}

// Round-robin tournament by the circle method: game `game` of round `round` among an even number of
// players. Every pair meets once in rounds 0..players-2, and no player appears twice in a round.
inline std::pair<Index, Index> tournament_pair(Index players, Index round, Index game) {
    const Index ring = players - 1;
    const Index first = game == 0 ? ring : (round + game) % ring;
    const Index second = (round + ring - game) % ring;
    return {std::min(first, second), std::max(first, second)};
}

// Calls visit(i, j, worker) once for every pair of blocks i <= j. Within a round no block appears
// twice, and rounds follow one another: visit may add to rows of both blocks without atomics, and
// the order of all additions to a row is fixed, whatever the number of threads.
template <class Visit>
void for_each_block_pair(const Blocks& blocks, Execution& execution, Visit&& visit) {
    const Index count = blocks.count();
    execution.for_each(count, [&](Index block, int worker) { visit(block, block, worker); });
    const Index players = count + count % 2;
    for (Index round = 0; round + 1 < players; ++round) {
        execution.for_each(players / 2, [&](Index game, int worker) {
            const auto [first, second] = tournament_pair(players, round, game);
            if (second < count) {
                visit(first, second, worker);
            }
        });
    }
}

}  // namespace noisync
