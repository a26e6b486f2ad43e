// Slow, obvious formulas in long double that the tests hold against the core.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <numbers>
#include <numeric>
#include <vector>

#include "attention/exponential.hpp"
#include "base/types.hpp"
#include "configurations.hpp"
#include "noise/activation.hpp"
#include "random/random.hpp"

namespace reference {

inline Long dot(const LongMatrix& a, Index i, const LongMatrix& b, Index j) {
    Long sum = 0;
    for (Index k = 0; k < a.cols(); ++k) {
        sum += a(i, k) * b(j, k);
    }
    return sum;
}

// a b^T.
inline LongMatrix products(const LongMatrix& a, const LongMatrix& b) {
    LongMatrix result(a.rows(), b.rows());
    for (Index i = 0; i < a.rows(); ++i) {
        for (Index j = 0; j < b.rows(); ++j) {
            result(i, j) = dot(a, i, b, j);
        }
    }
    return result;
}

// z with P(Z > z) = p, by Newton's method on p = erfc(z / sqrt 2) / 2.
inline Long upper_quantile(Long p) {
    Long z = p < 0.1L ? std::sqrt(-2 * std::log(p)) - 0.5L : 0;
    for (int step = 0; step < 12; ++step) {
        const Long density =
            std::exp(-z * z / 2) * std::numbers::inv_sqrtpi_v<Long> / std::numbers::sqrt2_v<Long>;
        z += (std::erfc(z / std::numbers::sqrt2_v<Long>) / 2 - p) / density;
    }
    return z;
}

// The normal of a word and, should it be rare, a second one.
inline Long normal(std::uint32_t word, std::uint32_t second) {
    const Long place = word / 2;
    const Long p = word >= 0x10000U ? (place + 0.5L) / 0x1p32L
                                    : (place * 0x1p32L + Long(second) + 0.5L) / 0x1p64L;
    return word % 2 == 1 ? -upper_quantile(p) : upper_quantile(p);
}

// Word `element` of a stream, from the documentation of the stream.
inline std::uint32_t word(const noisync::Stream& stream, std::uint64_t element,
                          std::uint32_t added_to_purpose = 0) {
    const std::uint64_t block = element / 4;
    const auto high_bits = std::uint32_t(block >> 32) & 0xFFFFFFU;
    const std::uint32_t purpose = static_cast<std::uint32_t>(stream.purpose) + added_to_purpose;
    return noisync::philox4x32(
        {std::uint32_t(block), stream.layer, stream.replicate,
         (purpose << 24 | stream.part << 16) ^ high_bits},
        {std::uint32_t(stream.seed), std::uint32_t(stream.seed >> 32)})[element % 4];
}

// Element `element` of a stream of standard normals.
inline Long normal(const noisync::Stream& stream, std::uint64_t element) {
    return normal(word(stream, element), word(stream, element, 128));
}

inline Long activation(noisync::Activation activation, Long z) {
    using noisync::Activation;
    switch (activation) {
        case Activation::relu:
            return z > 0 ? z : 0;
        case Activation::leaky_relu:
            return z > 0 ? z : z / 100;
        case Activation::gelu:
            return z * std::erfc(-z / std::numbers::sqrt2_v<Long>) / 2;
        case Activation::silu:
            return z / (1 + std::exp(-z));
        case Activation::sigmoid:
            return 1 / (1 + std::exp(-z));
        case Activation::tanh:
            return std::tanh(z);
        case Activation::erf:
            return std::erf(z);
        case Activation::softplus:
            return z > 0 ? z + std::log1p(std::exp(-z)) : std::log1p(std::exp(z));
        case Activation::elu:
            return z > 0 ? z : std::expm1(z);
        case Activation::identity:
            return z;
        case Activation::sin:
            return std::sin(z);
    }
    return std::numeric_limits<Long>::quiet_NaN();
}

inline Long activation_derivative(noisync::Activation activation, Long z) {
    using noisync::Activation;
    const Long sigmoid = 1 / (1 + std::exp(-z));
    const Long other_sigmoid = 1 / (1 + std::exp(z));
    const Long inv_sqrtpi = std::numbers::inv_sqrtpi_v<Long>;
    switch (activation) {
        case Activation::relu:
            return z > 0 ? 1 : 0;
        case Activation::leaky_relu:
            return z > 0 ? 1 : 0.01L;
        case Activation::gelu:
            return std::erfc(-z / std::numbers::sqrt2_v<Long>) / 2 +
                   z * std::exp(-z * z / 2) * inv_sqrtpi / std::numbers::sqrt2_v<Long>;
        case Activation::silu:
            return sigmoid + z * sigmoid * other_sigmoid;
        case Activation::sigmoid:
            return sigmoid * other_sigmoid;
        case Activation::tanh:
            return 1 / (std::cosh(z) * std::cosh(z));
        case Activation::erf:
            return 2 * inv_sqrtpi * std::exp(-z * z);
        case Activation::softplus:
            return sigmoid;
        case Activation::elu:
            return z > 0 ? 1 : std::exp(z);
        case Activation::identity:
            return 1;
        case Activation::sin:
            return std::cos(z);
    }
    return std::numeric_limits<Long>::quiet_NaN();
}

// The factor of the weight of token j, seen from token i of `count`.
inline Long sight(const std::optional<noisync::Causal>& mask, Index i, Index j, Index count) {
    if (!mask) {
        return 1;
    }
    const bool seen = mask->include_self ? j <= i : j < i;
    return seen ? std::exp(-Long(mask->decay) * Long(i - j) / Long(count)) : 0;
}

struct AttentionOfTokens {
    LongMatrix value;  // Attn_X(x_i)
    LongVector mass;   // sum_j of the weights that x_j has in it
};

// Of the given tokens, one row each.
inline AttentionOfTokens attention(const LongMatrix& x, const LongVector& weights,
                                   const noisync::ExponentialAttention& config,
                                   const std::vector<Index>& tokens) {
    const LongMatrix at = x(tokens, Eigen::all);
    LongMatrix logits = products(at, x) * Long(config.beta);
    if (config.query) {
        logits = products(products(at, config.query->cast<Long>()),
                          products(x, config.key->cast<Long>()));
        const LongMatrix keys = products(x, config.key->cast<Long>());
        for (Index j = 0; j < x.rows(); ++j) {
            logits.col(j).array() -= Long(config.penalty) * dot(keys, j, keys, j);
        }
    }
    LongMatrix values = x * Long(config.value_scale);
    if (config.value) {
        values = products(values, config.value->cast<Long>());
    }
    AttentionOfTokens result{LongMatrix::Zero(at.rows(), x.cols()), LongVector::Zero(at.rows())};
    for (Index i = 0; i < at.rows(); ++i) {
        Long seen = 0;
        for (Index j = 0; j < x.rows(); ++j) {
            const Long faded = weights(j) * sight(config.mask, tokens[std::size_t(i)], j, x.rows());
            const Long weight = faded * std::exp(logits(i, j));
            seen += faded;
            result.value.row(i) += weight * values.row(j);
            result.mass(i) += weight;
        }
        const bool softmax = config.normalization == noisync::Normalization::softmax;
        const Long total = softmax ? result.mass(i) : config.mask ? seen : 1;
        result.value.row(i) *= total > 0 ? 1 / total : 0;
        result.mass(i) = total > 0 ? result.mass(i) / total : 1;
    }
    return result;
}

// Of all tokens.
inline AttentionOfTokens attention(const LongMatrix& x, const LongVector& weights,
                                   const noisync::ExponentialAttention& config) {
    std::vector<Index> tokens(std::size_t(x.rows()));
    std::iota(tokens.begin(), tokens.end(), Index(0));
    return attention(x, weights, config, tokens);
}

// From differences of tokens, where 1 - <x, y> would lose every digit.
inline Long energy(const LongMatrix& x, const LongVector& weights, Long beta) {
    Long sum = 0;
    for (Index i = 0; i < x.rows(); ++i) {
        for (Index j = 0; j < x.rows(); ++j) {
            Long gap = 0;
            for (Index k = 0; k < x.cols(); ++k) {
                gap += (x(i, k) - x(j, k)) * (x(i, k) - x(j, k)) / 2;
            }
            sum -= weights(i) * weights(j) * std::expm1(-beta * gap);
        }
    }
    return std::exp(beta) * sum / 2;
}

}  // namespace reference
