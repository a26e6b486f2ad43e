// What noise does to the cosine u of a pair of tokens, the part of it that changes the energy: its
// generator G_beta = G_0 + beta G_1. For noise whose covariance between tokens i and j is k_ij I,
// k = (k_ii + k_jj) / 2,
//
//     G_0 = k_ij (d - 2 + u^2) - k (d - 1) u,    G_1 = (1 - u^2)(k - u k_ij).
//
// From differences of tokens, so that it keeps its digits as they merge: with the gap g = 1 - u and
// e = k - k_ij,
//
//     G_0 = k g (d - 2 - u) - e (d - 2 + u^2),   G_1 = g (1 + u)(k g + u e).
#pragma once

#include <functional>
#include <memory>

#include "base/execution.hpp"
#include "base/types.hpp"
#include "simd/exp.hpp"
#include "simd/gaps.hpp"

namespace noisync {

// The sum over a tile of w_i w_j e^{-beta g} G_beta; called by several threads at once.
using TileNoise = std::function<double(const GapTile& tile, int worker)>;

class PairNoise {
   public:
    PairNoise() = default;
    PairNoise(const PairNoise&) = delete;
    PairNoise& operator=(const PairNoise&) = delete;
    virtual ~PairNoise() = default;

    // Throws std::invalid_argument if it is not for tokens of dimension `dim`.
    virtual void require_dim(Index /*dim*/) const {}

    // For the tokens x, packed, which outlive what is returned, as this object does.
    [[nodiscard]] virtual TileNoise prepare(const PackedTokens& packed, const Tokens<double>& x,
                                            const Vector<double>& weights, double beta,
                                            Execution& execution) const = 0;
};

using SharedPairNoise = std::shared_ptr<const PairNoise>;

// The sum with G(g, column, h), h the vector of the panel.
template <class Generator>
double sum_over(const GapTile& tile, const Vector<double>& weights, double beta,
                Generator&& generator) {
    using simd::kLanes;
    using simd::kPanel;
    simd::Vec<double> sums[simd::kTall] = {};
    for (Index column = 0; column < tile.columns; ++column) {
        for (int h = 0; h < simd::kTall; ++h) {
            const auto gap = simd::load(tile.gaps + column * kPanel<double> + h * kLanes<double>);
            const auto power = simd::expm1<double>(gap * -beta) + 1.0;
            sums[h] += power * generator(gap, column, h) * weights(tile.first + column);
        }
    }
    return weighted_sum(sums, weights.data() + tile.row);
}

// G_beta from the gap, k and e.
inline simd::Vec<double> generator_of(simd::Vec<double> gap, simd::Vec<double> k,
                                      simd::Vec<double> excess, double dim, double beta) {
    const auto u = 1.0 - gap;
    const auto drift = k * gap * (dim - 2.0 - u) - excess * (dim - 2.0 + u * u);
    return drift + beta * gap * (1.0 + u) * (k * gap + u * excess);
}

}  // namespace noisync
