// Runs in arrays, and the same runs one by one.
#pragma once

#include <algorithm>
#include <vector>

#include "attention/exponential.hpp"
#include "dynamics/ensemble.hpp"
#include "measure/budget_measure.hpp"
#include "measure/clusters.hpp"
#include "measure/cosines.hpp"
#include "measure/energy_measure.hpp"
#include "measure/order.hpp"
#include "measure/state.hpp"
#include "noise/mlp.hpp"
#include "states.hpp"

namespace reference {

using noisync::Dynamics;
using noisync::States;

constexpr Index kRuns = 5;
constexpr Index kRows = 10;
constexpr Index kDim = 4;
constexpr Index kLayers = 7;

template <class Real>
struct Ensemble {
    explicit Ensemble(Index tangents, Index runs = kRuns)
        : runs(runs),
          k(tangents),
          tokens(random_tokens<Real>(runs * kRows, kDim, 361)),
          vectors(noisync::Matrix<Real>::Constant(runs * k, kDim, Real(-77))),
          growth(noisync::Vector<double>::Constant(runs * k, -77)),
          layers(std::size_t(runs), 0),
          layers_summed_directly(std::size_t(runs), 0),
          seen(std::size_t(runs), -1) {}

    [[nodiscard]] States<Real> states() {
        return {runs,          kRows,
                kDim,          k,
                tokens.data(), vectors.data(),
                growth.data(), nullptr,
                layers.data(), layers_summed_directly.data(),
                seen.data()};
    }

    [[nodiscard]] noisync::Tokens<Real> tokens_of(Index run) const {
        return tokens.middleRows(run * kRows, kRows);
    }

    // Where a run stands. Its tangent vectors are drawn when it begins.
    [[nodiscard]] Run<Real> run(Index index, const Dynamics& dynamics) const {
        const auto at = std::size_t(index);
        Run<Real> result;
        result.state.layer = layers[at];
        result.state.tokens = tokens_of(index);
        result.state.layers_summed_directly = layers_summed_directly[at];
        result.seen = seen[at];
        if (k > 0 && seen[at] < 0) {
            result.state.tangents = noisync::start_tangents(
                result.state.tokens, dynamics.tangent_token, 1, k, dynamics.path.seed,
                dynamics.path.replicate + (dynamics.shares_path ? 0 : std::uint32_t(index)));
        } else if (k > 0) {
            result.state.tangents = noisync::Tangents<Real>{dynamics.tangent_token,
                                                            1,
                                                            vectors.middleRows(index * k, k),
                                                            growth.segment(index * k, k),
                                                            {}};
        }
        return result;
    }

    Index runs;
    Index k;
    noisync::Tokens<Real> tokens;
    noisync::Matrix<Real> vectors;
    noisync::Vector<double> growth;
    std::vector<Index> layers;
    std::vector<Index> layers_summed_directly;
    std::vector<Index> seen;
};

// Attention and noise; the attention is to be summed by harmonics, and always falls back.
inline Dynamics full_dynamics() {
    noisync::ExponentialAttention attention;
    attention.beta = 2.0;
    attention.value = random_matrix(kDim, kDim, 362);
    return {noisync::SummedAttention{noisync::attention_law(attention), {2.0, {1.0}, 0.0, 0.0}},
            noisync::noise_law(noisync::Mlp{noisync::Activation::tanh, 40, 0.5, 0.25}),
            noisync::Scheme::layer,
            {0.15, 2},
            {0x1212343456567878U, 9},
            false,
            2,
            1,
            random_weights<double>(kRows, false, 363)};
}

// Run `index` alone, from where it stands to layer `last`.
template <class Real>
void carry(Run<Real>& run, Index index, const Dynamics& dynamics, Index last) {
    const noisync::Vector<Real> weights = dynamics.weights.cast<Real>();
    const auto attention =
        dynamics.attention ? dynamics.attention->template evaluator<Real>() : nullptr;
    const auto noise = dynamics.noise ? dynamics.noise->template field<Real>() : nullptr;
    Path path = dynamics.path;
    path.replicate += dynamics.shares_path ? 0 : std::uint32_t(index);
    Execution execution;
    run.advance({weights, attention.get(), noise.get(), dynamics.scheme}, dynamics.step, path, last,
                execution);
}

// Whether every run stands where the same run alone comes to, from where those of `start` stand.
template <class Real>
bool as_alone(const Ensemble<Real>& ensemble, const Ensemble<Real>& start,
              const Dynamics& dynamics) {
    for (Index index = 0; index < ensemble.runs; ++index) {
        Run<Real> alone = start.run(index, dynamics);
        carry(alone, index, dynamics, ensemble.layers[std::size_t(index)]);
        if (!same_bits(ensemble.run(index, dynamics).state, alone.state)) {
            return false;
        }
    }
    return true;
}

}  // namespace reference
