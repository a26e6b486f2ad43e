// Ranks that are threads of this process.
#pragma once

#include <barrier>
#include <thread>
#include <vector>

#include "base/ranks.hpp"

namespace reference {

// What the ranks tell one another.
class Board {
   public:
    explicit Board(int ranks) : said_(std::size_t(ranks)), barrier_(ranks) {}

    std::vector<std::vector<double>> gather(int rank, const std::vector<double>& own) {
        said_[std::size_t(rank)] = own;
        barrier_.arrive_and_wait();
        auto all = said_;
        barrier_.arrive_and_wait();  // nobody says the next thing before all have read this one
        return all;
    }

   private:
    std::vector<std::vector<double>> said_;
    std::barrier<> barrier_;
};

class ThreadRanks final : public noisync::Ranks {
   public:
    ThreadRanks(Board& board, int rank, noisync::Index rows, noisync::Index first,
                noisync::Index count)
        : Ranks(rows, first, count, 0, 0), board_(board), rank_(rank) {}

    [[nodiscard]] std::vector<std::vector<double>> gather(
        const std::vector<double>& own) const override {
        return board_.gather(rank_, own);
    }

   private:
    Board& board_;
    int rank_;
};

// Calls body(rank, ranks) in a thread for each rank; the blocks of `length` rows are divided
// evenly.
template <class Body>
void on_ranks(int count, noisync::Index rows, noisync::Index length, Body&& body) {
    Board board(count);
    const noisync::Index blocks = (rows + length - 1) / length;
    std::vector<std::thread> threads;
    for (int rank = 0; rank < count; ++rank) {
        const noisync::Index first = blocks * rank / count * length;
        const noisync::Index last = std::min(blocks * (rank + 1) / count * length, rows);
        threads.emplace_back([&board, &body, rank, rows, first, last] {
            const ThreadRanks ranks(board, rank, rows, first, last - first);
            body(rank, ranks);
        });
    }
    for (std::thread& thread : threads) {
        thread.join();
    }
}

}  // namespace reference
