#include "noise/kernel_pairs.hpp"

#include <numbers>
#include <stdexcept>
#include <utility>

#include "simd/chebyshev.hpp"
#include "simd/special.hpp"

namespace noisync {

namespace {

class KernelPairs final : public PairNoise {
   public:
    explicit KernelPairs(std::vector<double> series) : series_(std::move(series)) {}

    [[nodiscard]] TileNoise prepare(const PackedTokens& packed, const Tokens<double>& /*x*/,
                                    const Vector<double>& /*weights*/, double beta,
                                    Execution& /*execution*/) const override {
        return [this, &packed, beta](const GapTile& tile, int) {
            return sum_over(tile, packed.weights, beta, [&](simd::Vec<double> gap, Index, int) {
                const auto s = (4 / std::numbers::pi) * simd::arcsine_of_root(0.5 * gap) - 1.0;
                return gap * simd::chebyshev(series_, s);
            });
        };
    }

   private:
    std::vector<double> series_;
};

}  // namespace

SharedPairNoise kernel_pair_noise(std::vector<double> series) {
    if (series.empty()) {
        throw std::invalid_argument("a series needs at least one coefficient");
    }
    return std::make_shared<const KernelPairs>(std::move(series));
}

}  // namespace noisync
