// Runs of every kind: schemes, with and without attention, noise and tangents, spans of the path.
#pragma once

#include <limits>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "attention/exponential.hpp"
#include "noise/mlp.hpp"
#include "scripted.hpp"
#include "states.hpp"

namespace reference {

using noisync::Scheme;

struct Case {
    Scheme scheme = Scheme::layer;
    bool with_attention = true;
    bool with_noise = true;
    Index span = 1;
    Index tangents = 0;
};

inline std::string name(const Case& setting) {
    return "scheme " + std::to_string(int(setting.scheme)) +
           (setting.with_attention ? ", attention" : "") + (setting.with_noise ? ", noise" : "") +
           ", span " + std::to_string(setting.span) + ", tangents " +
           std::to_string(setting.tangents);
}

inline std::vector<Case> cases() {
    std::vector<Case> all;
    for (const bool with_attention : {true, false}) {
        for (const Scheme scheme : {Scheme::layer, Scheme::euler}) {
            for (const Index tangents : {0, 2}) {
                for (const Index span : {1, 3}) {
                    all.push_back({scheme, with_attention, true, span, tangents});
                }
                all.push_back({scheme, with_attention, false, 1, tangents});
            }
        }
        all.push_back({Scheme::rk4, with_attention, false, 1, 0});
    }
    return all;
}

constexpr Path kPath{0x2468ace013579bdfU, 6};
constexpr Index kRows = 9;
constexpr Index kDim = 4;
constexpr Index kTangentToken = 2;

constexpr Step step_of(const Case& setting) {
    return {0.15, setting.span};
}

inline noisync::ExponentialAttention attention_config() {
    noisync::ExponentialAttention config;
    config.beta = 2.0;
    config.value = random_matrix(kDim, kDim, 301);
    return config;
}

inline noisync::Mlp noise_config() {
    return noisync::Mlp{noisync::Activation::tanh, 40, 0.5, 0.25};
}

// A run at layer 0.
template <class Real>
Run<Real> started(const Case& setting) {
    Run<Real> run{first_state(random_tokens<Real>(kRows, kDim, 302))};
    if (setting.tangents > 0) {
        run.state.tangents = noisync::start_tangents(run.state.tokens, kTangentToken, 1,
                                                     setting.tangents, kPath.seed, kPath.replicate);
    }
    return run;
}

// How a part fails: by an exception, by sending the token kTangentToken to NaN, or by an
// interruption.
enum class Failure { exception, lost_token, interruption };

// What moves the tokens of a case. The attention says that it falls back. Either part may be told
// to fail.
template <class Real>
class Parts {
   public:
    explicit Parts(const Case& setting)
        : weights(random_weights<Real>(kRows, false, 303)), scheme_(setting.scheme) {
        const auto script = [this](bool noise) -> Script<Real> {
            return [this, noise](Index, Tokens<Real>& out, Execution& execution) {
                if (noise == noise_fails_ && calls_left_ > 0 && --calls_left_ == 0) {
                    strike(out, execution);
                }
            };
        };
        if (setting.with_attention) {
            attention_ = std::make_unique<ScriptedAttention<Real>>(
                script(false), noisync::attention_law(attention_config())->evaluator<Real>({}));
            attention_->falls_back = true;
        }
        if (setting.with_noise) {
            noise_ = std::make_unique<ScriptedNoise<Real>>(
                script(true), noisync::noise_law(noise_config())->field<Real>());
        }
    }

    Parts(const Parts&) = delete;
    Parts& operator=(const Parts&) = delete;

    // The noise, or the attention, fails in the `calls`-th call from now on; 0: not any more.
    void fail(Failure failure, bool noise, Index calls) {
        failure_ = failure;
        noise_fails_ = noise;
        calls_left_ = calls;
    }

    [[nodiscard]] System<Real> system() const {
        return {weights, attention_.get(), noise_.get(), scheme_};
    }

    const Vector<Real> weights;

   private:
    void strike(Tokens<Real>& out, Execution& execution) const {
        switch (failure_) {
            case Failure::exception:
                throw std::domain_error("script");
            case Failure::lost_token:
                out(kTangentToken, 1) = std::numeric_limits<Real>::quiet_NaN();
                break;
            case Failure::interruption:
                work_until_interrupted(execution);
                break;
        }
    }

    Scheme scheme_;
    std::unique_ptr<ScriptedAttention<Real>> attention_;
    std::unique_ptr<ScriptedNoise<Real>> noise_;
    Failure failure_ = Failure::exception;
    bool noise_fails_ = false;
    Index calls_left_ = 0;
};

}  // namespace reference
