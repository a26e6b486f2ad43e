// Noise of each token's own: nothing that tokens share.
#include "noisync/noise.hpp"
#include "noisync/pairs.hpp"
#include "samplers.hpp"

namespace noisync {

namespace {

template <class Real>
class IndependentValues final : public NoiseField<Real> {
   public:
    explicit IndependentValues(const IndependentNoise& config) : scale_(Real(config.scale)) {}

    // Its derivative is zero.
    void add(const Tokens<Real>& y, const Vector<Real>& /*weights*/, const LayerKey& key,
             Real scale, Tokens<Real>& out, Derivatives<Real>* /*derivatives*/,
             Execution& execution) override {
        const Index d = y.cols();
        const Blocks blocks{y.rows(), 256};
        execution.for_each(blocks.count(), [&](Index block, int) {
            const Index first = blocks.begin(block);
            add_normals(key, Purpose::independent_values, std::uint64_t(first * d),
                        blocks.length(block) * d, scale * scale_, out.row(first).data());
        });
    }

   private:
    Real scale_;
};

}  // namespace

template <class Real>
std::unique_ptr<NoiseField<Real>> make_independent(const IndependentNoise& config) {
    return std::make_unique<IndependentValues<Real>>(config);
}

template std::unique_ptr<NoiseField<float>> make_independent<float>(const IndependentNoise&);
template std::unique_ptr<NoiseField<double>> make_independent<double>(const IndependentNoise&);

}  // namespace noisync
