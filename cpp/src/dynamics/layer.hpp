// One layer of thickness D, by one of three schemes; with the normalisation after the sum,
//
//     layer        Y = LN(X + D Attn_X(X)),  X' = LN(Y + sqrt(D) G(Y))         the transformer
//     euler        X' = LN(X + D Attn_X(X) + sqrt(D) G(X))                      one step
//     rk4          four stages of x' = P_x Attn_X(x), without noise             order 4
//
// and elsewhere as layer_norm.hpp says, the noise of pre being added to y as the attention is.
#pragma once

#include <cstdint>
#include <optional>
#include <stdexcept>

#include "attention/law.hpp"
#include "attention/of_ranks.hpp"
#include "base/execution.hpp"
#include "base/types.hpp"
#include "dynamics/layer_norm.hpp"
#include "dynamics/state.hpp"
#include "noise/law.hpp"

namespace noisync {

// A token that a layer sent to NaN, infinity or a vector without direction: zero, or what is left
// by roundings of a sum that cancels. The state before that layer stands.
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

// What moves the tokens. `attention` and `noise` may be null; rk4 is for systems without noise, as
// is any normalisation but post and pre. Tangents are those of post.
template <class Real>
struct System {
    const Vector<Real>& weights;
    Attention<Real>* attention = nullptr;
    NoiseField<Real>* noise = nullptr;
    Scheme scheme = Scheme::layer;
    LayerNorm norm = {};
};

// Carries states through layers, one at a time. Holds scratch memory: one object per running
// simulation.
template <class Real>
class Layer {
   public:
    Layer(const System<Real>& system, const Step& step, const Path& path)
        : system_(system), attention_(system.attention), step_(step), path_(path) {}

    // To the next layer; an exception leaves the state as it was.
    void apply(State<Real>& state, Execution& execution);

   private:
    void half_steps(const State<Real>& state, Execution& execution);
    void single_step(const State<Real>& state, Execution& execution);
    void rk4(const State<Real>& state, Execution& execution);
    [[nodiscard]] bool moves_norms() const;
    void begin(const Tokens<Real>& x, const Vector<Real>& norms);
    void evaluate_attention(const Tokens<Real>& x, double time, Execution& execution);
    void take_directions(Execution& execution);
    void differentiate_attention(const Tokens<Real>& x, Matrix<Real>& slopes, Execution& execution);
    void make_tangential(const Tokens<Real>& x, const Vector<Real>& radial,
                         const Derivatives<Real>& at, Matrix<Real>& slope) const;
    void add_attention(const Tokens<Real>& x, Execution& execution);
    void add_noise(const Tokens<Real>& x, Execution& execution);
    void retract(Execution& execution);

    System<Real> system_;
    AttentionOfRanks<Real> attention_;  // that of the system
    Step step_;
    Path path_;
    Index layer_ = 0;
    Placement placement_ = Placement::post;  // in this layer
    Tokens<Real> sum_;      // the tokens before retraction, and while it lasts after it
    Vector<Real> sizes_;    // of its rows: the sums of the norms of what was added up
    Tokens<Real> reached_;  // the tokens after the last retraction
    Vector<Real> norms_;    // their norms before it
    Tokens<Real> drift_;
    std::optional<Derivatives<Real>> derivatives_;
    bool moved_ = false;
    bool fell_back_ = false;
};

}  // namespace noisync
