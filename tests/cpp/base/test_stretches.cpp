#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <memory>
#include <random>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/stretches.hpp"
#include "ranks.hpp"

namespace {

using noisync::Blocks;
using noisync::Execution;
using noisync::Index;
using noisync::Ranks;
using noisync::sum_of_stretches;

// Remembers how it was added up, and how many like it there are.
class Trace {
   public:
    static inline std::atomic<int> alive = 0;
    static inline std::atomic<int> most = 0;

    Trace() {
        const int now = ++alive;
        for (int before = most; before < now && !most.compare_exchange_weak(before, now);) {
        }
    }
    Trace(Trace&& other) noexcept : Trace() { text = std::move(other.text); }
    Trace(const Trace&) = delete;
    Trace& operator=(const Trace&) = delete;
    ~Trace() { --alive; }

    Trace& operator+=(const Trace& other) {
        text = "(" + text + "+" + other.text + ")";
        return *this;
    }

    // For other ranks: a character each.
    [[nodiscard]] noisync::Vector<double> numbers() const {
        return Eigen::Map<const Eigen::Array<char, Eigen::Dynamic, 1>>(text.data(),
                                                                       Index(text.size()))
            .cast<double>();
    }
    static Trace from_numbers(const noisync::Vector<double>& numbers) {
        Trace sum;
        for (const double character : numbers) {
            sum.text += char(character);
        }
        return sum;
    }

    std::string text;
};

// The tree by its definition: over the leaves [first, first + width), cut off at count.
std::string expected(Index first, Index width, Index count) {
    if (width == 1) {
        return std::to_string(first);
    }
    const Index half = width / 2;
    const std::string left = expected(first, half, count);
    return first + half < count ? "(" + left + "+" + expected(first + half, half, count) + ")"
                                : left;
}

std::string expected(Index count) {
    Index width = 1;
    while (width < count) {
        width *= 2;
    }
    return expected(0, width, count);
}

// Over `count` stretches of one row; every part takes its time, other threads other times.
std::string traced(Index count, int threads, bool slow = false) {
    Execution execution(threads);
    const auto part = [slow](Index first, Index length, int worker, Trace& sum) {
        CHECK(length == 1);
        if (slow && (first * 7919 + worker) % 13 == 0) {
            std::this_thread::sleep_for(std::chrono::microseconds(first * 104729 % 700));
        }
        sum.text = std::to_string(first);
    };
    return sum_of_stretches<Trace>(Blocks{count, 1}, execution, part).text;
}

}  // namespace

TEST_CASE("stretches are whole blocks, at most 1024 and a function of the numbers alone") {
    for (const Index block : {1, 2, 80, 272}) {
        for (const Index least : {1, 100, 1000}) {
            for (Index rows = 1; rows < 40'000'000; rows += 1 + rows / 5) {
                CAPTURE(block);
                CAPTURE(least);
                CAPTURE(rows);
                const Blocks blocks = noisync::stretches(rows, block, least);
                CHECK(blocks.rows == rows);
                CHECK(blocks.size % block == 0);
                CHECK(blocks.count() >= 1);
                CHECK(blocks.count() <= 1024);
                // Longer only where there would be more than 1024, or, with 32, fewer than `least`.
                const Index shorter = blocks.size - block;
                CHECK((shorter == 0 || shorter < least || 1024 * shorter < rows));
                CHECK((shorter == 0 || 32 * shorter < rows));
            }
        }
    }
    CHECK(noisync::stretches(100'000'000, 272, 1000).count() > 1000);
}

TEST_CASE("the order of the additions is that of one tree, for any number of threads") {
    for (const Index count : {1, 2, 3, 4, 5, 6, 7, 8, 9, 31, 32, 33, 100, 1000, 1023, 1024}) {
        CAPTURE(count);
        for (const int threads : {1, 2, 3, 8}) {
            CAPTURE(threads);
            CHECK(traced(count, threads, count < 200) == expected(count));
        }
    }
    CHECK(expected(6) == "(((0+1)+(2+3))+(4+5))");
}

