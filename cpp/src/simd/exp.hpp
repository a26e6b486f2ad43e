// e^x and 2^x, lane by lane, to about one unit in the last place.
//
// For e^x, x = k log 2 + r with |r| <= log(2)/2 and e^r = 1 + r + r^2 q(r), q a minimax polynomial
// whose error is below 4e-18 of e^r in float64 and 4e-9 in float32. For 2^x, x = k/T + f with |f|
// <= 1/(2T) exactly, 2^f = 1 + f p(f), and 2^{j/T} for j = 0..T-1 from a table, T the number of
// lanes where lanes can be looked up in one instruction, and 1 elsewhere: fewer operations, for
// sums that can take their logits in powers of two. No special cases: the result must be a normal
// number.
#pragma once

#include <array>
#include <bit>
#include <iterator>

#include "simd/vec.hpp"

namespace noisync::simd {

template <class Real>
inline constexpr Real kLog2E = Real(1.4426950408889634074);

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
    const Vec<Real> shifted = x * kLog2E<Real> + Constants::kMagic;
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

// 2^{j/T}, j = 0..T-1, T the number of lanes, less j moved beside the exponent, as bits.
template <class Real>
inline constexpr auto kRoots = [] {
    using Lane = ExpConstants<Real>::Bits;
    constexpr double kPowers[] = {// 2^{j/16}
                                  1.0,
                                  1.0442737824274138403,
                                  1.0905077326652576592,
                                  1.1387886347566916537,
                                  1.1892071150027210667,
                                  1.2418578120734840486,
                                  1.2968395546510096659,
                                  1.3542555469368927283,
                                  1.4142135623730950488,
                                  1.4768261459394993114,
                                  1.5422108254079408236,
                                  1.6104903319492543082,
                                  1.6817928305074290861,
                                  1.7562521603732994831,
                                  1.8340080864093424635,
                                  1.9152065613971472939};
    constexpr auto kSteps = int(kLanes<Real>);
    constexpr int kShift = ExpConstants<Real>::kMantissaBits - std::countr_zero(unsigned(kSteps));
    std::array<Real, std::size_t(kSteps)> roots{};
    for (int j = 0; j < kSteps; ++j) {
        const auto bits = std::bit_cast<Lane>(Real(kPowers[j * 16 / kSteps]));
        roots[std::size_t(j)] = std::bit_cast<Real>(Lane(bits - (Lane(j) << kShift)));
    }
    return roots;
}();

// 2^f = 1 + f p(f) for |f| <= 1/(2 kSteps), errors below 7e-18 in float64 and 4e-9 in float32.
template <class Real, Index kSteps>
struct Exp2Series;

template <>
struct Exp2Series<double, 8> {
    static constexpr double kSeries[] = {0.000015253429586496909374, 0.0001540443381934758133,
                                         0.0013333558132838855753,   0.0096181290899833007826,
                                         0.055504108664822243509,    0.24022650695910932816,
                                         0.69314718055994530942};
};

template <>
struct Exp2Series<double, 1> {
    static constexpr double kSeries[] = {
        4.4549605981865183938e-10, 7.0725859492692236999e-9,   1.0178062445845773521e-7,
        1.3215442587921689653e-6,  0.000015252733829836118394, 0.00015403530441736050155,
        0.001333355814641693531,   0.0096181291076068885273,   0.055504108664821594339,
        0.2402265069591009822,     0.69314718055994530942};
};

template <>
struct Exp2Series<float, 16> {
    static constexpr float kSeries[] = {0.05550508525196962683F, 0.24023355156988720906F,
                                        0.69314718055994530942F};
};

template <>
struct Exp2Series<float, 1> {
    static constexpr float kSeries[] = {0.00015453162945120690177F, 0.0013390863364671234381F,
                                        0.0096180825572778514913F,  0.055503571142190778186F,
                                        0.24022650760568126945F,    0.69314718802622878106F};
};

template <class Real>
[[gnu::always_inline]] inline Vec<Real> exp2(Vec<Real> x) {
    constexpr Index kSteps = kLooksUp ? kLanes<Real> : 1;
    constexpr int kShift = ExpConstants<Real>::kMantissaBits - std::countr_zero(unsigned(kSteps));
    using Series = Exp2Series<Real, kSteps>;
    using Bits = Reduced<Real>::Bits;
    constexpr Real kMagic = ExpConstants<Real>::kMagic / Real(kSteps);  // rounds to steps
    const Vec<Real> shifted = x + kMagic;
    const Vec<Real> f = x - (shifted - kMagic);
    // The low bits of `shifted` are k: its multiples of T move to the exponent, the rest j selects
    // 2^{j/T}, less the bits with which j arrives beside the exponent.
    const Bits k = std::bit_cast<Bits>(shifted);
    Bits scale = std::bit_cast<Bits>(broadcast(Real(1)));
    if constexpr (kLooksUp) {
        scale = std::bit_cast<Bits>(look_up(load(kRoots<Real>.data()), k));
    }
    const auto power = std::bit_cast<Vec<Real>>(scale + (k << kShift));
    Vec<Real> p = broadcast(Series::kSeries[0]);
    for (int i = 1; i < int(std::size(Series::kSeries)); ++i) {
        p = p * f + Series::kSeries[i];
    }
    return power * (p * f) + power;
}

}  // namespace noisync::simd
