// The unit sphere S^{d-1}: the retraction LN(v) = v/|v| that ends every half-step of a layer.
#pragma once

#include "base/execution.hpp"
#include "base/types.hpp"

namespace noisync {

// Replaces every row v by v/|v|. Returns the first row that has no direction (zero, NaN or
// infinite), or -1 when all are on the sphere again.
template <class Real>
Index normalize_rows(Tokens<Real>& x, Execution& execution);

}  // namespace noisync