TEST_CASE("leaves may come in any order") {
    std::mt19937 generator(1);
    for (const Index count : {1, 2, 7, 64, 77}) {
        CAPTURE(count);
        std::vector<Index> order;
        for (Index leaf = 0; leaf < count; ++leaf) {
            order.push_back(leaf);
        }
        for (int repeat = 0; repeat < 20; ++repeat) {
            std::shuffle(order.begin(), order.end(), generator);
            noisync::TreeOfSums<Trace> tree(count);
            std::vector<std::unique_ptr<Trace>> spare;
            for (const Index leaf : order) {
                auto sum = std::make_unique<Trace>();
                sum->text = std::to_string(leaf);
                tree.add(leaf, std::move(sum), spare);
            }
            CHECK(tree.whole().text == expected(count));
        }
    }
    CHECK(Trace::alive == 0);
}

TEST_CASE("few sums live at once") {
    constexpr Index kCount = 1000;  // ten levels
    for (const int threads : {1, 2, 4, 8}) {
        CAPTURE(threads);
        Trace::most = 0;
        CHECK(traced(kCount, threads, true) == expected(kCount));
        // A thread has two in hand, leaves at most one a level behind it, and keeps four.
        CHECK(Trace::most <= threads * 16);
        CHECK(Trace::alive == 0);
    }
}

TEST_CASE("the bits of a sum of doubles do not depend on the number of threads") {
    std::vector<double> numbers;
    for (int i = 0; i < 100'000; ++i) {
        numbers.push_back(std::sin(double(i)) * std::exp(double(i % 50)));
    }
    const auto sum = [&](int threads) {
        Execution execution(threads);
        const auto part = [&](Index first, Index count, int, double& total) {
            total = 0;
            for (Index i = first; i < first + count; ++i) {
                total += numbers[std::size_t(i)];
            }
        };
        const Blocks stretches = noisync::stretches(Index(numbers.size()), 16, 100);
        return sum_of_stretches<double>(stretches, execution, part);
    };
    const double one = sum(1);
    for (const int threads : {2, 3, 5, 16}) {
        CHECK(sum(threads) == one);
    }
    long double plain = 0;
    long double size = 0;
    for (const double number : numbers) {
        plain += number;
        size += std::abs(number);
    }
    CHECK(std::abs(one - plain) < 1e-13L * size);
}

TEST_CASE("every rank gets the sum of one process, and in the same order") {
    const auto part = [](Index first, Index length, int, Trace& sum) {
        CHECK(length == 1);
        sum.text = std::to_string(first);
    };
    for (const Index count : {1, 2, 3, 7, 8, 13, 32, 100}) {
        for (const int ranks : {1, 2, 3, 4, 5, 7}) {
            if (ranks > count) {
                continue;
            }
            std::vector<std::string> found(std::size_t(ranks), "");
            reference::on_ranks(ranks, count, 1, [&](int rank, const Ranks& own) {
                Execution execution(1, nullptr, &own);
                const auto shifted = [&](Index first, Index length, int worker, Trace& sum) {
                    part(first + own.first(), length, worker, sum);
                };
                found[std::size_t(rank)] =
                    sum_of_stretches<Trace>(Blocks{count, 1}, execution, &own, shifted).text;
            });
            for (const std::string& text : found) {
                CHECK(text == expected(count));
            }
        }
    }
}

TEST_CASE("what waited is freed when a part fails") {
    for (const int threads : {1, 4}) {
        Execution execution(threads);
        const auto part = [](Index first, Index, int, Trace& sum) {
            if (first == 37) {
                throw std::runtime_error("no");
            }
            sum.text = "x";
        };
        CHECK_THROWS_AS(sum_of_stretches<Trace>(Blocks{100, 1}, execution, part),
                        std::runtime_error);
        CHECK(Trace::alive == 0);
    }
}
