// Derivatives along tangent vectors, at some of the tokens.
#pragma once

#include "base/types.hpp"

namespace noisync {

// Of a map at the tokens first, first + 1, ..., along k vectors each: those of token first + i are
// the rows i k, ..., i k + k - 1. They are those of test tokens: the tokens that the map depends
// on, these among them, stay where they are.
template <class Real>
struct Derivatives {
    Index first = 0;
    Index count = 1;
    Matrix<Real> along;  // (count k, d), tangent at their tokens
    Matrix<Real> out;    // (count k, d)
    Index total = 0;     // their count over all ranks, where there are several

    [[nodiscard]] Index directions() const { return along.rows() / count; }
    [[nodiscard]] auto along_at(Index i) const {
        return along.middleRows(i * directions(), directions());
    }
    [[nodiscard]] auto out_at(Index i) { return out.middleRows(i * directions(), directions()); }
};

}  // namespace noisync
