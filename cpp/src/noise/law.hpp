// Noise: the random part of a layer. A field common to all tokens, or, for contrast, a vector for
// each.
#pragma once

#include <memory>
#include <type_traits>
#include <utility>

#include "noise/field.hpp"

namespace noisync {

// The law of a noise, whatever the tokens and the arithmetic.
class NoiseLaw {
   public:
    NoiseLaw() = default;
    NoiseLaw(const NoiseLaw&) = delete;
    NoiseLaw& operator=(const NoiseLaw&) = delete;
    virtual ~NoiseLaw() = default;

    // Throws std::invalid_argument if it is not for tokens of dimension `dim`.
    virtual void require_dim(Index /*dim*/) const {}

    template <class Real>
    [[nodiscard]] std::unique_ptr<NoiseField<Real>> field() const {
        if constexpr (std::is_same_v<Real, float>) {
            return float_field();
        } else {
            return double_field();
        }
    }

   private:
    [[nodiscard]] virtual std::unique_ptr<NoiseField<float>> float_field() const = 0;
    [[nodiscard]] virtual std::unique_ptr<NoiseField<double>> double_field() const = 0;
};

using SharedNoiseLaw = std::shared_ptr<const NoiseLaw>;

// The law whose fields are Field<Real>(parameters).
template <template <class> class Field, class Parameters>
class LawOf : public NoiseLaw {
   public:
    explicit LawOf(Parameters parameters) : parameters_(std::move(parameters)) {}

   protected:
    [[nodiscard]] const Parameters& parameters() const { return parameters_; }

   private:
    [[nodiscard]] std::unique_ptr<NoiseField<float>> float_field() const override {
        return std::make_unique<Field<float>>(parameters_);
    }
    [[nodiscard]] std::unique_ptr<NoiseField<double>> double_field() const override {
        return std::make_unique<Field<double>>(parameters_);
    }

    Parameters parameters_;
};

template <template <class> class Field, class Parameters>
SharedNoiseLaw law_of(const Parameters& parameters) {
    return std::make_shared<const LawOf<Field, Parameters>>(parameters);
}

}  // namespace noisync
