// From sums over the tokens to an attention: normalisation and values.
#pragma once

#include <optional>

#include "attention/law.hpp"
#include "attention/sums.hpp"

namespace noisync {

// V = scale I, or scale times a matrix.
template <class Real>
class Values {
   public:
    Values(Normalization normalization, double scale, const std::optional<Matrix<double>>& matrix);

    // Divides by the sum of weights (softmax) or restores the factor e^{shift} (none), and applies
    // V. A token that sees no weight receives 0.
    void finish(const PairSums<Real>& sums, Index dim, Tokens<Real>& out, Execution& execution);

    // |V| times the sum of weights of a token.
    [[nodiscard]] Real size_of_terms(const PairSums<Real>& sums, Index token) const;

    // rows <- V rows.
    void apply(Matrix<Real>& rows) const;

   private:
    Normalization normalization_;
    Real scale_;
    Matrix<Real> matrix_;
    Real size_;  // of V
    Tokens<Real> averages_;
};

}  // namespace noisync
