// From any state to any later layer.
#pragma once

#include "base/execution.hpp"
#include "dynamics/layer.hpp"
#include "dynamics/state.hpp"

namespace noisync {

// Carries the state to layer `last` and calls see(state) after every layer, first of all where the
// state itself has not been seen: `seen` is the last layer that was, -1 before layer 0. However it
// ends, `state` is that of the last layer that was completed, and `seen` is right for going on.
template <class Real, class See>
void advance(State<Real>& state, Index last, Layer<Real>& layer, Index& seen, Execution& execution,
             See&& see) {
    while (true) {
        if (seen < state.layer) {
            see(state);
            seen = state.layer;
        }
        if (state.layer >= last) {
            return;
        }
        layer.apply(state, execution);
        execution.count_layer();
    }
}

}  // namespace noisync
