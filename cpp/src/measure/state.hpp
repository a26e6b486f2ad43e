// What a state holds, as measures.
#pragma once

#include "measure/measure.hpp"

namespace noisync {

// The coordinates of the tokens.
SharedMeasure token_measure(Index tokens, Index dim);

// The norms of the tokens.
SharedMeasure norm_measure(Index tokens);

// The growth of the tangent vectors that the run carries.
SharedMeasure growth_measure(Index tangents);

// The growths of the tangent vectors at each of so many tokens, d - 1 at each, added up: log |J|, J
// the Jacobian of the flow. Then the least Jacobian of a layer; NaN where no account is kept.
SharedMeasure jacobian_measure(Index tokens, Index dim);

}  // namespace noisync
