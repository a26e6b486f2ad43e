#include "measure/circle_transport.hpp"

#include <algorithm>
#include <cstddef>
#include <numbers>

#include "base/stretches.hpp"

namespace noisync {

namespace {

using std::int64_t;

constexpr double kTurn = 2 * std::numbers::pi;

// F^-1 as a function that is asked for ascending masses.
class Quantile {
   public:
    // Just above `mass`.
    Quantile(const CircleMeasure& measure, int64_t mass)
        : angles_(measure.angles), ends_(measure.ends) {
        const int64_t total = ends_.back();
        turns_ = mass / total - (mass % total < 0 ? 1 : 0);
        atom_ = std::size_t(std::ranges::upper_bound(ends_, mass - turns_ * total) - ends_.begin());
    }

    [[nodiscard]] double angle() const { return angles_[Index(atom_)] + kTurn * double(turns_); }

    // The mass up to which that is the angle.
    [[nodiscard]] int64_t end() const { return turns_ * ends_.back() + ends_[atom_]; }

    void advance_beyond(int64_t mass) {
        while (end() <= mass) {
            if (++atom_ == ends_.size()) {
                atom_ = 0;
                ++turns_;
            }
        }
    }

   private:
    const Vector<double>& angles_;
    const std::vector<int64_t>& ends_;
    std::size_t atom_;
    int64_t turns_;
};

Blocks atoms_of(const CircleMeasure& measure) {
    return stretches(measure.angles.size(), 1, 4096);
}

// C(s + 1) - C(s), in units of mass: at the end of each atom of y, the next unit of x goes to that
// atom instead of the one after it.
double slope(const CircleMeasure& x, const CircleMeasure& y, int64_t shift, Execution& execution) {
    const Index count = y.angles.size();
    const auto part = [&](Index first, Index length, int, double& sum) {
        sum = 0;
        Quantile quantile(x, y.ends[std::size_t(first)] + shift);
        for (Index j = first; j < first + length; ++j) {
            const double here = y.angles[j];
            const double next = j + 1 < count ? y.angles[j + 1] : y.angles[0] + kTurn;
            quantile.advance_beyond(y.ends[std::size_t(j)] + shift);
            sum += (next - here) * (2 * quantile.angle() - here - next);
        }
    };
    return sum_of_stretches<double>(atoms_of(y), execution, part);
}

// C(s).
double cost(const CircleMeasure& x, const CircleMeasure& y, int64_t shift, Execution& execution) {
    const auto part = [&](Index first, Index length, int, double& sum) {
        sum = 0;
        int64_t mass = shift + (first > 0 ? y.ends[std::size_t(first - 1)] : 0);
        Quantile quantile(x, mass);
        for (Index j = first; j < first + length; ++j) {
            for (const int64_t end = shift + y.ends[std::size_t(j)]; mass < end;) {
                const int64_t next = std::min(end, quantile.end());
                const double difference = quantile.angle() - y.angles[j];
                sum += double(next - mass) * difference * difference;
                mass = next;
                quantile.advance_beyond(mass);
            }
        }
    };
    return sum_of_stretches<double>(atoms_of(y), execution, part) / double(y.ends.back());
}

}  // namespace

double circle_transport(const CircleMeasure& x, const CircleMeasure& y, Execution& execution) {
    // The least shift whose slope is not negative. Two turns more or less are never better.
    int64_t below = -2 * y.ends.back();
    int64_t above = 2 * y.ends.back();
    while (above - below > 1) {
        const int64_t middle = below + (above - below) / 2;
        (slope(x, y, middle, execution) < 0 ? below : above) = middle;
    }
    return cost(x, y, above, execution);
}

}  // namespace noisync
