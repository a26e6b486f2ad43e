// The stack of layers, D = T/L, by one of three schemes.
//
//     layer        Y = LN(X + D Attn_X(X)),  X' = LN(Y + sqrt(D) G(Y))         the transformer
//     euler        X' = LN(X + D Attn_X(X) + sqrt(D) G(X))                      one step
//     runge_kutta  four stages of x' = P_x Attn_X(x), without noise             order 4
#pragma once

#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <utility>
#include <vector>

#include "attention/law.hpp"
#include "noise/law.hpp"
#include "noisync/execution.hpp"
#include "noisync/tangents.hpp"
#include "noisync/types.hpp"

namespace noisync {

// A token that a layer sent to zero, NaN or infinity; the state cannot be continued.
class LeftSphere : public std::runtime_error {
   public:
    LeftSphere(Index layer, Index token)
        : std::runtime_error("a token left the sphere"), layer_(layer), token_(token) {}
    [[nodiscard]] Index layer() const { return layer_; }
    [[nodiscard]] Index token() const { return token_; }

   private:
    Index layer_;
    Index token_;
};

// The layers at which an observer looks, numbered by slots 0, 1, 2, ...
class Schedule {
   public:
    Schedule() = default;  // none
    // Every k-th layer from 0, and the last one.
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

    // The slot of a layer, or -1; layers are asked for in order.
    Index next_slot(Index layer) {
        if (every_ > 0) {
            return layer % every_ == 0 || layer == last_ ? (layer + every_ - 1) / every_ : -1;
        }
        const bool due = slot_ < layers_.size() && layers_[slot_] == layer;
        return due ? Index(slot_++) : -1;
    }

   private:
    Index every_ = 0;
    Index last_ = 0;
    std::vector<Index> layers_;
    std::size_t slot_ = 0;
};

// Sees the states after the layers of its schedule (layer 0 is the initial state).
template <class Real>
class Observer {
   public:
    explicit Observer(Schedule schedule) : schedule_(std::move(schedule)) {}
    Observer(const Observer&) = delete;
    Observer& operator=(const Observer&) = delete;
    virtual ~Observer() = default;

    virtual void observe(Index slot, const Tokens<Real>& x, Execution& execution) = 0;

    // Called with the state after every layer, in order.
    void see(Index layer, const Tokens<Real>& x, Execution& execution) {
        const Index slot = schedule_.next_slot(layer);
        if (slot >= 0) {
            observe(slot, x, execution);
        }
    }

   private:
    Schedule schedule_;
};

enum class Scheme { layer, euler, runge_kutta };

struct Depth {
    double horizon = 1.0;   // T
    Index layers = 1;       // L
    Index path_layers = 0;  // layers of the noise path, a multiple of L; 0: L
};

struct Path {
    std::uint64_t seed = 0;
    std::uint32_t replicate = 0;
};

// What moves the tokens. `attention` and `noise` may be null; runge_kutta is for systems without
// noise and carries no tangents.
template <class Real>
struct System {
    const Vector<Real>& weights;
    Attention<Real>* attention = nullptr;
    NoiseField<Real>* noise = nullptr;
    Scheme scheme = Scheme::layer;
};

// How far a run came; -1: not even layer 0.
struct Progress {
    Index computed = -1;  // the last layer whose state there is
    Index observed = -1;  // the last layer whose state all observers have seen
};

// Carries x from layer 0 to layer L in place, and `tangents`, unless null, along with it.
// `progress` holds also when an exception ends the run: LeftSphere, Interrupted, or whatever an
// observer threw.
//
// With path_layers = r L, the noise of a layer is the sum of r increments of the finer path, each
// over the time T / path_layers and evaluated at the state of this layer.
template <class Real>
void run_layers(Tokens<Real>& x, const System<Real>& system, const Depth& depth, const Path& path,
                TangentFlow<Real>* tangents, const std::vector<Observer<Real>*>& observers,
                Execution& execution, Progress& progress);

}  // namespace noisync
