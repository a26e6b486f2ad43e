// Self-attention: the deterministic, interacting part of a layer.
#pragma once

#include <memory>
#include <optional>
#include <variant>
#include <vector>

#include "noisync/execution.hpp"
#include "noisync/types.hpp"

namespace noisync {

enum class Normalization {
    softmax,  // weights divided by their sum
    none,     // unnormalised self-attention (USA)
};

// Logits <Qx, Ky>, values Vy. Without Q and K, Q^T K = beta I; without V, V = value_scale I. With Q
// and K, beta is only needed for `harmonics`.
struct ExponentialAttention {
    Normalization normalization = Normalization::softmax;
    double beta = 1.0;
    double value_scale = 1.0;
    std::optional<Matrix<double>> query;  // (h, d)
    std::optional<Matrix<double>> key;    // (h, d)
    std::optional<Matrix<double>> value;  // (d, d)
    // With Q^T K = beta times an orthogonal matrix: coefficients of e^{beta u - |beta|} in the
    // polynomials P_n, for sums in linear time; empty for the direct sum. The result of the sums is
    // within `tail` of the direct one; where that may not leave the attention within `tolerance`
    // times |V|, and without normalisation times the largest sum of weights, the direct sum is
    // taken.
    std::vector<double> harmonics;
    double tail = 0.0;
    double tolerance = 0.0;
};

using AttentionConfig = std::variant<ExponentialAttention>;

// Attn_X(x_i) for all tokens at once. Holds scratch memory: one object per running simulation.
template <class Real>
class Attention {
   public:
    Attention() = default;
    Attention(const Attention&) = delete;
    Attention& operator=(const Attention&) = delete;
    virtual ~Attention() = default;

    // out_i <- Attn_X(x_i), tangent or not; x (N, d), weights (N,) with sum 1, out (N, d).
    virtual void evaluate(const Tokens<Real>& x, const Vector<Real>& weights, Tokens<Real>& out,
                          Execution& execution) = 0;

    // out_k <- derivative of Attn_X(x_token) along the row k of `along`, for a test token: the
    // tokens that it attends to, itself among them, stay where they are.
    virtual void differentiate(const Tokens<Real>& x, const Vector<Real>& weights, Index token,
                               const Matrix<Real>& along, Matrix<Real>& out) = 0;

    // Whether the last evaluation was to take linear time and took the direct sum all the same.
    [[nodiscard]] virtual bool fell_back() const { return false; }
};

template <class Real>
std::unique_ptr<Attention<Real>> make_attention(const AttentionConfig& config);

}  // namespace noisync
