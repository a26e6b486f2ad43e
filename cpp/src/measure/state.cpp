#include "measure/state.hpp"

#include <algorithm>
#include <limits>
#include <stdexcept>

namespace noisync {

SharedMeasure token_measure(Index tokens, Index dim) {
    return made_of(tokens * dim, {.tokens = tokens, .dim = dim},
                   [](const Snapshot& snapshot, double* out, Execution&) {
                       std::copy_n(snapshot.tokens.data(), snapshot.tokens.size(), out);
                   });
}

SharedMeasure norm_measure(Index tokens) {
    return made_of(tokens, {.tokens = tokens, .norms = true},
                   [](const Snapshot& snapshot, double* out, Execution&) {
                       std::copy_n(snapshot.norms->data(), snapshot.norms->size(), out);
                   });
}

SharedMeasure growth_measure(Index tangents) {
    if (tangents < 1) {
        throw std::invalid_argument("the growth is of one tangent vector at least");
    }
    return made_of(tangents, {.tangents = tangents},
                   [](const Snapshot& snapshot, double* out, Execution&) {
                       std::copy_n(snapshot.growth->data(), snapshot.growth->size(), out);
                   });
}

SharedMeasure jacobian_measure(Index tokens, Index dim) {
    const Index tangents = tokens * (dim - 1);
    return made_of(tokens + 1, {.dim = dim, .tangents = tangents},
                   [tokens, dim](const Snapshot& snapshot, double* out, Execution&) {
                       const TokensView<double> growth(snapshot.growth->data(), tokens, dim - 1);
                       Eigen::Map<Vector<double>>(out, tokens) = growth.rowwise().sum();
                       out[tokens] = snapshot.least_jacobian.value_or(
                           std::numeric_limits<double>::quiet_NaN());
                   });
}

}  // namespace noisync
