#include "noise/features.hpp"

namespace noisync {

namespace {

constexpr PerceptronStreams kStreams{Purpose::feature_input_weights, Purpose::feature_input_bias,
                                     Purpose::feature_output_weights, Purpose::feature_output_bias};

// One basis for all layers, so that the output weights of a span are summed first.
template <class Real>
class FeatureField final : public NoiseField<Real> {
   public:
    explicit FeatureField(const Features& features) : network_(features, kStreams) {}

    void add(const Tokens<Real>& y, const Vector<Real>& /*weights*/, const LayerKey& key,
             Real scale, Tokens<Real>& out, Derivatives<Real>* derivatives,
             Execution& execution) override {
        network_.add(y, key, 0, scale, out, derivatives, execution);
    }

   private:
    Perceptron<Real> network_;
};

}  // namespace

SharedNoiseLaw noise_law(const Features& features) {
    return law_of<FeatureField>(features);
}

}  // namespace noisync
