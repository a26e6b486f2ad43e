#include "attention/projections.hpp"

#include <stdexcept>
#include <string>

namespace noisync {

void require_pair(const Projections& projections) {
    if (projections.query.has_value() != projections.key.has_value()) {
        throw std::invalid_argument("query and key must be given together");
    }
}

void require_dim(const Projections& projections, Index dim) {
    const auto& [beta, value_scale, query, key, value, penalty] = projections;
    const auto fits = [dim](const std::optional<Matrix<double>>& matrix) {
        return !matrix || matrix->cols() == dim;
    };
    const bool value_is_square = !value || value->rows() == dim;
    const bool same_heads = !query || !key || query->rows() == key->rows();
    if (!fits(query) || !fits(key) || !fits(value) || !value_is_square || !same_heads) {
        throw std::invalid_argument("query, key and value must fit tokens of dimension " +
                                    std::to_string(dim));
    }
}

}  // namespace noisync
