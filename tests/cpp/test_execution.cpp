#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <limits>
#include <stdexcept>
#include <thread>
#include <vector>

#include "base/execution.hpp"

namespace {

using noisync::Execution;
using noisync::Index;
using noisync::Interrupted;
using Clock = std::chrono::steady_clock;

constexpr int kThreadCounts[] = {1, 2, 3, 8};

// Asks for a stop from its `patience`-th poll and from `progress` on; remembers how it was called.
class FakeWatch final : public noisync::Watch {
   public:
    explicit FakeWatch(int patience, Index progress = 0)
        : patience_(patience), progress_(progress) {}

    bool poll(Index layer) override {
        ++polls;
        last_layer = layer;
        foreign_thread = foreign_thread || std::this_thread::get_id() != caller_;
        return polls >= patience_ && layer >= progress_;
    }

    int polls = 0;
    Index last_layer = -1;
    bool foreign_thread = false;

   private:
    int patience_;
    Index progress_;
    std::thread::id caller_ = std::this_thread::get_id();
};

void rest(int milliseconds) {
    std::this_thread::sleep_for(std::chrono::milliseconds(milliseconds));
}

double seconds_since(Clock::time_point start) {
    return std::chrono::duration<double>(Clock::now() - start).count();
}

}  // namespace

TEST_CASE("every task runs once, by a worker whose number is in range") {
    for (const int threads : kThreadCounts) {
        for (const Index count : {0, 1, 2, 7, 1000}) {
            CAPTURE(threads);
            CAPTURE(count);
            std::vector<std::atomic<int>> times(count);
            std::atomic<int> out_of_range{0};
            Execution execution(threads);
            execution.for_each(count, [&](Index index, int worker) {
                times[index] += 1;
                out_of_range += worker < 0 || worker >= threads ? 1 : 0;
            });
            Index once = 0;
            for (const auto& time : times) {
                once += time == 1 ? 1 : 0;
            }
            CHECK(once == count);
            CHECK(out_of_range == 0);
        }
    }
}

TEST_CASE("two tasks at the same time never have the same worker number") {
    Execution execution(4);
    std::vector<std::atomic<bool>> busy(4);
    std::atomic<int> clashes{0};
    std::atomic<int> workers_seen{0};
    std::vector<std::atomic<bool>> seen(4);
    execution.for_each(100, [&](Index, int worker) {
        clashes += busy[worker].exchange(true) ? 1 : 0;
        workers_seen += seen[worker].exchange(true) ? 0 : 1;
        rest(1);
        busy[worker] = false;
    });
    CHECK(clashes == 0);
    CHECK(workers_seen > 1);
}

TEST_CASE("fewer than one thread means one") {
    CHECK(Execution(0).threads() == 1);
    CHECK(Execution(-3).threads() == 1);
    CHECK(Execution(5).threads() == 5);
}

TEST_CASE("an exception in a task reaches the caller and ends the work") {
    for (const int threads : kThreadCounts) {
        CAPTURE(threads);
        Execution execution(threads);
        std::atomic<int> begun{0};
        const auto failing = [&](Index index, int) {
            ++begun;
            if (index == 5) {
                throw std::domain_error("task 5");
            }
            rest(1);
        };
        CHECK_THROWS_WITH_AS(execution.for_each(2000, failing), "task 5", std::domain_error);
        CHECK(begun < 2000);
        std::atomic<int> after{0};
        execution.for_each(1, [&](Index, int) { ++after; });
        CHECK(after == 1);
    }
}

TEST_CASE("when all tasks fail, one exception reaches the caller") {
    Execution execution(4);
    const auto failing = [](Index, int) { throw std::domain_error("any"); };
    CHECK_THROWS_AS(execution.for_each(100, failing), std::domain_error);
}

TEST_CASE("a watch that says stop leads to Interrupted, and soon") {
    for (const int threads : kThreadCounts) {
        CAPTURE(threads);
        FakeWatch watch(2);
        Execution execution(threads, &watch);
        execution.enter_layer(11);
        std::atomic<int> begun{0};
        const auto start = Clock::now();
        const auto slow = [&](Index, int) {
            ++begun;
            rest(5);
        };
        CHECK_THROWS_AS(execution.for_each(20000, slow), Interrupted);
        // Two polls 50 ms apart, each up to a task late; the rest is room for a busy machine.
        CHECK(seconds_since(start) >= 0.1);
        CHECK(seconds_since(start) < 2.0);
        CHECK(begun < 20000);
        CHECK(watch.polls == 2);
        CHECK(watch.last_layer == 11);
        CHECK_FALSE(watch.foreign_thread);
        begun = 0;
        CHECK_THROWS_AS(execution.for_each(10, slow), Interrupted);
        CHECK(begun == 0);
    }
}

