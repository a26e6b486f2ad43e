#include "measure/state.hpp"

#include <algorithm>

namespace noisync {

SharedMeasure token_measure(Index tokens, Index dim) {
    return made_of(tokens * dim, {.tokens = tokens, .dim = dim},
                   [](const Snapshot& snapshot, double* out, Execution&) {
                       std::copy_n(snapshot.tokens.data(), snapshot.tokens.size(), out);
                   });
}

SharedMeasure growth_measure(Index tangents) {
    return made_of(tangents, {.tangents = tangents},
                   [](const Snapshot& snapshot, double* out, Execution&) {
                       std::copy_n(snapshot.growth->data(), snapshot.growth->size(), out);
                   });
}

}  // namespace noisync
