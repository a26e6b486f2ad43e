#include "noise/independent.hpp"

#include <algorithm>

#include "base/pairs.hpp"

namespace noisync {

namespace {

template <class Real>
class IndependentValues final : public NoiseField<Real> {
   public:
    explicit IndependentValues(const IndependentNoise& noise) : scale_(Real(noise.scale)) {}

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

class IndependentPairs final : public PairNoise {
   public:
    explicit IndependentPairs(const IndependentNoise& noise)
        : variance_(noise.scale * noise.scale) {}

    // k = e, but for a token and itself, whose sum of both is zero: G_beta at gap 0 is taken back.
    [[nodiscard]] TileNoise prepare(const PackedTokens& packed, const Tokens<double>& /*x*/,
                                    const Vector<double>& /*weights*/, double beta,
                                    Execution& /*execution*/) const override {
        return [&packed, beta, variance = variance_](const GapTile& tile, int) {
            using simd::kPanel;
            const auto k = simd::broadcast(variance);
            const double sum =
                sum_over(tile, packed.weights, beta, [&](simd::Vec<double> gap, Index, int) {
                    return generator_of(gap, k, k, double(packed.dim), beta);
                });
            const Index first = std::max(tile.row, tile.first);
            const Index last = std::min(tile.row + kPanel<double>, tile.first + tile.columns);
            if (first >= last) {
                return sum;
            }
            const auto own = packed.weights.segment(first, last - first);
            return sum + variance * double(packed.dim - 1) * own.squaredNorm();
        };
    }

   private:
    double variance_;
};

}  // namespace

SharedNoiseLaw noise_law(const IndependentNoise& noise) {
    return law_of<IndependentValues>(noise);
}

SharedPairNoise pair_noise(const IndependentNoise& noise) {
    return std::make_shared<const IndependentPairs>(noise);
}

}  // namespace noisync
