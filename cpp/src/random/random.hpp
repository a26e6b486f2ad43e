// Counter-based random numbers: every number is a pure function of where it is used.
//
// Philox4x32-10 (Salmon, Moraes, Dror, Shaw, SC'11) turns a 128-bit counter and a 64-bit key into
// 128 random bits. The key is the seed; the counter holds the rest:
//
//     word 0: block, low 32 bits          word 1: layer
//     word 2: replicate                   word 3: purpose (8 bits) | block, high 24 bits
//
// so distinct (seed, replicate, purpose, layer) never share a counter, and the numbers do not
// depend on the order in which they are asked for.
//
// Where several noises add, each is a part, numbered by its place among them, and draws from
// streams of its own: the part goes into the upper 8 of the 24 bits, which the blocks of a noise
// never reach (an element is below 2^50). Part 0 draws what a noise alone draws.
//
// Word k of a block is the element 4 block + k. A word w gives the normal of sign (-1)^w and upper
// quantile |z| of
//
//     p = (floor(w / 2) + 1/2) / 2^32,    P(Z > |z|) = p,
//
// where w >= 2^16. Of rarer words that grid is too coarse: with w' the word in the same place under
// the purpose plus 128, p = (floor(w / 2) 2^32 + w' + 1/2) / 2^64, so |z| goes up to 9.16.
#pragma once

#include <array>
#include <cstdint>

#include "base/types.hpp"

namespace noisync {

// What a stream is drawn for, below 128. The values are part of every result: never renumber them.
enum class Purpose : std::uint32_t {
    initial_tokens = 0,
    mlp_input_weights = 1,      // U
    mlp_input_bias = 2,         // b_U
    mlp_output_weights = 3,     // W
    mlp_output_bias = 4,        // b_W
    feature_input_weights = 5,  // the same four of the frozen features; the first two at layer 0
    feature_input_bias = 6,
    feature_output_weights = 7,
    feature_output_bias = 8,
    harmonic_coefficients = 9,
    exact_values = 10,
    exact_derivatives = 11,
    tangent_vectors = 12,  // where Lyapunov exponents start from
    value_matrix = 13,     // V
    independent_values = 14,
    initial_choices = 15,  // uniform numbers: of components, acceptance, angles of initial tokens
    head_queries = 16,     // W' of random heads
    head_keys = 17,        // W
};

struct Stream {
    std::uint64_t seed = 0;
    std::uint32_t replicate = 0;
    std::uint32_t layer = 0;
    Purpose purpose = Purpose::initial_tokens;
    std::uint32_t part = 0;
};

using PhiloxCounter = std::array<std::uint32_t, 4>;
using PhiloxKey = std::array<std::uint32_t, 2>;

// One block of Philox4x32 with ten rounds, as published.
PhiloxCounter philox4x32(PhiloxCounter counter, PhiloxKey key);

// Writes `count` standard normals, elements first, first + 1, ... of the stream, times `scale`.
// Errors of z: 4e-10 in float64, two units in the last place in float32, which is computed as such.
template <class Real>
void fill_normals(const Stream& stream, std::uint64_t first, Index count, Real scale, Real* out);

// Two numbers uniform on (0, 1), of a block's words 0, 1 and 2, 3: (w + 1/2) / 2^52, w the upper 52
// bits of a pair of words.
std::array<double, 2> uniform_pair(const Stream& stream, std::uint64_t block);

}  // namespace noisync
