// Sums over many rows in one fixed order.
//
// Rows are cut into stretches, and the sums over stretches are added in one binary tree: those of
// [0, 2^k) and [2^k, 2^(k+1)) make that of [0, 2^(k+1)), and so on from place to place; a sum that
// has no other half goes up as it is. Whichever thread comes second adds the two, the right one to
// the left one, so the bits are those of one thread. As stretches are handed out in order, what
// waits for its other half is about log2(stretches) sums a thread.
#pragma once

#include <algorithm>
#include <atomic>
#include <bit>
#include <memory>
#include <utility>
#include <vector>

#include "base/execution.hpp"
#include "base/pairs.hpp"
#include "base/types.hpp"

namespace noisync {

// At most 1024, of whole blocks of `block` rows but the last, and of at least `least` rows where
// that leaves 32 of them: a function of these three numbers alone.
inline Blocks stretches(Index rows, Index block, Index least) {
    const auto share = [rows](Index parts) { return (rows + parts - 1) / parts; };
    const Index size = std::max({share(1024), std::min(least, share(32)), Index(1)});
    return {rows, (size + block - 1) / block * block};
}

// The binary tree over `count` leaves, at least one. Nodes are numbered like a heap: the root is 1,
// the halves of a node are 2 node and 2 node + 1.
template <class Sum>
class TreeOfSums {
   public:
    using Owned = std::unique_ptr<Sum>;

    explicit TreeOfSums(Index count)
        : count_(count),
          leaves_(Index(std::bit_ceil(std::size_t(count)))),
          waiting_(std::size_t(leaves_)) {}
    TreeOfSums(const TreeOfSums&) = delete;
    TreeOfSums& operator=(const TreeOfSums&) = delete;
    ~TreeOfSums() {
        for (const auto& sum : waiting_) {
            const Owned left(sum.load());
        }
    }

    // Once for each leaf, by any thread, in any order. A few that were added to others are spare.
    void add(Index leaf, Owned sum, std::vector<Owned>& spare) {
        Index node = leaves_ + leaf;
        for (Index width = 1; node > 1; node /= 2, width *= 2) {
            const bool left = node % 2 == 0;
            if (left && (node + 1) * width >= leaves_ + count_) {
                continue;  // no other half
            }
            Owned other = exchange(node / 2, sum);
            if (!other) {
                return;
            }
            if (!left) {
                std::swap(sum, other);
            }
            *sum += *other;
            if (spare.size() < kSpare) {
                spare.push_back(std::move(other));
            }
        }
        waiting_[0] = sum.release();
    }

    // After all leaves.
    Sum whole() { return std::move(*waiting_[0].load()); }

   private:
    static constexpr std::size_t kSpare = 4;

    // Leaves one half of a node's sum to wait, or takes the one that waits.
    Owned exchange(Index node, Owned& sum) {
        auto& place = waiting_[std::size_t(node)];
        Sum* other = nullptr;
        if (place.compare_exchange_strong(other, sum.get())) {
            (void)sum.release();
            return nullptr;
        }
        place = nullptr;
        return Owned(other);
    }

    Index count_;
    Index leaves_;
    std::vector<std::atomic<Sum*>> waiting_;  // at 0 the whole
};

// The sum over all stretches, at least one. part(first, count, worker, sum) sets `sum`, a Sum of
// any earlier value, to the sum over the rows first, ..., first + count - 1. Sums are added by +=.
template <class Sum, class Part>
Sum sum_of_stretches(const Blocks& stretches, Execution& execution, Part&& part) {
    using Owned = TreeOfSums<Sum>::Owned;
    const Index count = stretches.count();
    TreeOfSums<Sum> tree(count);
    // Threads take whole subtrees, so that few sums come from another core's cache, and use memory
    // again: freeing what another thread allocated makes both wait.
    const Index share = count / (32 * Index(execution.threads()));
    const Blocks subtrees{count, Index(std::bit_floor(std::size_t(std::max<Index>(share, 1))))};
    std::vector<std::vector<Owned>> spare(std::size_t(execution.threads()));
    execution.for_each(subtrees.count(), [&](Index subtree, int worker) {
        std::vector<Owned>& own = spare[std::size_t(worker)];
        const Index first = subtrees.begin(subtree);
        for (Index leaf = first; leaf < first + subtrees.length(subtree); ++leaf) {
            if (own.empty()) {
                own.push_back(std::make_unique<Sum>());
            }
            Owned sum = std::move(own.back());
            own.pop_back();
            part(stretches.begin(leaf), stretches.length(leaf), worker, *sum);
            tree.add(leaf, std::move(sum), own);
        }
    });
    return tree.whole();
}

}  // namespace noisync
