#include "noise/mlp.hpp"

namespace noisync {

namespace {

constexpr PerceptronStreams kStreams{Purpose::mlp_input_weights, Purpose::mlp_input_bias,
                                     Purpose::mlp_output_weights, Purpose::mlp_output_bias};

// A span of layers is as many networks.
template <class Real>
class MlpField final : public NoiseField<Real> {
   public:
    explicit MlpField(const Mlp& mlp) : network_(mlp, kStreams) {}

    void add(const Tokens<Real>& y, const Vector<Real>& /*weights*/, const LayerKey& key,
             Real scale, Tokens<Real>& out, Derivatives<Real>* derivatives,
             Execution& execution) override {
        for (std::uint32_t k = 0; k < key.count; ++k) {
            const std::uint32_t layer = key.layer + k;
            network_.add(y, {key.seed, key.replicate, layer, 1, key.part}, layer, scale, out,
                         derivatives, execution);
        }
    }

   private:
    Perceptron<Real> network_;
};

}  // namespace

SharedNoiseLaw noise_law(const Mlp& mlp) {
    return law_of<MlpField>(mlp);
}

}  // namespace noisync
