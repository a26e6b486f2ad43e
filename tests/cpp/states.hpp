// States of runs: from their first layer on, and compared bit for bit.
#pragma once

#include <utility>

#include "configurations.hpp"
#include "dynamics/advance.hpp"
#include "dynamics/recording.hpp"
#include "dynamics/state.hpp"

namespace reference {

using noisync::Execution;
using noisync::Layer;
using noisync::Path;
using noisync::Recording;
using noisync::State;
using noisync::Step;
using noisync::System;

template <class Real>
State<Real> first_state(noisync::Tokens<Real> tokens) {
    return {.layer = 0, .tokens = std::move(tokens), .tangents = {}, .layers_summed_directly = 0};
}

// What a run consists of, and how far it came.
template <class Real>
struct Run {
    State<Real> state;
    Index seen = -1;

    // To layer `last`, recorded as run 0.
    void advance(const System<Real>& system, const Step& step, const Path& path, Index last,
                 Execution& execution, const Recording<Real>& recording = {}) {
        Layer<Real> layer(system, step, path);
        const noisync::Vector<double> weights = system.weights.template cast<double>();
        noisync::advance(state, last, layer, seen, execution, [&](const State<Real>& reached) {
            recording.see(0, reached, weights, execution);
        });
    }
};

template <class Real>
bool same_bits(const State<Real>& a, const State<Real>& b) {
    if (a.layer != b.layer || a.layers_summed_directly != b.layers_summed_directly ||
        a.tangents.has_value() != b.tangents.has_value() || !same_bits(a.tokens, b.tokens) ||
        !same_bits(a.norms, b.norms)) {
        return false;
    }
    return !a.tangents || (a.tangents->first == b.tangents->first &&
                           same_bits(a.tangents->vectors, b.tangents->vectors) &&
                           same_bits(a.tangents->growth, b.tangents->growth));
}

}  // namespace reference