TEST_CASE("a stop is also heard between short loops") {
    FakeWatch watch(1);
    Execution execution(2, &watch);
    const auto start = Clock::now();
    const auto many_loops = [&] {
        while (seconds_since(start) < 5.0) {
            execution.for_each(3, [](Index, int) { rest(1); });
        }
    };
    CHECK_THROWS_AS(many_loops(), Interrupted);
    CHECK(seconds_since(start) < 2.0);
}

TEST_CASE("a watch that lets the work go on is asked at most every 50 ms") {
    for (const int threads : {1, 2}) {
        CAPTURE(threads);
        FakeWatch watch(std::numeric_limits<int>::max());
        Execution execution(threads, &watch);
        std::atomic<int> done{0};
        const auto start = Clock::now();
        execution.for_each(threads * 200, [&](Index, int) {
            rest(1);
            ++done;
        });
        CHECK(done == threads * 200);
        CHECK(watch.polls >= 1);
        CHECK(watch.polls <= 1 + int(seconds_since(start) / 0.05));
    }
}

TEST_CASE("side by side: every run once, with a thread of its own") {
    for (const int threads : kThreadCounts) {
        for (const Index count : {0, 1, 2, 50}) {
            CAPTURE(threads);
            CAPTURE(count);
            std::vector<std::atomic<int>> times(count);
            std::vector<std::atomic<bool>> busy(threads);
            std::atomic<int> wrong{0};
            Execution execution(threads);
            execution.side_by_side(count, [&](Index index, int worker, Execution& alone) {
                times[index] += 1;
                wrong += worker < 0 || worker >= threads || alone.threads() != 1 ? 1 : 0;
                wrong += busy[worker].exchange(true) ? 1 : 0;
                Index steps = 0;
                alone.for_each(10, [&](Index step, int inner) {
                    wrong += step != steps || inner != 0 ? 1 : 0;
                    ++steps;
                });
                wrong += steps != 10 ? 1 : 0;
                busy[worker] = false;
            });
            Index once = 0;
            for (const auto& time : times) {
                once += time == 1 ? 1 : 0;
            }
            CHECK(once == count);
            CHECK(wrong == 0);
        }
    }
}

TEST_CASE("side by side: an exception in one run ends the others, inside their loops") {
    for (const int threads : kThreadCounts) {
        CAPTURE(threads);
        Execution execution(threads);
        std::atomic<int> ended{0};
        const auto start = Clock::now();
        const auto failing = [&](Index index, int, Execution& alone) {
            if (index == 1) {
                rest(100);
                throw std::domain_error("run 1");
            }
            // The first run would take a minute unless it is the only one at a time.
            alone.for_each(index == 0 && threads > 1 ? 12000 : 1, [](Index, int) { rest(5); });
            ++ended;
        };
        CHECK_THROWS_WITH_AS(execution.side_by_side(200, failing), "run 1", std::domain_error);
        CHECK(seconds_since(start) < 5.0);
        CHECK(ended < 200);
        std::atomic<int> after{0};
        execution.side_by_side(3, [&](Index, int, Execution& alone) {
            alone.for_each(1, [](Index, int) {});
            ++after;
        });
        CHECK(after == 3);
    }
}

TEST_CASE("side by side: a watch is told of runs done and stops all of them") {
    for (const int threads : {1, 2, 3}) {
        CAPTURE(threads);
        FakeWatch watch(1, 4);
        Execution execution(threads, &watch);
        execution.enter_layer(77);  // of an earlier run: no longer of interest
        std::atomic<int> begun{0};
        std::atomic<int> done{0};
        const auto start = Clock::now();
        const auto slow = [&](Index index, int, Execution& alone) {
            ++begun;
            alone.enter_layer(1000000);
            alone.for_each(index < 4 ? 2 : 12000, [](Index, int) { rest(5); });
            ++done;
        };
        CHECK_THROWS_AS(execution.side_by_side(100, slow), Interrupted);
        CHECK(seconds_since(start) < 5.0);
        CHECK(done == 4);
        CHECK(begun > 4);
        CHECK(begun <= 4 + threads);
        CHECK(watch.last_layer == 4);
        CHECK_FALSE(watch.foreign_thread);
        CHECK_THROWS_AS(execution.side_by_side(3, slow), Interrupted);
        CHECK(done == 4);
    }
}
