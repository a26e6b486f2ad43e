// Vectors of the widest kind that this level has, as the compiler's own vector types: + - * and
// comparisons work lane by lane, and a * b + c becomes one fused instruction where there is one.
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <cstring>
#include <utility>

#if defined(__AVX512F__)
#include <immintrin.h>
#endif

#include "base/types.hpp"

namespace noisync::simd {

#if defined(__AVX512F__)
inline constexpr int kVectorBytes = 64;
inline constexpr int kRegisters = 32;
#elif defined(__AVX__)
inline constexpr int kVectorBytes = 32;
inline constexpr int kRegisters = 16;
#else
inline constexpr int kVectorBytes = 16;
inline constexpr int kRegisters = 16;
#endif

template <class Scalar>
struct VectorOf {
    using type [[gnu::vector_size(kVectorBytes)]] = Scalar;
};

template <class Real>
using Vec = VectorOf<Real>::type;

template <class Real>
inline constexpr Index kLanes = Index(kVectorBytes / sizeof(Real));

// Memory need not be aligned.
template <class Real>
[[gnu::always_inline]] inline Vec<Real> load(const Real* from) {
    Vec<Real> v;
    std::memcpy(&v, from, sizeof(v));
    return v;
}

template <class Real>
[[gnu::always_inline]] inline void store(Real* to, Vec<Real> v) {
    std::memcpy(to, &v, sizeof(v));
}

template <class Real>
[[gnu::always_inline]] inline Vec<Real> broadcast(Real x) {
    return x - Vec<Real>{};
}

// 0, 1, 2, ...: the places of the lanes of a few vectors.
template <class Real, Index kCount>
inline constexpr auto kPlaces = [] {
    std::array<Real, std::size_t(kCount)> places{};
    for (std::size_t place = 0; place < places.size(); ++place) {
        places[place] = Real(place);
    }
    return places;
}();

// Lane i of the result is lane index[i] of the table, modulo the number of lanes; where that is one
// instruction.
#if defined(__AVX512F__)
inline constexpr bool kLooksUp = true;

[[gnu::always_inline]] inline Vec<double> look_up(Vec<double> table,
                                                  VectorOf<std::int64_t>::type index) {
    return _mm512_permutexvar_pd(__m512i(index), table);
}

[[gnu::always_inline]] inline Vec<float> look_up(Vec<float> table,
                                                 VectorOf<std::int32_t>::type index) {
    return _mm512_permutexvar_ps(__m512i(index), table);
}
#else
inline constexpr bool kLooksUp = false;
#endif

// The sum of the lanes, by halves.
template <class Real>
[[gnu::always_inline]] inline Real sum(Vec<Real> v) {
    Real lanes[kLanes<Real>];
    std::memcpy(lanes, &v, sizeof(v));
    for (Index half = kLanes<Real> / 2; half > 0; half /= 2) {
        for (Index lane = 0; lane < half; ++lane) {
            lanes[lane] += lanes[lane + half];
        }
    }
    return lanes[0];
}

// Lanes in groups of Width, even groups from a and odd ones from b: each lane plus its place in the
// neighbouring group.
template <int Width, class Vector, int... Lane>
[[gnu::always_inline]] inline Vector fold(Vector a, Vector b,
                                          std::integer_sequence<int, Lane...> /*lanes*/) {
    constexpr int kCount = sizeof...(Lane);
    return __builtin_shufflevector(a, b,
                                   (Lane / Width % 2 == 0 ? Lane : kCount + Lane - Width)...) +
           __builtin_shufflevector(a, b, (Lane / Width % 2 == 0 ? Lane + Width : kCount + Lane)...);
}

// Of as many vectors as a vector has lanes: lane i is the sum of the lanes of vector i.
template <class Real>
[[gnu::always_inline]] inline Vec<Real> sums(const Real* vectors) {
    constexpr int kCount = kLanes<Real>;
    Vec<Real> part[kCount];
    for (int i = 0; i < kCount; ++i) {
        part[i] = load(vectors + i * kCount);
    }
    const auto fold_all = [&]<int Width>() __attribute__((always_inline)) {
        for (int i = 0; i < kCount / (2 * Width); ++i) {
            part[i] = fold<Width>(part[2 * i], part[2 * i + 1],
                                  std::make_integer_sequence<int, kCount>());
        }
    };
    [&]<int... Level>(std::integer_sequence<int, Level...>) __attribute__((always_inline)) {
        (fold_all.template operator()<(1 << Level)>(), ...);
    }(std::make_integer_sequence<int, std::countr_zero(unsigned(kCount))>());
    return part[0];
}

// The least multiple of `unit` that is not below `count`.
template <class Integer>
constexpr Integer up_to(Integer count, Integer unit) {
    return (count + unit - 1) / unit * unit;
}

// Rows of `count` numbers padded to whole vectors.
template <class Real>
constexpr Index padded(Index count) {
    return up_to(count, kLanes<Real>);
}

}  // namespace noisync::simd
