// Vectors of words of 32 bits: in the lower halves of 64-bit lanes, or packed.
#pragma once

#include <array>
#include <cstdint>
#include <utility>

#include "simd/vec.hpp"

#ifdef __SSE2__
#include <immintrin.h>
#endif

namespace noisync::random {

using Wide = simd::VectorOf<std::uint64_t>::type;
using Words = simd::VectorOf<std::uint32_t>::type;

// The 64-bit products of lower halves; upper halves may be anything.
[[gnu::always_inline]] inline Wide multiply_words(Wide a, Wide b) {
#ifdef __AVX512F__
    return Wide(_mm512_maskz_mul_epu32(0xFF, __m512i(a), __m512i(b)));
#elif defined(__AVX2__)
    return Wide(_mm256_mul_epu32(__m256i(a), __m256i(b)));
#elif defined(__SSE2__) && !defined(__AVX__)
    return Wide(_mm_mul_epu32(__m128i(a), __m128i(b)));
#else
    return (a & 0xFFFFFFFFU) * (b & 0xFFFFFFFFU);
#endif
}

namespace detail {

template <class Vector, int... Lane>
[[gnu::always_inline]] inline Vector even_lanes(Vector a, Vector b,
                                                std::integer_sequence<int, Lane...> /*lanes*/) {
    constexpr int kCount = sizeof...(Lane);
    return __builtin_shufflevector(a, b, (Lane % 2 == 0 ? Lane : kCount + Lane - 1)...);
}

template <class Vector, int... Lane>
[[gnu::always_inline]] inline Vector odd_lanes(Vector a, Vector b,
                                               std::integer_sequence<int, Lane...> /*lanes*/) {
    constexpr int kCount = sizeof...(Lane);
    return __builtin_shufflevector(a, b, (Lane % 2 == 0 ? Lane + 1 : kCount + Lane)...);
}

template <class Scalar>
using Lanes = std::make_integer_sequence<int, int(simd::kLanes<Scalar>)>;

}  // namespace detail

// Upper halves of the lanes, moved to the lower ones; the upper halves are then anything. A shuffle
// of halves leaves the ports of shifts to other work.
[[gnu::always_inline]] inline Wide upper_words(Wide a) {
    return Wide(detail::odd_lanes(Words(a), Words(a), detail::Lanes<std::uint32_t>()));
}

// Which of as many blocks as there are lanes stands in a lane, so that in_order is cheap: those of
// the first half in even lanes.
inline constexpr auto kBlockOfLane = [] {
    constexpr auto kCount = std::size_t(simd::kLanes<std::uint64_t>);
    std::array<std::uint64_t, kCount> blocks{};
    for (std::size_t lane = 0; lane < kCount; ++lane) {
        blocks[lane] = lane / 2 + lane % 2 * (kCount / 2);
    }
    return blocks;
}();

// Words 0 to 3 of the blocks in the lanes, block after block.
[[gnu::always_inline]] inline std::array<Words, 2> in_order(const Wide (&word)[4]) {
    using detail::even_lanes;
    using detail::odd_lanes;
    const detail::Lanes<std::uint32_t> words;
    const detail::Lanes<std::uint64_t> lanes;
    const auto first = Wide(even_lanes(Words(word[0]), Words(word[1]), words));
    const auto second = Wide(even_lanes(Words(word[2]), Words(word[3]), words));
    return {Words(even_lanes(first, second, lanes)), Words(odd_lanes(first, second, lanes))};
}

}  // namespace noisync::random
