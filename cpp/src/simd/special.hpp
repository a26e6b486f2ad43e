// Functions of mathematics in float64, lane by lane, to about one unit in the last place. The
// polynomials are near-minimax (Chebyshev interpolation in 40 digits), errors below 1e-17 each.
#pragma once

#include <bit>
#include <cmath>
#include <cstddef>

#include "simd/exp.hpp"

namespace noisync::simd {

// Coefficients from the highest power down.
template <class Real = double, std::size_t Count>
[[gnu::always_inline]] inline Vec<Real> polynomial(const double (&coefficients)[Count],
                                                   Vec<Real> x) {
    Vec<Real> value = broadcast(Real(coefficients[0]));
    for (std::size_t i = 1; i < Count; ++i) {
        value = value * x + Real(coefficients[i]);
    }
    return value;
}

// log(1 + x) for 0 <= x <= 1, with small relative error: with s = x/(2 + x) and h = x^2/2,
// log(1 + x) = 2 artanh s = x - (h - s (h + s^2 R(s^2))), the correction small against x. Above
// sqrt(2) - 1 with (x - 1)/2 for x, which adds log 2.
[[gnu::always_inline]] inline Vec<double> log1p_unit(Vec<double> x) {
    constexpr double kSeries[] = {0.14623956608211878749, 0.1533111258796016759,
                                  0.18182907497671217826, 0.22222210881932927138,
                                  0.28571428627528795607, 0.39999999999896070498,
                                  0.66666666666666698066};
    constexpr double kLog2 = 0.69314718055994530942;
    const auto large = x > 0.41421356237309504880;
    x = large ? (x - 1.0) * 0.5 : x;
    const Vec<double> s = x / (x + 2.0);
    const Vec<double> square = s * s;
    const Vec<double> h = 0.5 * x * x;
    const Vec<double> value = x - (h - s * (h + square * polynomial(kSeries, square)));
    return large ? value + kLog2 : value;
}

// erf(sqrt v) / sqrt v for 0 <= v <= 0.85.
[[gnu::always_inline]] inline Vec<double> erf_quotient(Vec<double> v) {
    constexpr double kSeries[] = {
        -8.3417766859144102752e-10, 1.3985110402971648751e-8,   -1.6264054990903330221e-7,
        1.6454007385708840198e-6,   -0.00001492522082529946462, 0.00012055317737603792517,
        -0.00085483266663860088428, 0.0052239776201309625918,   -0.026866170644664530495,
        0.11283791670953004779,     -0.37612638903183714683,    1.1283791670955125728};
    return polynomial(kSeries, v);
}

// e^{-s x^2} for a power of two s, as far as it is a normal number. The square keeps its digits:
// x = a + b with a^2 exact.
[[gnu::always_inline]] inline Reduced<double> exp_square(Vec<double> x, double s = 1.0) {
    using Bits = VectorOf<std::int64_t>::type;
    constexpr std::int64_t kUpper = -(std::int64_t{1} << 27);
    const auto a = std::bit_cast<Vec<double>>(std::bit_cast<Bits>(x) & kUpper);
    const Vec<double> tail = -s * (x - a) * (x + a);
    return reduce<double>(-s * a * a, [tail](Vec<double> r) { return r + tail; });
}

inline constexpr double kNormalEnd = 37.63;  // e^{-x^2/2} is still a normal number

// x Phi(-x) for kTailBegin <= x < kNormalEnd, Phi the normal distribution function: e^{-x^2/2}
// times a function between 0.15 and 0.4, a polynomial in x - 5/4 or, from 2.5 on, in 1/(x + 4). The
// constant terms come last: 2^k (c_0 + (c_1 t + ...) + (e^r - 1)(...)).
inline constexpr double kTailBegin = 0.55;

[[gnu::always_inline]] inline Vec<double> normal_tail(Vec<double> x) {
    constexpr double kNear[] = {
        5.7463922642502234711e-12, -5.8410973420908540388e-11, 3.2955894011237477098e-10,
        -1.5414674657204831027e-9, 6.961606129793092733e-9,    -3.0908832695918361342e-8,
        1.3340046537313763985e-7,  -5.5691531405935370202e-7,  2.2435923853456336809e-6,
        -8.6967761546543038853e-6, 0.000032318526120969531102, -0.00011462933210502051256,
        0.00038591415820102769802, -0.0012244989371827834981,  0.0036274480929720631325,
        -0.0099010864490436250842, 0.024410878821130048685,    -0.052588458241961588155,
        0.092645472843890545582};
    constexpr double kNearConstant = 0.2884504016320397175;
    constexpr double kFar[] = {
        3.9337044175970695108e-12,  -1.2486555025979517039e-11, -8.1270262410585859951e-11,
        2.3638272205418927298e-10,  1.557775051425973008e-9,    -2.8608983287044070758e-9,
        -3.3491180446592612174e-8,  -5.9875129285404117415e-9,  7.1250097199857264886e-7,
        2.5338677999620480904e-6,   -7.3474267890934828037e-6,  -0.00011597111913123386858,
        -0.00065404247411401130998, -0.0024598442503217405809,  -0.0068212537614628804017,
        -0.013728339581351493063,   -0.015881999367013571036};
    constexpr double kFarConstant = 0.39159984769051958245;
    const auto near = x < 2.5;
    const Vec<double> t =
        near ? x - 1.25 : 15.260425531914893617 / (x + 4.0) - 1.3659574468085106383;
    const Vec<double> constant = near ? broadcast(kNearConstant) : broadcast(kFarConstant);
    const Vec<double> rest = t * (near ? polynomial(kNear, t) : polynomial(kFar, t));
    const Reduced<double> e = exp_square(x, 0.5);
    const Vec<double> value = constant + (rest + (constant + rest) * e.rest);
    return std::bit_cast<Vec<double>>(std::bit_cast<Reduced<double>::Bits>(value) + e.exponent);
}

[[gnu::always_inline]] inline Vec<double> root(Vec<double> x) {
    double lanes[kLanes<double>];
    store(lanes, x);
    for (double& lane : lanes) {
        lane = std::sqrt(lane);
    }
    return load(lanes);
}

// arcsin sqrt v for 0 <= v <= 1, a little more counting as 1. Above 1/4 it is
// pi/2 - 2 arcsin sqrt((1 - sqrt v)/2).
[[gnu::always_inline]] inline Vec<double> arcsine_of_root(Vec<double> v) {
    constexpr double kSeries[] = {
        0.028860974387998531354,  -0.014999855783811347995, 0.017493569476248204119,
        0.0054242308398040009009, 0.010330370295404406438,  0.011478047472510144847,
        0.013971325328728771668,  0.017352385393480946268,  0.022372173243832205592,
        0.030381944131237198702,  0.044642857146446050502,  0.074999999999983891129,
        0.16666666666666667861};
    const Vec<double> x = root(v);
    const auto large = x > 0.5;
    const Vec<double> rest = x < 1.0 ? 0.5 * (1.0 - x) : 0.0 * x;
    const Vec<double> square = large ? rest : v;
    const Vec<double> base = large ? root(rest) : x;
    const Vec<double> angle = base + base * square * polynomial(kSeries, square);
    return large ? 1.57079632679489661923 - 2.0 * angle : angle;
}

// tanh x for |x| <= 0.6.
template <class Real>
[[gnu::always_inline]] inline Vec<Real> tanh_near(Vec<Real> x) {
    constexpr double kSeries[] = {
        -0.000018335962110039419923, 0.000081547378065253651385, -0.000232251040679385094,
        0.00058805415484187290001,   -0.0014554648028007449162,  0.0035920831663434575029,
        -0.0088632321135414731873,   0.021869488383780929152,    -0.053968253964757624783,
        0.13333333333330196177,      -0.33333333333333328669};
    const Vec<Real> square = x * x;
    return x + x * square * polynomial<Real>(kSeries, square);
}

// sin(r + shift pi) for |r| <= kSineEnd, up to the sign of whole turns: with shift 0 the sine, with
// 1/2 the cosine. pi in three parts, so that k times the first two is exact.
inline constexpr double kSineEnd = 1e6;

[[gnu::always_inline]] inline Vec<double> sine_shifted(Vec<double> x, double shift) {
    using Bits = VectorOf<std::int64_t>::type;
    constexpr double kInversePi = 0.31830988618379067154;
    constexpr double kPi[] = {0x1.921fb54400000p+1, 0x1.0b4611a600000p-33, 0x1.3198a2e037073p-68};
    constexpr double kSeries[] = {
        -8.0060613957054210056e-18, 2.8104686991374947442e-15, -7.6471391190428317266e-13,
        1.6059043479361994743e-10,  -2.5052108382390798125e-8, 2.7557319223971259538e-6,
        -0.00019841269841269806116, 0.0083333333333333333008,  -0.16666666666666666667};
    // x + shift pi = whole pi + r, |r| <= pi/2.
    const Vec<double> shifted = (x * kInversePi + shift) + ExpConstants<double>::kMagic;
    const Vec<double> turns = (shifted - ExpConstants<double>::kMagic) - shift;
    const Vec<double> r = ((x - turns * kPi[0]) - turns * kPi[1]) - turns * kPi[2];
    const Vec<double> square = r * r;
    const Vec<double> sine = r + r * square * polynomial(kSeries, square);
    const Bits sign = std::bit_cast<Bits>(shifted) << 63;  // whole is odd
    return std::bit_cast<Vec<double>>(std::bit_cast<Bits>(sine) ^ sign);
}

}  // namespace noisync::simd
