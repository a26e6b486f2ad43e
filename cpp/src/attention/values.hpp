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
    // `height` is that of the queries of a head, 0 where there are none: V of a head has no higher
    // rank.
    Values(Normalization normalization, double scale, const std::optional<Matrix<double>>& matrix,
           Index height = 0);

    // Of V = outer inner, inner of `height` rows and of at most half as many as V: inner, whose few
    // numbers inner x_j of a token are to be summed in place of x_j; null where V is not like that.
    [[nodiscard]] const Matrix<Real>* inner() const {
        return inner_.size() == 0 ? nullptr : &inner_;
    }

    // Divides by the sum of weights (softmax) or restores the factor e^{shift} (none), and applies
    // V to sums of tokens, or to what was summed in place of them. A token that sees no weight
    // receives 0.
    void finish(const PairSums<Real>& sums, Index dim, Tokens<Real>& out, Execution& execution,
                bool of_inner = false);

    // |V| times the sum of weights of a token.
    [[nodiscard]] Real size_of_terms(const PairSums<Real>& sums, Index token) const;

    // rows <- V rows.
    void apply(Matrix<Real>& rows) const;

   private:
    void divide(const Matrix<double>& matrix, Index height);

    Normalization normalization_;
    Real scale_;
    Matrix<Real> matrix_;
    Matrix<Real> inner_;
    Matrix<Real> outer_;
    Real size_;  // of V
    Tokens<Real> averages_;
};

}  // namespace noisync
