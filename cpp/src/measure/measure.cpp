#include "measure/measure.hpp"

#include <stdexcept>
#include <string>

namespace noisync {

namespace {

void require_one(const char* what, Index needed, Index shown) {
    if (needed != 0 && needed != shown) {
        throw std::invalid_argument("the measure is for " + std::string(what) + " " +
                                    std::to_string(needed) + ", got " + std::to_string(shown));
    }
}

}  // namespace

void require(const Measure& measure, const Needs& shown) {
    const Needs needs = measure.needs();
    require_one("a number of tokens of", needs.tokens, shown.tokens);
    require_one("tokens of dimension", needs.dim, shown.dim);
    require_one("a number of tangent vectors of", needs.tangents, shown.tangents);
    if (needs.norms && !shown.norms) {
        throw std::invalid_argument("the measure is for tokens with norms");
    }
}

}  // namespace noisync
