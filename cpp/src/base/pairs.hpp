// The one way to visit all pairs of tokens: in square blocks, in an order without conflicts.
#pragma once

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>
#include <vector>

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

// Pairs of blocks in an order without conflicts: first every block with itself, then the rounds of
// a round-robin tournament by the circle method. A pair is ready when both blocks are through with
// whatever stands before it for them; threads take any pair that is, so that no round is waited
// for.
class ReadyPairs {
   public:
    struct Pair {
        Index first;
        Index second;  // not before `first`
    };

    explicit ReadyPairs(Index blocks)
        : blocks_(blocks),
          ring_(blocks + blocks % 2 - 1),
          steps_(std::size_t(blocks), 0),
          left_(blocks * (blocks + 1) / 2) {
        for (Index block = 0; block < blocks; ++block) {
            ready_.push_back({block, block});
        }
    }

    // Whom a block meets in a round 0 .. rounds - 1; `blocks` or more: nobody.
    [[nodiscard]] Index partner(Index block, Index round) const {
        if (block == ring_) {
            return round;
        }
        const Index other = (2 * round + ring_ - block) % ring_;
        return other == block ? ring_ : other;
    }

    // A pair that is ready, first of all one with a block of the pair that this thread had before,
    // whose rows are still in its cache; nothing after the last, or when goes_on() says false,
    // which is asked now and then while pairs are waited for.
    template <class GoesOn>
    std::optional<Pair> take(const std::optional<Pair>& before, GoesOn&& goes_on) {
        const auto shares = [&before](const Pair& pair) {
            const auto has = [&pair](Index block) {
                return pair.first == block || pair.second == block;
            };
            return before && (has(before->first) || has(before->second));
        };
        std::unique_lock lock(mutex_);
        while (true) {
            lock.unlock();
            const bool on = goes_on();
            lock.lock();
            if (!on || left_ == 0) {
                return std::nullopt;
            }
            if (!ready_.empty()) {
                const auto near = std::ranges::find_if(ready_, shares);
                const auto next = near == ready_.end() ? ready_.begin() : near;
                const Pair pair = *next;
                ready_.erase(next);
                --left_;
                return pair;
            }
            changed_.wait_for(lock, std::chrono::milliseconds(50));
        }
    }

    // A pair that was taken is through.
    void done(const Pair& pair) {
        bool more = false;
        {
            const std::scoped_lock lock(mutex_);
            more = advance(pair.first);
            if (pair.second != pair.first) {
                more = advance(pair.second) || more;
            }
            more = more || left_ == 0;
        }
        if (more) {
            changed_.notify_all();
        }
    }

   private:
    // The block is through with another step; whether that makes a pair ready.
    bool advance(Index block) {
        Index& step = steps_[std::size_t(block)];
        for (++step; step <= ring_; ++step) {
            const Index other = partner(block, step - 1);
            if (other < blocks_) {
                if (steps_[std::size_t(other)] != step) {
                    return false;
                }
                ready_.push_back({std::min(block, other), std::max(block, other)});
                return true;
            }
        }
        return false;
    }

    Index blocks_;
    Index ring_;                // the number of rounds
    std::vector<Index> steps_;  // that each block is through with
    Index left_;                // pairs that nobody has taken
    std::deque<Pair> ready_;
    std::mutex mutex_;
    std::condition_variable changed_;
};

// Calls visit(i, j, worker) once for every pair of blocks i <= j, never two at a time with a block
// in common, and for each block in one fixed order of partners: visit may add to rows of both
// blocks without atomics, and the order of all additions to a row does not depend on the number of
// threads. Pairs of blocks without a token that the execution wants are left out; a row of the
// blocks stands for `tokens` of them.
template <class Visit>
void for_each_block_pair(const Blocks& blocks, Execution& execution, Visit&& visit,
                         Index tokens = 1) {
    ReadyPairs pairs(blocks.count());
    const auto wanted = [&](Index block) {
        return execution.wants(tokens * blocks.begin(block), tokens * blocks.length(block));
    };
    const Index workers = std::min<Index>(execution.threads(), (blocks.count() + 1) / 2);
    execution.for_each(workers, [&](Index, int worker) {
        const auto goes_on = [&] { return execution.goes_on(worker); };
        std::optional<ReadyPairs::Pair> pair;
        while ((pair = pairs.take(pair, goes_on))) {
            if (wanted(pair->first) || wanted(pair->second)) {
                visit(pair->first, pair->second, worker);
            }
            pairs.done(*pair);
        }
    });
}

}  // namespace noisync
