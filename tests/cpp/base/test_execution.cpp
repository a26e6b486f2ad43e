#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <limits>
#include <stdexcept>
#include <thread>
#include <vector>

#include "base/execution.hpp"
#include "scripted.hpp"

namespace {

using noisync::Execution;
using noisync::Index;
using noisync::Interrupted;
using reference::work_until_interrupted;
using Clock = std::chrono::steady_clock;

constexpr int kThreadCounts[] = {1, 2, 3, 8};

// Asks for a stop from its `patience`-th poll and from `layers` on; remembers how it was called.
class FakeWatch final : public noisync::Watch {
   public:
    explicit FakeWatch(int patience, Index layers = 0) : patience_(patience), layers_(layers) {}

    bool poll(Index layers) override {
        ++polls;
        last_layers = layers;
        foreign_thread = foreign_thread || std::this_thread::get_id() != caller_;
        return polls >= patience_ && layers >= layers_;
    }

    int polls = 0;
    Index last_layers = -1;
    bool foreign_thread = false;

   private:
    int patience_;
    Index layers_;
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
        while (workers_seen < 2) {
            std::this_thread::yield();
        }
        busy[worker] = false;
    });
    CHECK(clashes == 0);
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
        constexpr Index kMany = 100'000;  // more than rest while the exception is on its way
        CHECK_THROWS_WITH_AS(execution.for_each(kMany, failing), "task 5", std::domain_error);
        CHECK(begun < kMany);
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

TEST_CASE("a watch that says stop leads to Interrupted, and is asked no more") {
    for (const int threads : kThreadCounts) {
        CAPTURE(threads);
        FakeWatch watch(2);
        Execution execution(threads, &watch);
        for (int layer = 0; layer < 11; ++layer) {
            execution.count_layer();
        }
        constexpr Index kMany = 100'000;  // minutes, unless they are stopped
        std::atomic<Index> begun{0};
        const auto slow = [&](Index, int) {
            ++begun;
            rest(5);
        };
        CHECK_THROWS_AS(execution.for_each(kMany, slow), Interrupted);
        CHECK(begun < kMany);
        CHECK(watch.polls == 2);
        CHECK(watch.last_layers == 11);
        CHECK_FALSE(watch.foreign_thread);
        begun = 0;
        CHECK_THROWS_AS(execution.for_each(10, slow), Interrupted);
        CHECK(begun == 0);
    }
}

TEST_CASE("a stop is also heard between short loops") {
    for (const int threads : {1, 2}) {
        FakeWatch watch(1);
        Execution execution(threads, &watch);
        CHECK_THROWS_AS(work_until_interrupted(execution), Interrupted);
        CHECK(watch.polls == 1);
    }
}

TEST_CASE("a watch that lets the work go on is asked at most every 50 ms") {
    for (const int threads : {1, 2}) {
        CAPTURE(threads);
        FakeWatch watch(4);
        const auto start = Clock::now();
        Execution execution(threads, &watch);
        const auto steps = [&] {
            while (true) {
                execution.for_each(threads, [](Index, int) { rest(1); });
            }
        };
        CHECK_THROWS_AS(steps(), Interrupted);
        CHECK(watch.polls == 4);
        CHECK(seconds_since(start) >= 4 * 0.05);
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
        std::atomic<bool> others_begun{threads == 1};
        std::atomic<int> ended{0};
        std::atomic<int> interrupted{0};
        const auto failing = [&](Index index, int, Execution& alone) {
            if (index == 1) {
                while (!others_begun) {
                    std::this_thread::yield();
                }
                throw std::domain_error("run 1");
            }
            // With threads for others, none of them ends by itself.
            if (threads > 1) {
                others_begun = true;
                try {
                    work_until_interrupted(alone);
                } catch (const Interrupted&) {
                    ++interrupted;
                    throw;
                }
            }
            ++ended;
        };
        CHECK_THROWS_WITH_AS(execution.side_by_side(200, failing), "run 1", std::domain_error);
        CHECK(ended == (threads == 1 ? 1 : 0));
        CHECK((interrupted > 0) == (threads > 1));
        std::atomic<int> after{0};
        execution.side_by_side(3, [&](Index, int, Execution& alone) {
            alone.for_each(1, [](Index, int) {});
            ++after;
        });
        CHECK(after == 3);
    }
}

TEST_CASE("side by side: a watch is told of the layers of all runs and stops all of them") {
    for (const int threads : {1, 2, 3}) {
        CAPTURE(threads);
        FakeWatch watch(1, 2 + 4 * 3);
        Execution execution(threads, &watch);
        execution.count_layer();
        execution.count_layer();
        std::atomic<int> begun{0};
        std::atomic<int> done{0};
        const auto runs = [&](Index index, int, Execution& alone) {
            ++begun;
            if (index >= 4) {
                work_until_interrupted(alone);
            }
            for (int layer = 0; layer < 3; ++layer) {
                alone.for_each(2, [](Index, int) {});
                alone.count_layer();
            }
            ++done;
        };
        CHECK_THROWS_AS(execution.side_by_side(100, runs), Interrupted);
        CHECK(done == 4);
        CHECK(begun <= 4 + threads);
        CHECK(watch.last_layers == 2 + 4 * 3);
        CHECK_FALSE(watch.foreign_thread);
        CHECK_THROWS_AS(execution.side_by_side(3, runs), Interrupted);
        CHECK(done == 4);
    }
}

TEST_CASE("side by side: a watch is asked also while its thread waits for the others' runs") {
    for (const int threads : {2, 3}) {
        CAPTURE(threads);
        FakeWatch watch(1, 0);
        Execution execution(threads, &watch);
        std::atomic<bool> other_begun{false};
        std::atomic<int> done{0};
        // Those of the watch's own thread end; that of another never would.
        const auto runs = [&](Index, int worker, Execution& alone) {
            if (worker == 0) {
                while (!other_begun) {
                    std::this_thread::yield();
                }
                ++done;
                return;
            }
            other_begun = true;
            work_until_interrupted(alone);
        };
        CHECK_THROWS_AS(execution.side_by_side(threads, runs), Interrupted);
        CHECK(done < threads);
    }
}

TEST_CASE("side by side: layers count into the number of the execution that started all") {
    for (const int threads : kThreadCounts) {
        CAPTURE(threads);
        FakeWatch watch(1, 2 + 5 * 3);
        Execution execution(threads, &watch);
        execution.count_layer();
        execution.side_by_side(5, [](Index, int, Execution& alone) {
            alone.count_layer();
            alone.side_by_side(2, [](Index, int, Execution& inner) { inner.count_layer(); });
        });
        execution.count_layer();
        CHECK_THROWS_AS(work_until_interrupted(execution), Interrupted);
        CHECK(watch.last_layers == 2 + 5 * 3);
    }
}
