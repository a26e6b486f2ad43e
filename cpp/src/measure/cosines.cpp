#include "measure/cosines.hpp"

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "base/pairs.hpp"

namespace noisync {

namespace {

using Bins = std::vector<std::int64_t>;

// sums[b] <- sum of amount(i, j) over pairs i < j with <x_i, x_j> in bin b. Whole numbers: any
// order gives the same sum.
template <class Amount>
Bins sums_by_cosine(const Tokens<double>& x, Index bins, Execution& execution, Amount&& amount) {
    const Blocks blocks{x.rows(), pair_block_size(x.rows())};
    std::vector<Matrix<double>> cosines(execution.threads());
    std::vector<Bins> sums(execution.threads(), Bins(bins, 0));
    for_each_block_pair(blocks, execution, [&](Index i, Index j, int worker) {
        Matrix<double>& tile = cosines[worker];
        tile.resize(blocks.length(i), blocks.length(j));
        tile.noalias() = x.middleRows(blocks.begin(i), tile.rows()) *
                         x.middleRows(blocks.begin(j), tile.cols()).transpose();
        for (Index a = 0; a < tile.rows(); ++a) {
            for (Index b = i == j ? a + 1 : 0; b < tile.cols(); ++b) {
                const auto bin = Index(std::floor((tile(a, b) + 1.0) / 2.0 * double(bins)));
                sums[worker][std::clamp<Index>(bin, 0, bins - 1)] +=
                    amount(blocks.begin(i) + a, blocks.begin(j) + b);
            }
        }
    });
    Bins total(bins, 0);
    for (const auto& part : sums) {
        for (Index b = 0; b < bins; ++b) {
            total[b] += part[b];
        }
    }
    return total;
}

}  // namespace

std::vector<std::int64_t> cosine_histogram(const Tokens<double>& x, Index bins,
                                           Execution& execution) {
    return sums_by_cosine(x, bins, execution, [](Index, Index) { return 1; });
}

std::vector<double> cosine_masses(const Tokens<double>& x, const Vector<double>& weights,
                                  Index bins, Execution& execution) {
    constexpr double kUnit = 0x1p-63;
    const Vector<double> scaled = weights / kUnit;
    // Of half the masses, those of i < j: at most 2^62 units in all.
    const Bins halves = sums_by_cosine(
        x, bins, execution, [&](Index i, Index j) { return std::llround(scaled(i) * weights(j)); });
    std::vector<double> masses;
    for (const std::int64_t half : halves) {
        masses.push_back(2 * kUnit * double(half));
    }
    masses.back() += weights.squaredNorm();
    return masses;
}

SharedMeasure cosine_measure(Index bins, PairsBy by) {
    if (bins < 1) {
        throw std::invalid_argument("bins must be positive");
    }
    return made_of(bins, {}, [=](const Snapshot& snapshot, double* out, Execution& execution) {
        if (by == PairsBy::mass) {
            std::ranges::copy(cosine_masses(snapshot.tokens, snapshot.weights, bins, execution),
                              out);
        } else {
            std::ranges::copy(cosine_histogram(snapshot.tokens, bins, execution), out);
        }
    });
}

}  // namespace noisync
