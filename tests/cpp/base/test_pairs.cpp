#include <doctest/doctest.h>
#include <omp.h>

#include <atomic>
#include <map>
#include <stdexcept>
#include <utility>
#include <vector>

#include "base/pairs.hpp"

namespace {

using noisync::Blocks;
using noisync::Execution;
using noisync::Index;

// What each block went through, in order: its partners, itself included.
using Histories = std::vector<std::vector<Index>>;

struct Visits {
    std::vector<std::vector<int>> times;  // of pairs i <= j; others must stay zero
    Histories histories;
    int conflicts = 0;  // a block visited while another visit to it was going on
    bool right_workers = true;
};

Visits visit_all(Index count, int threads) {
    Visits visits{std::vector<std::vector<int>>(count, std::vector<int>(count, 0)),
                  Histories(count)};
    std::vector<std::atomic<bool>> busy(count);
    std::atomic<int> conflicts{0};
    std::atomic<bool> right_workers{true};
    const Blocks blocks{count * 10 - 3, 10};
    Execution execution(threads);
    noisync::for_each_block_pair(blocks, execution, [&](Index i, Index j, int worker) {
        if (worker != omp_get_thread_num() || worker >= threads) {
            right_workers = false;
        }
        conflicts += busy[i].exchange(true) ? 1 : 0;
        conflicts += i != j && busy[j].exchange(true) ? 1 : 0;
        visits.times[i][j] += 1;
        visits.histories[i].push_back(j);
        if (i != j) {
            visits.histories[j].push_back(i);
        }
        busy[i] = false;
        busy[j] = false;
    });
    visits.conflicts = conflicts;
    visits.right_workers = right_workers;
    return visits;
}

}  // namespace

TEST_CASE("blocks tile the rows") {
    for (const Index rows : {1, 2, 63, 64, 65, 127, 128, 129, 1000, 1023, 1024, 1025}) {
        for (const Index size : {Index(1), Index(7), Index(64), noisync::pair_block_size(rows)}) {
            CAPTURE(rows);
            CAPTURE(size);
            const Blocks blocks{rows, size};
            Index covered = 0;
            bool well_formed = true;
            for (Index block = 0; block < blocks.count(); ++block) {
                well_formed = well_formed && blocks.begin(block) == covered &&
                              blocks.length(block) >= 1 && blocks.length(block) <= size;
                covered += blocks.length(block);
            }
            CHECK(well_formed);
            CHECK(covered == rows);
        }
    }
    CHECK(Blocks{0, 64}.count() == 0);
}

TEST_CASE("in the rounds every pair of blocks meets once, and partners are each other's") {
    for (Index blocks = 1; blocks <= 40; ++blocks) {
        CAPTURE(blocks);
        const noisync::ReadyPairs pairs(blocks);
        const Index rounds = blocks + blocks % 2 - 1;
        std::map<std::pair<Index, Index>, int> met;
        bool mutual = true;
        for (Index round = 0; round < rounds; ++round) {
            for (Index block = 0; block < blocks; ++block) {
                const Index other = pairs.partner(block, round);
                mutual = mutual && other != block &&
                         (other >= blocks || pairs.partner(other, round) == block);
                if (block < other && other < blocks) {
                    met[{block, other}] += 1;
                }
            }
        }
        CHECK(mutual);
        CHECK(Index(met.size()) == blocks * (blocks - 1) / 2);
    }
}

TEST_CASE("a pair is ready when both blocks are through with what stands before") {
    noisync::ReadyPairs pairs(4);
    const auto on = [] { return true; };
    const auto take = [&] { return *pairs.take(std::nullopt, on); };
    std::vector<noisync::ReadyPairs::Pair> own;
    for (int k = 0; k < 4; ++k) {
        own.push_back(take());
    }
    pairs.done(own[0]);
    pairs.done(own[3]);  // round 0 has 0 and 3
    const auto early = take();
    CHECK(early.first == 0);
    CHECK(early.second == 3);
    bool asked = false;
    const auto none = pairs.take(early, [&] { return !std::exchange(asked, true); });
    CHECK_FALSE(none.has_value());  // 1 and 2 are not through with themselves
    pairs.done(own[1]);
    pairs.done(own[2]);
    const auto late = take();
    CHECK(late.first == 1);
    CHECK(late.second == 2);
}

TEST_CASE("a thread goes on with a block that it had before, where a pair with it is ready") {
    noisync::ReadyPairs pairs(6);
    const auto on = [] { return true; };
    for (int block = 0; block < 6; ++block) {
        (void)pairs.take(std::nullopt, on);
    }
    for (Index block = 0; block < 6; ++block) {
        pairs.done({block, block});
    }
    // Round 0: (0, 5), (1, 4), (2, 3) in some order; whoever had 3 goes on with it.
    const auto near = *pairs.take(noisync::ReadyPairs::Pair{3, 3}, on);
    CHECK(near.first == 2);
    CHECK(near.second == 3);
    const auto far = *pairs.take(near, on);  // none of its blocks is ready: the first that is
    CHECK(far.first != 2);
    CHECK(far.second != 3);
}

TEST_CASE("an error of a visit comes out, and nobody waits for what is never ready") {
    for (const int threads : {1, 2, 4}) {
        Execution execution(threads);
        const auto fail = [](Index i, Index j, int) {
            if (i == 1 && j == 3) {
                throw std::runtime_error("no");
            }
        };
        CHECK_THROWS_AS(noisync::for_each_block_pair(Blocks{60, 10}, execution, fail),
                        std::runtime_error);
    }
}

TEST_CASE("every pair of blocks is visited once, without conflicts, in a fixed order per block") {
    for (Index count = 1; count <= 17; ++count) {
        const Histories alone = visit_all(count, 1).histories;
        for (const int threads : {1, 2, 4}) {
            CAPTURE(count);
            CAPTURE(threads);
            const Visits visits = visit_all(count, threads);
            bool once = true;
            for (Index i = 0; i < count; ++i) {
                for (Index j = 0; j < count; ++j) {
                    once = once && visits.times[i][j] == (i <= j ? 1 : 0);
                }
            }
            CHECK(once);
            CHECK(visits.conflicts == 0);
            CHECK(visits.right_workers);
            CHECK(visits.histories == alone);
        }
    }
}

TEST_CASE("without rows there is nothing to visit") {
    Execution execution(2);
    int visits = 0;
    noisync::for_each_block_pair(Blocks{0, 64}, execution, [&](Index, Index, int) { ++visits; });
    CHECK(visits == 0);
}
