// Many runs of one model: the engine.
#pragma once

#include <optional>
#include <vector>

#include "attention/law.hpp"
#include "base/execution.hpp"
#include "base/types.hpp"
#include "dynamics/layer.hpp"
#include "dynamics/recording.hpp"
#include "noise/law.hpp"

namespace noisync {

// The states of runs, in arrays that the caller owns: what the runs start from, and, however they
// end, where each of them stands.
template <class Real>
struct States {
    Index runs = 0;
    Index count = 0;     // N
    Index dim = 0;       // d
    Index tangents = 0;  // the number of tangent vectors that each run carries

    Real* tokens = nullptr;                   // (runs, N, d)
    Real* vectors = nullptr;                  // (runs, tangents, d)
    double* growth = nullptr;                 // (runs, tangents)
    double* least_jacobian = nullptr;         // (runs,), or null: not asked for
    Index* layers = nullptr;                  // (runs,)
    Index* layers_summed_directly = nullptr;  // (runs,)
    // The last layer that was recorded, (runs,); -1: none, and tangent vectors are still to be
    // drawn.
    Index* seen = nullptr;
    Real* norms = nullptr;  // (runs, N), or null: the normalisation keeps none
};

// All that runs of one model share.
struct Dynamics {
    std::optional<SummedAttention> attention;
    SharedNoiseLaw noise;
    Scheme scheme = Scheme::layer;
    Step step;
    Path path;                 // of the first run; those after it have the replicates after its own
    bool shares_path = false;  // all runs have that path
    // The tokens that carry tangent vectors, equally many each.
    Index tangent_token = 0;
    Index tangent_tokens = 1;
    Vector<double> weights;
    LayerNorm norm = {};
};

// Throws std::invalid_argument where the parts do not fit the states; with ranks, those of one.
template <class Real>
void require(const Dynamics& dynamics, const States<Real>& states, const Recording<Real>& recording,
             const Ranks* ranks = nullptr);

// The run that a LeftSphere ended.
class RunLeftSphere : public LeftSphere {
   public:
    RunLeftSphere(const LeftSphere& lost, Index run) : LeftSphere(lost), run_(run) {}
    [[nodiscard]] Index run() const { return run_; }

   private:
    Index run_;
};

// The run whose attention did not converge, and the layer that could not be completed or observed.
class RunNotConverged : public NotConverged {
   public:
    RunNotConverged(const NotConverged& error, Index run, Index layer)
        : NotConverged(error), run_(run), layer_(layer) {}
    [[nodiscard]] Index run() const { return run_; }
    [[nodiscard]] Index layer() const { return layer_; }

   private:
    Index run_;
    Index layer_;
};

// Carries every run from its state to layer `last`: one after the other, the threads sharing each
// layer, or side by side, a thread for each.
//
// An exception stops all: RunLeftSphere, RunNotConverged, Interrupted, or whatever a call of the
// recording threw.
template <class Real>
void advance(const Dynamics& dynamics, const States<Real>& states, Index last,
             const Recording<Real>& recording, bool side_by_side, Execution& execution);

}  // namespace noisync
