// Which layers of a run are recorded, as a function of the layer.
#pragma once

#include <algorithm>
#include <utility>
#include <vector>

#include "base/types.hpp"

namespace noisync {

// A schedule numbers its layers by slots 0, 1, 2, ...
class Schedule {
   public:
    Schedule() = default;  // no layer

    // Every k-th layer from 0 on, and the last one.
    static Schedule regular(Index every, Index last) {
        Schedule schedule;
        schedule.every_ = every;
        schedule.last_ = last;
        return schedule;
    }

    // The listed layers, increasing.
    static Schedule listed(std::vector<Index> layers) {
        Schedule schedule;
        schedule.layers_ = std::move(layers);
        return schedule;
    }

    [[nodiscard]] Index slots() const {
        return every_ > 0 ? (last_ + every_ - 1) / every_ + 1 : Index(layers_.size());
    }

    // The slot of a layer, or -1.
    [[nodiscard]] Index slot(Index layer) const {
        if (every_ > 0) {
            const bool due = layer % every_ == 0 || layer == last_;
            return due && layer >= 0 && layer <= last_ ? (layer + every_ - 1) / every_ : -1;
        }
        const auto found = std::ranges::lower_bound(layers_, layer);
        return found != layers_.end() && *found == layer ? found - layers_.begin() : -1;
    }

    bool operator==(const Schedule&) const = default;

   private:
    Index every_ = 0;
    Index last_ = 0;
    std::vector<Index> layers_;
};

}  // namespace noisync
