#include "dynamics/ensemble.hpp"

#include <algorithm>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>

#include "dynamics/advance.hpp"

namespace noisync {

namespace {

// Attention and noise with their scratch memory, used for one run after another.
template <class Real>
struct Parts {
    std::unique_ptr<Attention<Real>> attention;
    std::unique_ptr<NoiseField<Real>> noise;
};

template <class Real>
class Runs {
   public:
    Runs(const Dynamics& dynamics, const States<Real>& states, Index last,
         const Recording<Real>& recording)
        : dynamics_(dynamics),
          states_(states),
          last_(last),
          recording_(recording),
          weights_(dynamics.weights.cast<Real>()) {}

    void run(Index index, Parts<Real>& parts, Execution& execution) const {
        if (dynamics_.attention && !parts.attention) {
            parts.attention = dynamics_.attention->evaluator<Real>();
        }
        if (dynamics_.noise && !parts.noise) {
            parts.noise = dynamics_.noise->field<Real>();
        }
        Path path = dynamics_.path;
        path.replicate += dynamics_.shares_path ? 0 : std::uint32_t(index);
        Layer<Real> layer(
            {weights_, parts.attention.get(), parts.noise.get(), dynamics_.scheme, dynamics_.norm},
            dynamics_.step, path);
        State<Real> state = load(index, path, execution.ranks());
        const auto see = [&](const State<Real>& reached) {
            recording_.see(index, reached, dynamics_.weights, execution);
        };
        try {
            advance(state, last_, layer, states_.seen[index], execution, see);
        } catch (const LeftSphere& lost) {
            store(index, state);
            throw RunLeftSphere(lost, index);
        } catch (const NotConverged& error) {
            store(index, state);
            const bool observed = states_.seen[index] < state.layer;
            throw RunNotConverged(error, index, observed ? state.layer : state.layer + 1);
        } catch (...) {
            store(index, state);
            throw;
        }
        store(index, state);
    }

   private:
    [[nodiscard]] State<Real> load(Index index, const Path& path, const Ranks* ranks) const {
        const auto& [runs, n, d, k, tokens, vectors, growth, least, layers, direct, seen, norms] =
            states_;
        State<Real> state;
        state.layer = layers[index];
        state.layers_summed_directly = direct[index];
        state.tokens = TokensView<Real>(tokens + index * n * d, n, d);
        if (norms != nullptr) {
            state.norms = Eigen::Map<const Vector<Real>>(norms + index * n, n);
        }
        if (k > 0 && seen[index] < 0) {
            const Index count = dynamics_.tangent_tokens;
            const Index number = ranks == nullptr ? 0 : ranks->first_tangent();
            state.tangents = start_tangents(state.tokens, dynamics_.tangent_token, count, k / count,
                                            path.seed, path.replicate, number);
        } else if (k > 0) {
            state.tangents = Tangents<Real>{dynamics_.tangent_token,
                                            dynamics_.tangent_tokens,
                                            TokensView<Real>(vectors + index * k * d, k, d),
                                            Eigen::Map<Vector<double>>(growth + index * k, k),
                                            {}};
        }
        if (least != nullptr && state.tangents) {
            state.tangents->least_jacobian = least[index];
        }
        return state;
    }

    void store(Index index, const State<Real>& state) const {
        states_.layers[index] = state.layer;
        states_.layers_summed_directly[index] = state.layers_summed_directly;
        std::copy_n(state.tokens.data(), state.tokens.size(),
                    states_.tokens + index * state.tokens.size());
        if (states_.norms != nullptr) {
            std::copy_n(state.norms.data(), states_.count, states_.norms + index * states_.count);
        }
        if (state.tangents) {
            const auto& [first, count, vectors, growth, least] = *state.tangents;
            std::copy_n(vectors.data(), vectors.size(), states_.vectors + index * vectors.size());
            std::copy_n(growth.data(), growth.size(), states_.growth + index * growth.size());
            if (least) {
                states_.least_jacobian[index] = *least;
            }
        }
    }

    const Dynamics& dynamics_;
    const States<Real>& states_;
    Index last_;
    const Recording<Real>& recording_;
    Vector<Real> weights_;
};

void require(bool condition, const std::string& rule) {
    if (!condition) {
        throw std::invalid_argument(rule);
    }
}

}  // namespace

template <class Real>
void require(const Dynamics& dynamics, const States<Real>& states, const Recording<Real>& recording,
             const Ranks* ranks) {
    require(states.count >= 1 && states.dim >= 2, "tokens must have shape (runs, n, dim >= 2)");
    if (dynamics.attention) {
        dynamics.attention->law->require_dim(states.dim);
    }
    if (dynamics.noise) {
        dynamics.noise->require_dim(states.dim);
    }
    require(dynamics.weights.size() == states.count,
            "weights must have shape (" + std::to_string(states.count) + ",)");
    require(dynamics.step.span >= 1, "span must be positive");
    const auto [first, count] = std::pair(dynamics.tangent_token, dynamics.tangent_tokens);
    const bool follows = first >= 0 && count >= 1 && first < states.count &&
                         count <= states.count - first && states.tangents % count == 0 &&
                         states.tangents / count < states.dim;
    require(states.tangents == 0 || follows,
            "tangent_token must be below " + std::to_string(states.count) + ", tangents at most " +
                std::to_string(states.dim - 1) + " at each of as many tokens from there on");
    require(states.least_jacobian == nullptr || states.tangents == count * (states.dim - 1),
            "least_jacobian needs dim - 1 tangents at each token");
    require(dynamics.norm.keeps_norms() == (states.norms != nullptr),
            "norms are part of the states under pre, mix and peri, and under no other");
    require(!dynamics.noise || dynamics.norm.takes_noise(), "noise is for post and pre");
    require(states.tangents == 0 || dynamics.norm.placement == Placement::post,
            "tangents are for post");
    const Index tangents = ranks == nullptr ? states.tangents : ranks->tangents();
    recording.require({states.count, states.dim, tangents, states.norms != nullptr});
}

template <class Real>
void advance(const Dynamics& dynamics, const States<Real>& states, Index last,
             const Recording<Real>& recording, bool side_by_side, Execution& execution) {
    const Runs<Real> runs(dynamics, states, last, recording);
    if (side_by_side) {
        std::vector<Parts<Real>> parts(std::size_t(execution.threads()));
        execution.side_by_side(states.runs, [&](Index index, int worker, Execution& alone) {
            runs.run(index, parts[std::size_t(worker)], alone);
        });
        return;
    }
    Parts<Real> parts;
    for (Index index = 0; index < states.runs; ++index) {
        runs.run(index, parts, execution);
    }
}

template void require(const Dynamics&, const States<float>&, const Recording<float>&, const Ranks*);
template void require(const Dynamics&, const States<double>&, const Recording<double>&,
                      const Ranks*);
template void advance(const Dynamics&, const States<float>&, Index, const Recording<float>&, bool,
                      Execution&);
template void advance(const Dynamics&, const States<double>&, Index, const Recording<double>&, bool,
                      Execution&);

}  // namespace noisync
