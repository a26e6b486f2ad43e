// Causal masks: which tokens a token sees, in their order, and how what it sees fades.
#pragma once

#include "base/types.hpp"

namespace noisync {

// Token i sees the tokens j <= i, or j < i, and the weight of j has the factor e^{-decay (i -
// j)/N}.
struct Causal {
    bool include_self = true;
    double decay = 0.0;

    // How many tokens the token i sees: the first so many.
    [[nodiscard]] Index visible(Index i) const { return include_self ? i + 1 : i; }
    // The exponent of the factor, for tokens `lag` apart of `count`.
    [[nodiscard]] double fading(Index lag, Index count) const {
        return -decay * double(lag) / double(count);
    }
};

// w_j e^{-decay (N - 1 - j)/N}: seen from any token, the weights of the tokens but for a factor
// that is the token's own.
template <class Real>
Vector<Real> faded_weights(const Causal& mask, const Vector<Real>& weights);

// log of the largest of these that a token sees, for the first token that sees any weight: the
// least of all tokens' largest. -infinity: none does.
template <class Real>
double least_log_weight(const Causal& mask, const Vector<Real>& weights);

// log sum_j w_j e^{-decay (i - j)/N} over the tokens that i sees, for every token i.
template <class Real>
Vector<double> log_masses(const Causal& mask, const Vector<Real>& weights);

}  // namespace noisync
