// The stack of layers:  Y = LN(X + D Attn_X(X)),  X' = LN(Y + sqrt(D) G(Y)),  D = T/L.
#pragma once

#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <utility>
#include <vector>

#include "noisync/attention.hpp"
#include "noisync/execution.hpp"
#include "noisync/noise.hpp"
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

// Sees the state after the layers it asked for (layer 0 is the initial state).
template <class Real>
class Observer {
   public:
    // Every layer: slot = layer.
    Observer() : every_layer_(true) {}
    // The listed layers, increasing: slot = 0, 1, 2, ...
    explicit Observer(std::vector<Index> layers) : layers_(std::move(layers)) {}
    Observer(const Observer&) = delete;
    Observer& operator=(const Observer&) = delete;
    virtual ~Observer() = default;

    virtual void observe(Index slot, const Tokens<Real>& x, Execution& execution) = 0;

    // Called with the state after every layer, in order.
    void see(Index layer, const Tokens<Real>& x, Execution& execution) {
        if (every_layer_) {
            observe(layer, x, execution);
        } else if (slot_ < layers_.size() && layers_[slot_] == layer) {
            observe(Index(slot_), x, execution);
            ++slot_;
        }
    }

   private:
    bool every_layer_ = false;
    std::vector<Index> layers_;
    std::size_t slot_ = 0;
};

struct Depth {
    double horizon = 1.0;  // T
    Index layers = 1;      // L
};

struct Path {
    std::uint64_t seed = 0;
    std::uint32_t replicate = 0;
};

// Carries x from layer 0 to layer L in place. `attention` and `noise` may be null. `completed`
// always holds the last layer whose state the observers have seen, also when an exception ends the
// run: LeftSphere, Interrupted, or whatever an observer threw.
template <class Real>
void run_layers(Tokens<Real>& x, const Vector<Real>& weights, Attention<Real>* attention,
                NoiseField<Real>* noise, const Depth& depth, const Path& path,
                const std::vector<Observer<Real>*>& observers, Execution& execution,
                Index& completed);

}  // namespace noisync
