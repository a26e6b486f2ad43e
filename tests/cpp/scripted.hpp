// Parts of a run that do as a test says, and stops at a layer that it names, whatever the time.
#pragma once

#include <functional>
#include <memory>
#include <stdexcept>
#include <utility>

#include "attention/law.hpp"
#include "base/execution.hpp"
#include "noise/law.hpp"

namespace reference {

using noisync::Attention;
using noisync::Derivatives;
using noisync::Execution;
using noisync::Index;
using noisync::LayerKey;
using noisync::Matrix;
using noisync::NoiseField;
using noisync::Tokens;
using noisync::Vector;

// Works until the execution is stopped. A watch is asked every few hundredths of a second, so that
// the rounds are by far enough; they end for tests that fail.
inline void work_until_interrupted(Execution& execution) {
    constexpr Index kRounds = 1'000'000'000;
    for (Index round = 0; round < kRounds; ++round) {
        execution.for_each(1, [](Index, int) {});
    }
    throw std::logic_error("nobody interrupted the work");
}

// Stops the work from a number of layers on, all runs together.
class StopAtLayer final : public noisync::Watch {
   public:
    explicit StopAtLayer(Index layer) : layer_(layer) {}
    bool poll(Index layers) override { return layers >= layer_; }

   private:
    Index layer_;
};

// What happens in call 1, 2, 3, ... of a part, after it has written `out`.
template <class Real>
using Script = std::function<void(Index call, Tokens<Real>& out, Execution& execution)>;

// The attention `inner`, or none, and then the script.
template <class Real>
class ScriptedAttention final : public Attention<Real> {
   public:
    explicit ScriptedAttention(Script<Real> script,
                               std::unique_ptr<Attention<Real>> inner = nullptr)
        : script_(std::move(script)), inner_(std::move(inner)) {}

    void evaluate(const Tokens<Real>& x, const Vector<Real>& weights, Tokens<Real>& out,
                  Execution& execution) override {
        out.setZero(x.rows(), x.cols());
        if (inner_) {
            inner_->evaluate(x, weights, out, execution);
        }
        script_(++calls, out, execution);
    }

    void differentiate(const Tokens<Real>& x, const Vector<Real>& weights, Index token,
                       const Matrix<Real>& along, Matrix<Real>& out) const override {
        out.setZero(along.rows(), along.cols());
        if (inner_) {
            inner_->differentiate(x, weights, token, along, out);
        }
    }

    [[nodiscard]] bool fell_back() const override { return falls_back; }

    Index calls = 0;
    bool falls_back = false;

   private:
    Script<Real> script_;
    std::unique_ptr<Attention<Real>> inner_;
};

// The noise `inner` and then the script.
template <class Real>
class ScriptedNoise final : public NoiseField<Real> {
   public:
    ScriptedNoise(Script<Real> script, std::unique_ptr<NoiseField<Real>> inner)
        : script_(std::move(script)), inner_(std::move(inner)) {}

    void add(const Tokens<Real>& y, const Vector<Real>& weights, const LayerKey& key, Real scale,
             Tokens<Real>& out, Derivatives<Real>* derivatives, Execution& execution) override {
        inner_->add(y, weights, key, scale, out, derivatives, execution);
        script_(++calls, out, execution);
    }

    Index calls = 0;

   private:
    Script<Real> script_;
    std::unique_ptr<NoiseField<Real>> inner_;
};

}  // namespace reference
