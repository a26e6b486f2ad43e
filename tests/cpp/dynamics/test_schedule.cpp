#include <doctest/doctest.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "dynamics/schedule.hpp"

namespace {

using noisync::Index;
using noisync::Schedule;
using Seen = std::vector<std::pair<Index, Index>>;  // layer and slot

Seen walk(const Schedule& schedule, Index last) {
    Seen seen;
    for (Index layer = 0; layer <= last; ++layer) {
        const Index slot = schedule.slot(layer);
        if (slot >= 0) {
            seen.emplace_back(layer, slot);
        }
    }
    return seen;
}

}  // namespace

TEST_CASE("a regular schedule: every k-th layer and the last") {
    CHECK(walk(Schedule::regular(1, 3), 3) == Seen{{0, 0}, {1, 1}, {2, 2}, {3, 3}});
    CHECK(walk(Schedule::regular(3, 6), 6) == Seen{{0, 0}, {3, 1}, {6, 2}});
    CHECK(walk(Schedule::regular(3, 7), 7) == Seen{{0, 0}, {3, 1}, {6, 2}, {7, 3}});
    CHECK(walk(Schedule::regular(3, 8), 8) == Seen{{0, 0}, {3, 1}, {6, 2}, {8, 3}});
    CHECK(walk(Schedule::regular(10, 4), 4) == Seen{{0, 0}, {4, 1}});
    CHECK(walk(Schedule::regular(4, 0), 0) == Seen{{0, 0}});
}

TEST_CASE("a listed schedule: its layers, in order") {
    CHECK(walk(Schedule::listed({0, 2, 5}), 5) == Seen{{0, 0}, {2, 1}, {5, 2}});
    CHECK(walk(Schedule::listed({3}), 5) == Seen{{3, 0}});
    CHECK(walk(Schedule::listed({1, 9}), 5) == Seen{{1, 0}});
    CHECK(walk(Schedule::listed({}), 5).empty());
    CHECK(walk(Schedule(), 5).empty());
}

TEST_CASE("a schedule has as many slots as it will hand out") {
    for (Index every = 1; every <= 9; ++every) {
        for (Index last = 0; last <= 20; ++last) {
            CAPTURE(every);
            CAPTURE(last);
            const Schedule schedule = Schedule::regular(every, last);
            const Seen seen = walk(schedule, last);
            CHECK(Index(seen.size()) == schedule.slots());
            CHECK(seen.back() == std::pair{last, schedule.slots() - 1});
        }
    }
    CHECK(Schedule::listed({0, 2, 5}).slots() == 3);
    CHECK(Schedule().slots() == 0);
}

TEST_CASE("the slot of a layer does not depend on what was asked before, or how often") {
    const std::vector<Schedule> schedules{Schedule::regular(3, 7), Schedule::regular(1, 5),
                                          Schedule::regular(10, 4), Schedule::listed({1, 2, 5, 9}),
                                          Schedule()};
    const std::vector<Index> any_order{9, 2, 2, 0, 7, 5, 1, 9, 3, 6, 0, 4, 8, 5};
    for (std::size_t k = 0; k < schedules.size(); ++k) {
        CAPTURE(k);
        const Schedule& schedule = schedules[k];
        const Seen in_order = walk(schedule, 9);
        for (const Index layer : any_order) {
            CAPTURE(layer);
            const auto found = std::ranges::find(in_order, layer, &Seen::value_type::first);
            CHECK(schedule.slot(layer) == (found == in_order.end() ? -1 : found->second));
        }
    }
}

TEST_CASE("no layer beyond the last one is due") {
    for (const Index every : {1, 2, 3, 7}) {
        for (const Index last : {0, 1, 6, 7}) {
            CAPTURE(every);
            CAPTURE(last);
            const Schedule schedule = Schedule::regular(every, last);
            for (Index layer = last + 1; layer <= last + 2 * every; ++layer) {
                CHECK(schedule.slot(layer) == -1);
            }
        }
    }
    CHECK(Schedule::listed({0, 2, 5}).slot(6) == -1);
    CHECK(Schedule::listed({}).slot(0) == -1);
}

TEST_CASE("schedules are equal that say the same") {
    CHECK(Schedule::regular(2, 6) == Schedule::regular(2, 6));
    CHECK(Schedule::listed({0, 4}) == Schedule::listed({0, 4}));
    CHECK(Schedule() == Schedule::listed({}));
    CHECK_FALSE(Schedule::regular(2, 6) == Schedule::regular(3, 6));
    CHECK_FALSE(Schedule::regular(2, 6) == Schedule::regular(2, 7));
    CHECK_FALSE(Schedule::listed({0, 4}) == Schedule::listed({0, 5}));
}
