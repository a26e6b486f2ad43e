// Self-attention: the deterministic, interacting part of a layer. A law says what is summed, a
// summation how.
#pragma once

#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <type_traits>

#include "attention/summation.hpp"
#include "base/derivatives.hpp"
#include "base/execution.hpp"
#include "base/types.hpp"

namespace noisync {

enum class Normalization {
    softmax,  // weights divided by their sum
    none,     // unnormalised self-attention (USA)
};

// Thrown by an attention that is the limit of an iteration, where it has not been reached.
class NotConverged : public std::runtime_error {
   public:
    NotConverged(const std::string& what, double residual)
        : std::runtime_error(what), residual_(residual) {}
    [[nodiscard]] double residual() const { return residual_; }

   private:
    double residual_;
};

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

    // The same for the rows of one of several ranks, if it needs no more of the others than sums;
    // else false, on all ranks alike, and `out` is not set.
    virtual bool evaluate_share(const Tokens<Real>& /*x*/, const Vector<Real>& /*weights*/,
                                Tokens<Real>& /*out*/, Execution& /*execution*/) {
        return false;
    }

    // Whether a token needs no sums but its own, so that those of others may be left out.
    [[nodiscard]] virtual bool by_rows() const { return false; }

    // out_k <- derivative of Attn_X(x_token) along the row k of `along`, for a test token: the
    // tokens that it attends to, itself among them, stay where they are. After `evaluate` at the
    // same x and weights; by several threads at once.
    virtual void differentiate(const Tokens<Real>& x, const Vector<Real>& weights, Index token,
                               const Matrix<Real>& along, Matrix<Real>& out) const = 0;

    // The same at all tokens of `at`: the derivatives along its rows.
    virtual Matrix<Real> differentiate_at(const Tokens<Real>& x, const Vector<Real>& weights,
                                          const Derivatives<Real>& at, Execution& execution) const {
        const Index k = at.directions();
        Matrix<Real> slopes(at.along.rows(), at.along.cols());
        execution.for_each(at.count, [&](Index i, int) {
            Matrix<Real> own;
            differentiate(x, weights, at.first + i, at.along_at(i), own);
            slopes.middleRows(i * k, k) = own;
        });
        return slopes;
    }

    // Whether the token attends to any; where a mask leaves it none, what it receives is 0.
    [[nodiscard]] virtual bool sees(Index /*token*/) const { return true; }

    // The order of sum_j |p_ij V x_j|, the norms of what the last evaluation added up for the
    // token; 0 where it is not known. What it receives is rounding where it is far smaller.
    [[nodiscard]] virtual Real size_of_terms(Index /*token*/) const { return 0; }

    // Whether the last evaluation was to take linear time and took the direct sum all the same.
    [[nodiscard]] virtual bool fell_back() const { return false; }
};

// Weights e^{beta <x, y>}, with e^{-2 beta} far from overflow, and V = scale I.
struct ZonalAttention {
    double beta;
    double scale;
    Normalization normalization;
};

// Logits, normalisation and values, whatever the tokens and the arithmetic.
class AttentionLaw {
   public:
    AttentionLaw() = default;
    AttentionLaw(const AttentionLaw&) = delete;
    AttentionLaw& operator=(const AttentionLaw&) = delete;
    virtual ~AttentionLaw() = default;

    // Throws std::invalid_argument if it is not for tokens of dimension `dim`.
    virtual void require_dim(Index dim) const = 0;

    // The law in three numbers, if it is zonal: sums of differences of tokens then make its
    // tangential part, which keeps its digits as tokens merge.
    [[nodiscard]] virtual std::optional<ZonalAttention> zonal() const { return std::nullopt; }

    // Whether nothing in it takes linear time, summed like that.
    [[nodiscard]] virtual bool is_direct(const Summation& summation) const {
        return summation.is_direct();
    }

    template <class Real>
    [[nodiscard]] std::unique_ptr<Attention<Real>> evaluator(const Summation& summation) const {
        if constexpr (std::is_same_v<Real, float>) {
            return float_evaluator(summation);
        } else {
            return double_evaluator(summation);
        }
    }

   private:
    [[nodiscard]] virtual std::unique_ptr<Attention<float>> float_evaluator(
        const Summation& summation) const = 0;
    [[nodiscard]] virtual std::unique_ptr<Attention<double>> double_evaluator(
        const Summation& summation) const = 0;
};

using SharedAttentionLaw = std::shared_ptr<const AttentionLaw>;

// What is summed, and how.
struct SummedAttention {
    SharedAttentionLaw law;
    Summation summation;

    [[nodiscard]] bool is_direct() const { return law->is_direct(summation); }

    template <class Real>
    [[nodiscard]] std::unique_ptr<Attention<Real>> evaluator() const {
        return law->evaluator<Real>(summation);
    }
};

}  // namespace noisync
