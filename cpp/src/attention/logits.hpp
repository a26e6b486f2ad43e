// The logits of tokens, as inner products of rows.
#pragma once

#include "attention/projections.hpp"
#include "base/execution.hpp"
#include "base/types.hpp"

namespace noisync {

// l(x, y), as projections.hpp says.
template <class Real>
class Logits {
   public:
    explicit Logits(const Projections& projections);

    // Whether Q^T K = beta I.
    [[nodiscard]] bool is_scalar() const { return query_.size() == 0; }
    [[nodiscard]] Real beta() const { return Real(law_.beta); }
    [[nodiscard]] const Matrix<Real>& query() const { return query_; }
    [[nodiscard]] const Matrix<Real>& key() const { return key_; }

    // Where Q and K are given, rows with <queries_i, keys_j> = l(x_i, x_j), up to a constant where
    // only normalised weights have such logits.
    void project(const Tokens<Real>& x, Tokens<Real>& queries, Tokens<Real>& keys,
                 Execution& execution) const;

    // For one token and the first `count` others: l(x_token, x_j), and, for the row k of `along`,
    // its derivative along that row in the first argument, as entry (k, j).
    struct At {
        Vector<Real> logits;  // (count,)
        Matrix<Real> slopes;  // (k, count)
    };
    [[nodiscard]] At at(const Tokens<Real>& x, Index token, Index count,
                        const Matrix<Real>& along) const;

   private:
    Projections law_;
    Matrix<Real> query_;
    Matrix<Real> key_;
};

}  // namespace noisync
