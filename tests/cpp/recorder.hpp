// An observer that keeps what it sees.
#pragma once

#include <stdexcept>
#include <utility>
#include <vector>

#include "noisync/dynamics.hpp"

namespace reference {

using noisync::Execution;
using noisync::Index;
using noisync::Observer;
using noisync::Schedule;
using noisync::Tokens;

// Keeps every state it is shown, and may throw at one of the slots.
template <class Real>
class Recorder final : public Observer<Real> {
   public:
    explicit Recorder(Schedule schedule, Index failing_slot = -1)
        : Observer<Real>(std::move(schedule)), failing_slot_(failing_slot) {}
    explicit Recorder(std::vector<Index> layers, Index failing_slot = -1)
        : Recorder(Schedule::listed(std::move(layers)), failing_slot) {}

    void observe(Index slot, const Tokens<Real>& x, Execution&) override {
        if (slot == failing_slot_) {
            throw std::domain_error("observer");
        }
        slots.push_back(slot);
        states.push_back(x);
    }

    std::vector<Index> slots;
    std::vector<Tokens<Real>> states;

   private:
    Index failing_slot_ = -1;
};

}  // namespace reference
