#include "measure/clusters.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace noisync {

std::vector<std::int64_t> clusters(const Tokens<double>& x, double angle) {
    const double half = std::sin(std::min(angle, 3.15) / 2);
    const double reach = angle >= 3.15 ? 5.0 : 4 * half * half;  // of |x - y|^2
    const auto n = std::size_t(x.rows());
    std::vector<Index> order(n);  // [0, done) were visited, [done, found) are known, the rest not
    std::iota(order.begin(), order.end(), Index{0});
    std::vector<std::size_t> ends;
    std::size_t found = 0;
    for (std::size_t done = 0; done < n; ++done) {
        if (done == found) {
            // The next cluster begins with the first token that is left.
            std::iter_swap(order.begin() + Index(found),
                           std::min_element(order.begin() + Index(found), order.end()));
            ++found;
            ends.push_back(done);
        }
        const auto here = x.row(order[done]);
        for (std::size_t k = found; k < n; ++k) {
            if ((x.row(order[k]) - here).squaredNorm() <= reach) {
                std::swap(order[k], order[found++]);
            }
        }
    }
    ends.push_back(n);
    std::vector<std::size_t> ranks(ends.size() - 1);
    std::iota(ranks.begin(), ranks.end(), std::size_t{0});
    std::ranges::sort(ranks, [&](std::size_t a, std::size_t b) {
        const std::size_t size_a = ends[a + 1] - ends[a];
        const std::size_t size_b = ends[b + 1] - ends[b];
        return size_a != size_b ? size_a > size_b : a < b;
    });
    std::vector<std::int64_t> labels(n);
    for (std::size_t rank = 0; rank < ranks.size(); ++rank) {
        for (std::size_t k = ends[ranks[rank]]; k < ends[ranks[rank] + 1]; ++k) {
            labels[std::size_t(order[k])] = std::int64_t(rank);
        }
    }
    return labels;
}

SharedMeasure cluster_measure(double angle) {
    return made_of(2, {}, [angle](const Snapshot& snapshot, double* out, Execution&) {
        // Test tokens, of weight 0, link nothing.
        std::vector<Index> seen;
        for (Index i = 0; i < snapshot.weights.size(); ++i) {
            if (snapshot.weights(i) > 0) {
                seen.push_back(i);
            }
        }
        const auto labels = clusters(snapshot.tokens(seen, Eigen::all), angle);
        std::vector<double> masses(std::size_t(std::ranges::max(labels)) + 1, 0.0);
        for (std::size_t k = 0; k < seen.size(); ++k) {
            masses[std::size_t(labels[k])] += snapshot.weights(seen[k]);
        }
        out[0] = double(masses.size());
        out[1] = std::ranges::max(masses);
    });
}

}  // namespace noisync
