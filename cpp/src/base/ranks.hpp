// Tokens in consecutive blocks over several processes: what one of them knows of all.
#pragma once

#include <algorithm>
#include <vector>

#include "base/types.hpp"

namespace noisync {

// The outside world's connection of the processes ("ranks"); the bindings implement it with a
// communicator of Python's.
class Ranks {
   public:
    Ranks(Index rows, Index first, Index count, Index tangents, Index first_tangent)
        : rows_(rows),
          first_(first),
          count_(count),
          tangents_(tangents),
          first_tangent_(first_tangent) {}
    Ranks(const Ranks&) = delete;
    Ranks& operator=(const Ranks&) = delete;
    virtual ~Ranks() = default;

    [[nodiscard]] Index rows() const { return rows_; }    // of all ranks
    [[nodiscard]] Index first() const { return first_; }  // of this one: first .. first + count - 1
    [[nodiscard]] Index count() const { return count_; }
    // The tangent vectors that all ranks carry, and which of them is the first of this one.
    [[nodiscard]] Index tangents() const { return tangents_; }
    [[nodiscard]] Index first_tangent() const { return first_tangent_; }

    // The numbers of every rank, rank by rank. All ranks call it at the same places, each from the
    // thread that started its computation.
    [[nodiscard]] virtual std::vector<std::vector<double>> gather(
        const std::vector<double>& own) const = 0;

    // The rows of all ranks, in their order.
    template <class Rows>
    [[nodiscard]] Rows all_rows(const Rows& own) const {
        const std::vector<double> mine(own.data(), own.data() + own.size());
        Rows all(rows_, own.cols());
        Index at = 0;
        for (const auto& part : gather(mine)) {
            for (const double value : part) {
                all.data()[at++] = typename Rows::Scalar(value);
            }
        }
        return all;
    }

    // The least number of any rank.
    [[nodiscard]] double least(double own) const {
        for (const auto& other : gather({own})) {
            own = std::min(own, other[0]);
        }
        return own;
    }

   private:
    Index rows_;
    Index first_;
    Index count_;
    Index tangents_;
    Index first_tangent_;
};

}  // namespace noisync
