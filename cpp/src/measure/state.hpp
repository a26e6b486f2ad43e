// What a state holds, as measures.
#pragma once

#include "measure/measure.hpp"

namespace noisync {

// The coordinates of the tokens.
SharedMeasure token_measure(Index tokens, Index dim);

// The growth of the tangent vectors that the run carries.
SharedMeasure growth_measure(Index tangents);

}  // namespace noisync
