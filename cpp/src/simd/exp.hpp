// e^x, lane by lane, to about one unit in the last place.
//
// x = k log 2 + r with |r| <= log(2)/2 and e^r = 1 + r + r^2 q(r), q a minimax polynomial whose
// error is below 4e-18 of e^r in float64 and 4e-9 in float32. No special cases: x must lie where
// e^x is a normal number.
#pragma once

#include <bit>
#include <iterator>

#include "vec.hpp"

namespace noisync::simd {

template <class Real>
struct ExpConstants;

template <>
struct ExpConstants<double> {
    using Bits = std::int64_t;
    static constexpr double kMagic = 0x1.8p52;             // adding it rounds to an integer
    static constexpr double kLog2High = 0x1.62e42fefap-1;  // times k exactly, |k| < 2^16
    static constexpr double kLog2Low = 0x1.cf79abc9e3b3ap-40;
    static constexpr int kMantissaBits = 52;
    static constexpr double kSeries[] = {2.5117851188525025293e-8, 2.7631280377634661356e-7,
                                         2.7557216329515965762e-6, 2.4801489941988283313e-5,
                                         1.9841269917354884047e-4, 1.3888888947016293287e-3,
                                         8.3333333333072163257e-3, 4.1666666666515416209e-2,
                                         1.6666666666666699052e-1, 5.0000000000000127418e-1};
};

template <>
struct ExpConstants<float> {
    using Bits = std::int32_t;
    static constexpr float kMagic = 0x1.8p23F;
    static constexpr float kLog2High = 0x1.62e4p-1F;  // times k exactly, |k| < 2^7
    static constexpr float kLog2Low = 0x1.7f7d1cp-20F;
    static constexpr int kMantissaBits = 23;
    static constexpr float kSeries[] = {1.395049195098885609e-3F, 8.3688893513480368991e-3F,
                                        4.1666205789469071108e-2F, 1.6666518839707105087e-1F,
                                        5.0000000951889639569e-1F};
};

// x = k log 2 + r: gives e^r - 1 and the bits that k adds to an exponent.
template <class Real>
struct Reduced {
    using Bits = VectorOf<typename ExpConstants<Real>::Bits>::type;
    Vec<Real> rest;
    Bits exponent;
};

// `rest(r)` may add to r what x lacks.
template <class Real, class Rest>
[[gnu::always_inline]] inline Reduced<Real> reduce(Vec<Real> x, Rest&& rest) {
    using Constants = ExpConstants<Real>;
    using Bits = Reduced<Real>::Bits;
    constexpr Real kLog2E = Real(1.4426950408889634074);
    const Vec<Real> shifted = x * kLog2E + Constants::kMagic;
    const Vec<Real> k = shifted - Constants::kMagic;
    const Vec<Real> r = rest((x - k * Constants::kLog2High) - k * Constants::kLog2Low);
    Vec<Real> q = broadcast(Constants::kSeries[0]);
    for (int i = 1; i < int(std::size(Constants::kSeries)); ++i) {
        q = q * r + Constants::kSeries[i];
    }
    // The low bits of `shifted` are k, moved to the exponent.
    return {(r * r) * q + r, std::bit_cast<Bits>(shifted) << Constants::kMantissaBits};
}

template <class Real>
[[gnu::always_inline]] inline Reduced<Real> reduce(Vec<Real> x) {
    return reduce<Real>(x, [](Vec<Real> r) { return r; });
}

// 2^k (1 + rest).
template <class Real>
[[gnu::always_inline]] inline Vec<Real> power(const Reduced<Real>& reduced) {
    using Bits = Reduced<Real>::Bits;
    return std::bit_cast<Vec<Real>>(std::bit_cast<Bits>(reduced.rest + Real(1)) + reduced.exponent);
}

template <class Real>
[[gnu::always_inline]] inline Vec<Real> exp(Vec<Real> x) {
    return power<Real>(reduce<Real>(x));
}

// e^x - 1 with small relative error; anywhere that e^x does not overflow.
template <class Real>
[[gnu::always_inline]] inline Vec<Real> expm1(Vec<Real> x) {
    constexpr Real kLeast = sizeof(Real) == 8 ? Real(-700) : Real(-80);  // there it is -1
    x = x < kLeast ? broadcast(kLeast) : x;
    const auto [rest, exponent] = reduce<Real>(x);
    const Vec<Real> scale = std::bit_cast<Vec<Real>>(
        std::bit_cast<typename Reduced<Real>::Bits>(broadcast(Real(1))) + exponent);
    return scale * rest + (scale - Real(1));
}

}  // namespace noisync::simd
