#include "noise/activation.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <numbers>
#include <utility>

#include "simd/special.hpp"

namespace noisync {

namespace {

using simd::broadcast;
using simd::kLanes;
using simd::kNormalEnd;
using simd::kSineEnd;
using simd::kTailBegin;
using simd::load;
using simd::store;
using simd::Vec;

constexpr double kLeakySlope = 0.01;

constexpr std::array<std::pair<std::string_view, Activation>, 11> kNames{{
    {"relu", Activation::relu},
    {"leaky_relu", Activation::leaky_relu},
    {"gelu", Activation::gelu},
    {"silu", Activation::silu},
    {"sigmoid", Activation::sigmoid},
    {"tanh", Activation::tanh},
    {"erf", Activation::erf},
    {"softplus", Activation::softplus},
    {"elu", Activation::elu},
    {"identity", Activation::identity},
    {"sin", Activation::sin},
}};

template <class Real>
[[gnu::always_inline]] inline Vec<Real> between(Vec<Real> z, Real low, Real high) {
    z = z < low ? broadcast(low) : z;  // NaN stays
    return z > high ? broadcast(high) : z;
}

// e^z, held where it is a normal number.
template <class Real>
[[gnu::always_inline]] inline Vec<Real> held_exp(Vec<Real> z) {
    constexpr Real kEnd = sizeof(Real) == 8 ? Real(708) : Real(87);
    return simd::exp<Real>(between<Real>(z, -kEnd, kEnd));
}

template <class Real>
[[gnu::always_inline]] inline Vec<Real> absolute(Vec<Real> z) {
    return z < Real(0) ? -z : z;
}

template <class Real>
[[gnu::always_inline]] inline Vec<Real> with_sign_of(Vec<Real> z, Vec<Real> size) {
    return z < Real(0) ? -size : size;
}

// x / (1 + e^-z), with what rounding took from 1 + e^-z put back.
template <class Real>
[[gnu::always_inline]] inline Vec<Real> gated(Vec<Real> x, Vec<Real> z) {
    const Vec<Real> e = held_exp<Real>(-z);
    const Vec<Real> sum = e + Real(1);
    const Vec<Real> lost = e < Real(1) ? e - (sum - Real(1)) : Real(1) - (sum - e);
    const Vec<Real> quotient = x / sum;
    return quotient - quotient * (lost / sum);
}

template <class Real>
[[gnu::always_inline]] inline Vec<Real> sigmoid(Vec<Real> z) {
    return gated<Real>(broadcast(Real(1)), z);
}

// z Phi(z): near zero from (Phi(z) - 1/2) / z, else from the tail beyond |z|, which keeps its
// digits for negative z.
[[gnu::always_inline]] inline Vec<double> gelu(Vec<double> z) {
    constexpr double kHalfRoot = 0.35355339059327376220;  // 1 / (2 sqrt 2)
    const Vec<double> size = absolute<double>(z);
    const Vec<double> near = z * (0.5 + z * kHalfRoot * simd::erf_quotient(0.5 * z * z));
    const Vec<double> tail = simd::normal_tail(between<double>(size, kTailBegin, kNormalEnd));
    const Vec<double> far = z < 0.0 ? -tail : z - tail;
    return size < kTailBegin ? near : far;
}

// Phi(z) + z phi(z).
[[gnu::always_inline]] inline Vec<double> gelu_derivative(Vec<double> z) {
    constexpr double kHalfRoot = 0.35355339059327376220;
    constexpr double kDensity = 0.39894228040143267794;  // 1 / sqrt(2 pi)
    const Vec<double> size = between<double>(absolute<double>(z), 0.0, kNormalEnd);
    const Vec<double> near = 0.5 + z * kHalfRoot * simd::erf_quotient(0.5 * z * z);
    const Vec<double> x = between<double>(size, kTailBegin, kNormalEnd);
    const Vec<double> tail = simd::normal_tail(x) / x;
    const Vec<double> far = z < 0.0 ? tail : 1.0 - tail;
    return (size < kTailBegin ? near : far) +
           z * kDensity * simd::power<double>(simd::exp_square(size, 0.5));
}

[[gnu::always_inline]] inline Vec<double> erf(Vec<double> z) {
    constexpr double kNear = 0.92;
    const Vec<double> size = absolute<double>(z);
    const Vec<double> x = between<double>(size * std::numbers::sqrt2, 1.0, kNormalEnd);
    const Vec<double> far = 1.0 - 2.0 * simd::normal_tail(x) / x;
    return size < kNear ? z * simd::erf_quotient(z * z) : with_sign_of<double>(z, far);
}

// 2 / sqrt(pi) e^{-z^2}.
[[gnu::always_inline]] inline Vec<double> erf_derivative(Vec<double> z) {
    const Vec<double> size = between<double>(z, -26.6, 26.6);
    return (2 * std::numbers::inv_sqrtpi) * simd::power<double>(simd::exp_square(size));
}

// log(1 + e^z).
[[gnu::always_inline]] inline Vec<double> softplus(Vec<double> z) {
    return (z < 0.0 ? 0.0 * z : z) + simd::log1p_unit(held_exp<double>(-absolute<double>(z)));
}

// The lanes beyond the reach of the vectorised sine go one by one.
[[gnu::always_inline]] inline Vec<double> sine(Vec<double> z, double shift,
                                               double (*beyond)(double)) {
    Vec<double> result = simd::sine_shifted(between<double>(z, -kSineEnd, kSineEnd), shift);
    for (Index lane = 0; lane < kLanes<double>; ++lane) {
        if (std::abs(z[lane]) > kSineEnd) {
            result[lane] = beyond(z[lane]);
        }
    }
    return result;
}

// data[i] <- function(data[i]), computed in vectors of the type `Computed`.
template <class Computed, class Real, class Function>
void transform(Real* data, Index count, Function&& function) {
    constexpr Index kStep = kLanes<Computed>;
    const auto go = [&](Real* begin) {
        Computed lanes[kStep];
        std::copy_n(begin, kStep, lanes);
        store(lanes, function(load(lanes)));
        std::transform(lanes, lanes + kStep, begin, [](Computed x) { return Real(x); });
    };
    for (; count >= kStep; data += kStep, count -= kStep) {
        go(data);
    }
    Real rest[kStep] = {};
    std::copy_n(data, count, rest);
    go(rest);
    std::copy_n(rest, count, data);
}

}  // namespace

std::vector<std::string_view> activation_names() {
    std::vector<std::string_view> names;
    names.reserve(kNames.size());
    for (const auto& [name, activation] : kNames) {
        names.push_back(name);
    }
    return names;
}

std::optional<Activation> activation_from_name(std::string_view name) {
    for (const auto& [known, activation] : kNames) {
        if (known == name) {
            return activation;
        }
    }
    return std::nullopt;
}

// Those that need more than e^z are computed in float64, float32 results are those rounded.
template <class Real>
void apply(Activation activation, Real* data, Index count) {
    using V = Vec<Real>;
    using D = Vec<double>;
    switch (activation) {
        case Activation::relu:
            return transform<Real>(data, count, [](V z) { return z < Real(0) ? Real(0) * z : z; });
        case Activation::leaky_relu:
            return transform<Real>(data, count,
                                   [](V z) { return z > Real(0) ? z : z * Real(kLeakySlope); });
        case Activation::gelu:
            return transform<double>(data, count, [](D z) { return gelu(z); });
        case Activation::silu:
            return transform<Real>(data, count, [](V z) { return gated<Real>(z, z); });
        case Activation::sigmoid:
            return transform<Real>(data, count, [](V z) { return sigmoid<Real>(z); });
        case Activation::tanh:
            return transform<Real>(data, count, [](V z) {
                const V size = absolute<Real>(z);
                const V far = Real(1) - Real(2) / (held_exp<Real>(Real(2) * size) + Real(1));
                return size < Real(0.58) ? simd::tanh_near<Real>(z) : with_sign_of<Real>(z, far);
            });
        case Activation::erf:
            return transform<double>(data, count, [](D z) { return erf(z); });
        case Activation::softplus:
            return transform<double>(data, count, [](D z) { return softplus(z); });
        case Activation::elu:
            return transform<Real>(data, count, [](V z) {
                return z > Real(0) ? z : simd::expm1<Real>(z > Real(0) ? V{} : z);
            });
        case Activation::identity:
            return;
        case Activation::sin:
            return transform<double>(data, count, [](D z) { return sine(z, 0.0, std::sin); });
    }
}

template <class Real>
void apply_derivative(Activation activation, Real* data, Index count) {
    using V = Vec<Real>;
    using D = Vec<double>;
    const auto step = [](V z, Real left) {
        return z > Real(0) ? broadcast(Real(1)) : broadcast(left);
    };
    switch (activation) {
        case Activation::relu:
            return transform<Real>(data, count, [=](V z) { return step(z, Real(0)); });
        case Activation::leaky_relu:
            return transform<Real>(data, count, [=](V z) { return step(z, Real(kLeakySlope)); });
        case Activation::gelu:
            return transform<double>(data, count, [](D z) { return gelu_derivative(z); });
        case Activation::silu:
            return transform<Real>(data, count, [](V z) {
                const V s = sigmoid<Real>(z);
                return s + z * s * sigmoid<Real>(-z);
            });
        case Activation::sigmoid:
            return transform<Real>(data, count,
                                   [](V z) { return sigmoid<Real>(z) * sigmoid<Real>(-z); });
        case Activation::tanh:
            return transform<Real>(data, count, [](V z) {
                const V e = held_exp<Real>(Real(-2) * absolute<Real>(z));
                return Real(4) * e / ((e + Real(1)) * (e + Real(1)));
            });
        case Activation::erf:
            return transform<double>(data, count, [](D z) { return erf_derivative(z); });
        case Activation::softplus:
            return transform<Real>(data, count, [](V z) { return sigmoid<Real>(z); });
        case Activation::elu:
            return transform<Real>(data, count, [](V z) {
                return z > Real(0) ? broadcast(Real(1)) : held_exp<Real>(z > Real(0) ? V{} : z);
            });
        case Activation::identity:
            std::fill_n(data, count, Real(1));
            return;
        case Activation::sin:
            return transform<double>(data, count, [](D z) { return sine(z, 0.5, std::cos); });
    }
}

template void apply<float>(Activation, float*, Index);
template void apply<double>(Activation, double*, Index);
template void apply_derivative<float>(Activation, float*, Index);
template void apply_derivative<double>(Activation, double*, Index);

}  // namespace noisync
