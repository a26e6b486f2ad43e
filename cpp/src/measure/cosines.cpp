#include "measure/cosines.hpp"

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "base/pairs.hpp"

namespace noisync {

std::vector<std::int64_t> cosine_histogram(const Tokens<double>& x, Index bins,
                                           Execution& execution) {
    const Blocks blocks{x.rows(), pair_block_size(x.rows())};
    std::vector<Matrix<double>> cosines(execution.threads());
    std::vector<std::vector<std::int64_t>> counts(execution.threads(),
                                                  std::vector<std::int64_t>(bins, 0));
    for_each_block_pair(blocks, execution, [&](Index i, Index j, int worker) {
        Matrix<double>& tile = cosines[worker];
        tile.resize(blocks.length(i), blocks.length(j));
        tile.noalias() = x.middleRows(blocks.begin(i), tile.rows()) *
                         x.middleRows(blocks.begin(j), tile.cols()).transpose();
        for (Index a = 0; a < tile.rows(); ++a) {
            for (Index b = i == j ? a + 1 : 0; b < tile.cols(); ++b) {
                const auto bin = Index(std::floor((tile(a, b) + 1.0) / 2.0 * double(bins)));
                ++counts[worker][std::clamp<Index>(bin, 0, bins - 1)];
            }
        }
    });
    std::vector<std::int64_t> total(bins, 0);
    for (const auto& part : counts) {  // integers: any order gives the same sum
        for (Index b = 0; b < bins; ++b) {
            total[b] += part[b];
        }
    }
    return total;
}

SharedMeasure cosine_measure(Index bins) {
    if (bins < 1) {
        throw std::invalid_argument("bins must be positive");
    }
    return made_of(bins, {}, [bins](const Snapshot& snapshot, double* out, Execution& execution) {
        std::ranges::copy(cosine_histogram(snapshot.tokens, bins, execution), out);
    });
}

}  // namespace noisync
