// Standard normals from random words, by the quantile function of the normal law.
//
// The lowest bit of a word w of 32 bits is the sign, the others a place in half of the law: |z| is
// the upper quantile of p = (floor(w / 2) + 1/2) / 2^32 = B / 2^33, B = w | 1. For B >= 2^16 it is
// a polynomial, one for every octave 2^e <= B < 2^{e+1} in float64 (in y = 2 - B / 2^e, error
// 4e-10, less than a step of p at the median), one for every half of an octave in float32 (y from
// the half's end, error 2e-9; with all roundings two units in the last place). Rarer words ask for
// a second one.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstring>

#include "random/quantile_table.hpp"
#include "random/words.hpp"

namespace noisync::random {

// Of all words 2^-16 are too coarse for the tail that they stand for.
constexpr bool is_rare(std::uint32_t word) {
    return word < 0x10000U;
}

// The normal of a rare word w and a second one, w':
// p = (floor(w / 2) 2^32 + w' + 1/2) / 2^64 >= 2^-65, so |z| <= 9.16. With s = sqrt(-2 log p),
// z = s + a polynomial in 1/s, error 7e-11.
template <class Real>
Real rare_normal(std::uint32_t word, std::uint32_t second) {
    const std::uint64_t place = std::uint64_t{word >> 1} << 32 | second;
    const Real p = Real(2 * place + 1) * Real(0x1p-65);
    const Real s = std::sqrt(-2 * std::log(p));
    Real rest = 0;
    for (const double coefficient : kTail) {
        rest = rest / s + Real(coefficient);
    }
    return (word & 1U) != 0 ? -(s + rest) : s + rest;
}

// As bits of a float64: 2^52 + 1, to which a word | 1 adds itself, and the numbers in [1, 2).
inline constexpr std::uint64_t kOddInteger = 0x4330000000000001U;
inline constexpr std::uint64_t kMantissa = 0x000FFFFFFFFFFFFFU;
inline constexpr std::uint64_t kOne = 0x3FF0000000000000U;

#if defined(__AVX512F__) && defined(__AVX512CD__)

// Coefficients are looked up in tables of two vectors.
[[gnu::always_inline]] inline simd::Vec<double> look_up(const double (&table)[16], Wide index) {
    return _mm512_permutex2var_pd(simd::load(table), __m512i(index), simd::load(table + 8));
}

[[gnu::always_inline]] inline simd::Vec<float> look_up(const float (&table)[32], Words index) {
    return _mm512_permutex2var_ps(simd::load(table), __m512i(index), simd::load(table + 16));
}

template <std::size_t Powers, class Real, std::size_t Pieces, class Lanes>
[[gnu::always_inline]] inline simd::Vec<Real> polynomial(const Real (&table)[Powers][Pieces],
                                                         Lanes piece, simd::Vec<Real> y) {
    simd::Vec<Real> value = look_up(table[0], piece);
    for (std::size_t k = 1; k < Powers; ++k) {
        value = value * y + look_up(table[k], piece);
    }
    return value;
}

// A vector of normals.
[[gnu::always_inline]] inline void write_normals(const std::uint32_t* words, double scale,
                                                 double* out) {
    using Reals = simd::Vec<double>;
    __m256i packed;
    std::memcpy(&packed, words, sizeof(packed));
    const auto word = Wide(_mm512_cvtepu32_epi64(packed));
    const auto b = std::bit_cast<Wide>(std::bit_cast<Reals>(word | kOddInteger) - 0x1p52);
    const Reals y = 2.0 - std::bit_cast<Reals>((b & kMantissa) | kOne);
    const Reals z = polynomial(kOctaves, b >> 52, y);
    simd::store(out, std::bit_cast<Reals>(std::bit_cast<Wide>(z) ^ (word << 63)) * scale);
}

// B is shifted up until its first bit is the highest, and the next bit, which tells the half, is
// set: then 2^31 y = 2^32 - B, in integers, so that small y keep their digits. The piece comes from
// B rounded down.
[[gnu::always_inline]] inline void write_normals(const std::uint32_t* words, float scale,
                                                 float* out) {
    using Reals = simd::Vec<float>;
    const Words word = simd::load(words);
    const auto b = __m512i(word | 1U);
    const auto rounded = Words(_mm512_cvt_roundepu32_ps(b, _MM_FROUND_TO_ZERO | _MM_FROUND_NO_EXC));
    const Words shifted = Words(_mm512_sllv_epi32(b, _mm512_lzcnt_epi32(b))) | 0x40000000U;
    const Reals y = _mm512_cvtepu32_ps(__m512i(-shifted)) * 0x1p-31F;
    const Reals z = polynomial(kHalfOctaves, rounded >> 22, y);
    simd::store(out, std::bit_cast<Reals>(std::bit_cast<Words>(z) ^ (word << 31)) * scale);
}

// out_i <- scale times the normal of words_i; of a rare word, any number.
template <class Real>
void normals(const std::uint32_t* words, Index count, Real scale, Real* out) {
    constexpr Index kLanes = simd::kLanes<Real>;
    Index i = 0;
    for (; count - i >= kLanes; i += kLanes) {
        write_normals(words + i, scale, out + i);
    }
    if (i < count) {
        std::uint32_t last[kLanes] = {};
        Real result[kLanes];
        std::copy(words + i, words + count, last);
        write_normals(last, scale, result);
        std::copy_n(result, count - i, out + i);
    }
}

#else

// Where lanes are not looked up: coefficients of a piece in a row, from the lowest power up.
template <std::size_t Powers, class Real, std::size_t Pieces>
constexpr auto rows_of(const Real (&table)[Powers][Pieces]) {
    std::array<std::array<Real, simd::up_to<std::size_t>(Powers, 2)>, Pieces> rows{};
    for (std::size_t piece = 0; piece < Pieces; ++piece) {
        for (std::size_t k = 0; k < Powers; ++k) {
            rows[piece][k] = table[Powers - 1 - k][piece];
        }
    }
    return rows;
}

template <class Real>
struct Pieces;

template <>
struct Pieces<double> {
    using Bits = std::uint64_t;
    static constexpr auto kRows = rows_of(kOctaves);
    static constexpr int kShift = 52;
    static constexpr std::uint64_t kEnd = kOne;
};

template <>
struct Pieces<float> {
    using Bits = std::uint32_t;
    static constexpr auto kRows = rows_of(kHalfOctaves);
    static constexpr int kShift = 51;
    static constexpr std::uint64_t kEnd = kOne | std::uint64_t{1} << 51;  // of both halves
};

// Even and odd powers side by side: half as many steps that wait for one another.
template <std::size_t Length>
[[gnu::always_inline]] inline double polynomial(const std::array<double, Length>& row, double y) {
    using Pair [[gnu::vector_size(16)]] = double;
    const auto pair = [&](std::size_t k) {
        Pair c;
        std::memcpy(&c, &row[k], sizeof(c));
        return c;
    };
    Pair sums = pair(Length - 2);
    for (std::size_t k = Length - 2; k > 0; k -= 2) {
        sums = sums * (y * y) + pair(k - 2);
    }
    return sums[1] * y + sums[0];
}

// One power after another, which rounds least.
template <std::size_t Length>
[[gnu::always_inline]] inline float polynomial(const std::array<float, Length>& row, float y) {
    float sum = row[Length - 1];
    for (std::size_t k = Length - 1; k > 0; --k) {
        sum = sum * y + row[k - 1];
    }
    return sum;
}

// out_i <- scale times the normal of words_i; of a rare word, any number.
template <class Real>
void normals(const std::uint32_t* words, Index count, Real scale, Real* out) {
    using Bits = Pieces<Real>::Bits;
    constexpr auto& kRows = Pieces<Real>::kRows;
    constexpr int kSign = 8 * sizeof(Real) - 1;
    constexpr Index kBatch = 64;  // plain loops over it are what the compiler vectorises
    for (; count > 0; count -= kBatch, words += kBatch, out += kBatch) {
        const Index length = std::min(count, kBatch);
        Real z[kBatch];
        std::uint32_t piece[kBatch];
        for (Index i = 0; i < length; ++i) {
            const auto b = std::bit_cast<std::uint64_t>(
                std::bit_cast<double>(words[i] | kOddInteger) - 0x1p52);
            const std::uint64_t mantissa = (b & kMantissa) | Pieces<Real>::kEnd;
            z[i] = Real(2 - std::bit_cast<double>(mantissa));
            piece[i] = std::uint32_t(b >> Pieces<Real>::kShift) % std::uint32_t(kRows.size());
        }
        for (Index i = 0; i < length; ++i) {
            z[i] = polynomial(kRows[piece[i]], z[i]);
        }
        for (Index i = 0; i < length; ++i) {
            const Bits sign = Bits(words[i]) << kSign;
            out[i] = std::bit_cast<Real>(std::bit_cast<Bits>(z[i]) ^ sign) * scale;
        }
    }
}

#endif

}  // namespace noisync::random
