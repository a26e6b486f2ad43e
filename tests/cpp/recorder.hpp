// Keeps what a call of a recording is given.
#pragma once

#include <stdexcept>
#include <utility>
#include <vector>

#include "dynamics/recording.hpp"

namespace reference {

using noisync::CallRecord;
using noisync::Index;
using noisync::Schedule;
using noisync::Tokens;

// Keeps every state it is shown, and may throw at one of the slots.
template <class Real>
class Recorder {
   public:
    explicit Recorder(Schedule schedule, Index failing_slot = -1)
        : schedule_(std::move(schedule)), failing_slot_(failing_slot) {}
    explicit Recorder(std::vector<Index> layers, Index failing_slot = -1)
        : Recorder(Schedule::listed(std::move(layers)), failing_slot) {}

    // Must not outlive the recorder.
    CallRecord<Real> record() {
        return {schedule_, [this](Index run, Index slot, const Tokens<Real>& x) {
                    if (slot == failing_slot_) {
                        throw std::domain_error("call");
                    }
                    runs.push_back(run);
                    slots.push_back(slot);
                    states.push_back(x);
                }};
    }

    std::vector<Index> runs;
    std::vector<Index> slots;
    std::vector<Tokens<Real>> states;

   private:
    Schedule schedule_;
    Index failing_slot_ = -1;
};

}  // namespace reference
