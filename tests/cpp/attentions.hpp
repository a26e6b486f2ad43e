// Configurations of attention, and its error in units of what roundings explain.
#pragma once

#include <algorithm>
#include <cmath>
#include <vector>

#include "attention/exponential.hpp"
#include "reference.hpp"

namespace reference {

using noisync::ExponentialAttention;
using noisync::Matrix;
using noisync::Normalization;
using noisync::Tokens;
using noisync::Vector;

inline ExponentialAttention with_beta(double beta,
                                      Normalization normalization = Normalization::softmax) {
    ExponentialAttention config;
    config.beta = beta;
    config.normalization = normalization;
    return config;
}

// Q and K of height h with logits up to about `size`, V square.
inline ExponentialAttention with_matrices(Index h, Index d, double size, bool with_value) {
    ExponentialAttention config;
    const auto scaled = [&](unsigned seed) -> Matrix<double> {
        const Matrix<double> matrix = reference::random_matrix(h, d, seed);
        return (matrix * (std::sqrt(size) / matrix.norm())).cast<float>().cast<double>();
    };
    config.query = scaled(1);
    config.key = scaled(2);
    if (with_value) {
        config.value = reference::random_matrix(d, d, 3);
    }
    return config;
}

// The same with logits -|Qx - Ky|^2.
inline ExponentialAttention with_distances(Index h, Index d, double size, bool with_value) {
    ExponentialAttention config = with_matrices(h, d, size, with_value);
    *config.query *= 2;
    config.penalty = 1;
    return config;
}

// Under a causal mask.
inline ExponentialAttention masked(ExponentialAttention config, bool include_self, double decay) {
    config.mask = noisync::Causal{include_self, decay};
    return config;
}

// A bound on |logit| with the roundings that go into one, and on |V x|.
inline Long logit_size(const ExponentialAttention& config) {
    // Exponents that fade further are those of tokens that are next to nothing.
    const Long decay = config.mask ? std::min(config.mask->decay, 100.0) : 0;
    return decay + (config.query ? Long(config.query->norm()) * config.key->norm() +
                                       Long(config.penalty) * config.key->squaredNorm()
                                 : std::abs(config.beta));
}
inline Long value_size(const ExponentialAttention& config) {
    return std::abs(config.value_scale) * (config.value ? Long(config.value->norm()) : 1);
}

// The first and last tokens and some between: enough of many to tell an error by.
inline std::vector<Index> some_tokens(Index rows, Index count) {
    std::vector<Index> tokens;
    for (Index k = 0; k < std::min(rows, count); ++k) {
        tokens.push_back(rows <= count ? k : k * (rows - 1) / (count - 1));
    }
    return tokens;
}

// Largest error of the given tokens, in units of what roundings explain: those of a logit are
// relative to the largest one and, like those of a sum of N terms, grow as in a random walk.
template <class Real>
Long error(const ExponentialAttention& config, const Tokens<Real>& x, const Vector<Real>& weights,
           const Tokens<Real>& out, const std::vector<Index>& tokens) {
    const Index d = x.cols();
    const AttentionOfTokens expected =
        attention(x.template cast<Long>(), weights.template cast<Long>(), config, tokens);
    const Long relative = kRoundoff<Real> * (8 + std::sqrt(Long(x.rows())) + std::sqrt(Long(d)) +
                                             (4 + std::sqrt(Long(d))) * logit_size(config));
    Long worst = 0;
    for (std::size_t i = 0; i < tokens.size(); ++i) {
        const Long unit = relative * value_size(config) * expected.mass(Index(i));
        for (Index k = 0; k < d; ++k) {
            const Long off = std::abs(Long(out(tokens[i], k)) - expected.value(Index(i), k)) / unit;
            worst = off <= worst ? worst : std::isnan(off) ? HUGE_VALL : off;
        }
    }
    return worst;
}

// The same for all tokens.
template <class Real>
Long error(const ExponentialAttention& config, const Tokens<Real>& x, const Vector<Real>& weights,
           const Tokens<Real>& out) {
    return error<Real>(config, x, weights, out, some_tokens(x.rows(), x.rows()));
}

}  // namespace reference
