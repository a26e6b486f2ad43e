// One layer of thickness D, by one of three schemes.
//
//     layer        Y = LN(X + D Attn_X(X)),  X' = LN(Y + sqrt(D) G(Y))         the transformer
//     euler        X' = LN(X + D Attn_X(X) + sqrt(D) G(X))                      one step
//     rk4          four stages of x' = P_x Attn_X(x), without noise             order 4
#pragma once

#include <cstdint>
#include <optional>
#include <stdexcept>

#include "attention/law.hpp"
#include "base/execution.hpp"
#include "base/types.hpp"
#include "dynamics/state.hpp"
#include "noise/law.hpp"

namespace noisync {

// A token that a layer sent to zero, NaN or infinity; the state before that layer stands.
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

enum class Scheme { layer, euler, rk4 };

// The thickness of a layer, and how many layers of the noise path it takes together: its noise is
// the sum of that many increments of the path, each over D / span and at the state of this layer.
struct Step {
    double thickness = 1.0;  // D
    Index span = 1;
};

// Which noise path.
struct Path {
    std::uint64_t seed = 0;
    std::uint32_t replicate = 0;
};

// What moves the tokens. `attention` and `noise` may be null; rk4 is for systems without noise.
template <class Real>
struct System {
    const Vector<Real>& weights;
    Attention<Real>* attention = nullptr;
    NoiseField<Real>* noise = nullptr;
    Scheme scheme = Scheme::layer;
};

// Carries states through layers, one at a time. Holds scratch memory: one object per running
// simulation.
template <class Real>
class Layer {
   public:
    Layer(const System<Real>& system, const Step& step, const Path& path)
        : system_(system), step_(step), path_(path) {}

    // To the next layer; an exception leaves the state as it was.
    void apply(State<Real>& state, Execution& execution);

   private:
    void half_steps(const State<Real>& state, Execution& execution);
    void single_step(const State<Real>& state, Execution& execution);
    void rk4(const State<Real>& state, Execution& execution);
    [[nodiscard]] Matrix<Real> tangential_slope(const Tokens<Real>& x, const Vector<Real>& radial,
                                                Execution& execution) const;
    void add_attention(const Tokens<Real>& x, Execution& execution);
    void add_noise(const Tokens<Real>& x, Index layer, Execution& execution);
    void retract(Index layer, Execution& execution);

    System<Real> system_;
    Step step_;
    Path path_;
    Tokens<Real> sum_;      // the tokens before retraction, and while it lasts after it
    Tokens<Real> reached_;  // the tokens after the last retraction
    Tokens<Real> drift_;
    std::optional<Derivatives<Real>> derivatives_;
    bool moved_ = false;
    bool fell_back_ = false;
};

}  // namespace noisync
