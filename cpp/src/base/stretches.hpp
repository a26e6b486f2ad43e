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
#include <type_traits>
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

// A stretch costs about as much as 20 points of a sum over harmonics, beside its own.
inline constexpr Index kLeastStretch = 1000;

// Of sums that need no blocks of their own: as long as those over few harmonics, so that ranks that
// share one kind share the other.
inline Blocks stretches(Index rows) {
    return stretches(rows, 272, kLeastStretch);
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
        add_at(leaves_ + leaf, std::move(sum), spare);
    }

    // The same for a node that stands for all leaves below it.
    void add_at(Index node, Owned sum, std::vector<Owned>& spare) {
        for (Index width = leaves_below(node); node > 1; node /= 2, width *= 2) {
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

    // After the leaves first .. last - 1: visit(node, sum) for the sums that wait for others, which
    // are those of all of these leaves.
    template <class Visit>
    void each_waiting(Index first, Index last, Visit&& visit) const {
        for (Index parent = 0; parent < leaves_; ++parent) {
            const Sum* sum = waiting_[std::size_t(parent)].load();
            if (sum != nullptr) {
                visit(parent == 0 ? 1 : half_within(parent, first, last), *sum);
            }
        }
    }

   private:
    static constexpr std::size_t kSpare = 4;

    // How many leaves a node stands for.
    [[nodiscard]] Index leaves_below(Index node) const {
        Index count = 1;
        for (; node < leaves_; node *= 2) {
            count *= 2;
        }
        return count;
    }

    // The half of a node whose leaves are all among first .. last - 1.
    [[nodiscard]] Index half_within(Index parent, Index first, Index last) const {
        const Index width = leaves_below(2 * parent);
        const Index begin = 2 * parent * width - leaves_;
        const Index end = std::min(begin + width, count_);
        return first <= begin && end <= last ? 2 * parent : 2 * parent + 1;
    }

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

// Adds the sums of the stretches first .. last - 1.
template <class Sum, class Part>
void add_leaves(TreeOfSums<Sum>& tree, const Blocks& stretches, Index first_leaf, Index last_leaf,
                Execution& execution, Part&& part) {
    using Owned = TreeOfSums<Sum>::Owned;
    const Index count = last_leaf - first_leaf;
    // Threads take whole subtrees, so that few sums come from another core's cache, and use memory
    // again: freeing what another thread allocated makes both wait.
    const Index share = count / (32 * Index(execution.threads()));
    const Blocks subtrees{count, Index(std::bit_floor(std::size_t(std::max<Index>(share, 1))))};
    std::vector<std::vector<Owned>> spare(std::size_t(execution.threads()));
    execution.for_each(subtrees.count(), [&](Index subtree, int worker) {
        std::vector<Owned>& own = spare[std::size_t(worker)];
        const Index first = first_leaf + subtrees.begin(subtree);
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
}

// A sum as numbers, for other ranks, and back; a Sum of one's own has numbers() and from_numbers().
template <class Sum>
Vector<double> numbers_of(const Sum& sum) {
    if constexpr (std::is_same_v<Sum, Vector<double>>) {
        return sum;
    } else {
        return sum.numbers();
    }
}
template <class Sum>
Sum sum_from(const Vector<double>& numbers) {
    if constexpr (std::is_same_v<Sum, Vector<double>>) {
        return numbers;
    } else {
        return Sum::from_numbers(numbers);
    }
}

// The whole sum, where `own` has those of the stretches first .. last - 1 and the trees of the
// other ranks the rest; added in the order of one process.
template <class Sum>
Sum ended(const TreeOfSums<Sum>& own, Index first, Index last, Index count, const Ranks& ranks) {
    std::vector<double> message;
    own.each_waiting(first, last, [&](Index node, const Sum& sum) {
        const Vector<double> numbers = numbers_of(sum);
        message.push_back(double(node));
        message.push_back(double(numbers.size()));
        message.insert(message.end(), numbers.data(), numbers.data() + numbers.size());
    });
    TreeOfSums<Sum> tree(count);
    std::vector<std::unique_ptr<Sum>> spare;
    for (const auto& received : ranks.gather(message)) {
        for (std::size_t at = 0; at < received.size();) {
            const auto node = Index(received[at]);
            const auto size = Index(received[at + 1]);
            const Vector<double> numbers =
                Eigen::Map<const Vector<double>>(&received[at + 2], size);
            tree.add_at(node, std::make_unique<Sum>(sum_from<Sum>(numbers)), spare);
            at += std::size_t(size) + 2;
        }
    }
    return tree.whole();
}

// The sum over all stretches, at least one. part(first, count, worker, sum) sets `sum`, a Sum of
// any earlier value, to the sum over the rows first, ..., first + count - 1. Sums are added by +=.
template <class Sum, class Part>
Sum sum_of_stretches(const Blocks& stretches, Execution& execution, Part&& part) {
    TreeOfSums<Sum> tree(stretches.count());
    add_leaves(tree, stretches, 0, stretches.count(), execution, part);
    return tree.whole();
}

// The same with ranks, which may be null: this process has the rows of some consecutive stretches
// and the others have the rest; part(first, ...) counts its own rows from 0. Every process gets the
// sum that one would.
template <class Sum, class Part>
Sum sum_of_stretches(const Blocks& stretches, Execution& execution, const Ranks* ranks,
                     Part&& part) {
    if (ranks == nullptr) {
        return sum_of_stretches<Sum>(stretches, execution, part);
    }
    TreeOfSums<Sum> tree(stretches.count());
    const Index length = stretches.length(0);
    const Index first = ranks->first() / length;
    const Index last = (ranks->first() + ranks->count() + length - 1) / length;
    const auto shifted = [&](Index begin, Index rows, int worker, Sum& sum) {
        part(begin - ranks->first(), rows, worker, sum);
    };
    add_leaves(tree, stretches, first, last, execution, shifted);
    return ended(tree, first, last, stretches.count(), *ranks);
}

}  // namespace noisync
