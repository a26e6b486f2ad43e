// Noise: the random part of a layer. A field common to all tokens, or, for contrast, a vector for
// each.
#pragma once

#include <cstdint>
#include <memory>
#include <variant>
#include <vector>

#include "noisync/activation.hpp"
#include "noisync/attention.hpp"
#include "noisync/execution.hpp"
#include "noisync/random.hpp"
#include "noisync/types.hpp"

namespace noisync {

// G(y) = m^{-1/2} W phi(d^{-1/2} U y + b_U) + b_W with fresh Gaussian weights in every layer.
struct Mlp {
    Activation activation = Activation::relu;
    Index width = 1;       // m
    double sigma_u = 0.0;  // standard deviation of the entries of b_U
    double sigma_w = 0.0;  // standard deviation of the entries of b_W
};

// The infinite-width limit of the MLP: a Gaussian field with E[G(x) G(y)^T] = kappa(<x, y>) I, by
// three samplers. All are functions of the tokens' positions driven by the same normals whatever
// the tokens are; a span of layers sums the normals first.

// A wide MLP whose U and b_U are frozen over the run: G(y) = W (m^{-1/2} phi(U y + b_U)) + b_W with
// fresh W, b_W. Gaussian with the covariance of this basis, which differs from kappa by
// O(m^{-1/2}).
struct Features {
    Activation activation = Activation::relu;
    Index width = 1;
    double sigma_u = 0.0;
    double sigma_w = 0.0;
};

// G_a(y) = sum_n (c_n / N_n)^{1/2} sum_k xi_{nka} Y_nk(y), kappa = sum_n c_n P_n.
struct Harmonics {
    std::vector<double> variances;  // c_0, ..., c_p
};

// Factorises the covariance at the tokens.
struct Exact {
    std::vector<double> series;  // Chebyshev coefficients of angle -> kappa(cos angle) on [0, pi]
    double slope = 0.0;          // kappa'(1)
    bool odd = false;            // G(-x) = -G(x)
};

// G(y_i) = s V A_i, one matrix V of standard normals for all tokens, A_i what the attention gives
// token i: a field that depends on all of them.
struct ValueNoise {
    ExponentialAttention attention;
    double scale = 1.0;  // s
};

// G(y_i) = s xi_i, standard normals of each token's own.
struct IndependentNoise {
    double scale = 1.0;  // s
};

using NoiseConfig = std::variant<Mlp, Features, Harmonics, Exact, ValueNoise, IndependentNoise>;

// Which realisation of the field: the sum of the fields of `count` layers of the noise path.
struct LayerKey {
    std::uint64_t seed = 0;
    std::uint32_t replicate = 0;
    std::uint32_t layer = 0;
    std::uint32_t count = 1;
};

// Derivatives of a field at one token, to be computed along with its values:
// out_k <- out_k + scale * DG(y_token) along_k, for a test token: those that the field depends on,
// itself among them, stay where they are.
template <class Real>
struct Derivatives {
    Index token = 0;
    Matrix<Real> along;  // (k, d), tangent at the token
    Matrix<Real> out;    // (k, d)
};

// A random vector field at the tokens. Holds scratch memory: one object per running simulation.
template <class Real>
class NoiseField {
   public:
    NoiseField() = default;
    NoiseField(const NoiseField&) = delete;
    NoiseField& operator=(const NoiseField&) = delete;
    virtual ~NoiseField() = default;

    // out_i <- out_i + scale * G(y_i), G the field of `key`; `derivatives` may be null. Of the
    // weights only ValueNoise takes notice.
    virtual void add(const Tokens<Real>& y, const Vector<Real>& weights, const LayerKey& key,
                     Real scale, Tokens<Real>& out, Derivatives<Real>* derivatives,
                     Execution& execution) = 0;
};

template <class Real>
std::unique_ptr<NoiseField<Real>> make_noise(const NoiseConfig& config);

// Adds the normals of all layers of `key`, elements first, first + 1, ..., each times `scale`.
template <class Real>
void add_normals(const LayerKey& key, Purpose purpose, std::uint64_t first, Index count, Real scale,
                 Real* out);

}  // namespace noisync
