// Optimal transport on the circle.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <random>

#include "measure/circle_transport.hpp"

namespace {

using namespace noisync;

constexpr double kTurn = 2 * std::numbers::pi;

// Atoms at random angles, some of them at the same place, of masses 0 to 3; the total is `mass`.
CircleMeasure random_measure(std::int64_t mass, std::mt19937& random) {
    std::uniform_int_distribution<int> place(0, 40);
    std::uniform_int_distribution<int> share(0, 3);
    std::vector<double> angles;
    CircleMeasure measure;
    std::int64_t end = 0;
    while (end < mass) {
        end = std::min<std::int64_t>(end + share(random), mass);
        measure.ends.push_back(end);
        angles.push_back(place(random) % 2 == 0
                             ? kTurn * place(random) / 41
                             : kTurn * std::generate_canonical<double, 53>(random));
    }
    std::ranges::sort(angles);
    measure.angles = Eigen::Map<const Vector<double>>(angles.data(), Index(angles.size()));
    return measure;
}

// An angle for each unit of mass.
std::vector<double> units(const CircleMeasure& measure) {
    std::vector<double> angles;
    for (std::size_t i = 0; i < measure.ends.size(); ++i) {
        angles.resize(std::size_t(measure.ends[i]), measure.angles[Index(i)]);
    }
    return angles;
}

// The least mean square of arcs over all ways to pair units in their order around the circle.
double by_all_turns(const CircleMeasure& x, const CircleMeasure& y) {
    const auto from = units(x);
    const auto to = units(y);
    double least = std::numeric_limits<double>::infinity();
    for (std::size_t turn = 0; turn < to.size(); ++turn) {
        double sum = 0;
        for (std::size_t i = 0; i < from.size(); ++i) {
            const double gap = std::abs(from[i] - to[(i + turn) % to.size()]);
            sum += std::pow(std::min(gap, kTurn - gap), 2);
        }
        least = std::min(least, sum / double(from.size()));
    }
    return least;
}

TEST_CASE("the optimal shift is the best of all pairings in order") {
    std::mt19937 random(11);
    Execution execution(1);
    for (int trial = 0; trial < 400; ++trial) {
        const std::int64_t mass = 1 + trial % 37;
        const auto x = random_measure(mass, random);
        const auto y = random_measure(mass, random);
        const double exact = by_all_turns(x, y);
        CHECK(circle_transport(x, y, execution) == doctest::Approx(exact).epsilon(1e-13));
        CHECK(circle_transport(x, x, execution) == 0);
    }
}

TEST_CASE("transport on the circle has the same bits for every number of threads") {
    std::mt19937 random(12);
    const auto x = random_measure(400'000, random);
    const auto y = random_measure(400'000, random);
    Execution alone(1);
    const double one = circle_transport(x, y, alone);
    CHECK(one > 0);
    for (const int threads : {2, 3, 8}) {
        Execution execution(threads);
        CHECK(circle_transport(x, y, execution) == one);
    }
}

}  // namespace
