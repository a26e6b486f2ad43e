#include "noisync/activation.hpp"

#include <Eigen/Core>
#include <array>
#include <cmath>
#include <numbers>
#include <utility>

namespace noisync {

namespace {

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
using Values = Eigen::Array<Real, Eigen::Dynamic, 1>;

// 1 / (1 + e^-z); e^-z = inf gives 0, as it should.
template <class Real>
Values<Real> sigmoid(const Values<Real>& z) {
    return ((-z).exp() + Real(1)).inverse();
}

// The normal distribution function erfc(-z/sqrt 2)/2, so that the left tail keeps its digits. There
// erfc amplifies the rounding of its argument t, which a first-order step removes.
double normal_cdf(double z) {
    constexpr double kScale = -0.70710678118654752440;     // -1/sqrt 2, rounded
    constexpr double kScaleRest = 4.8336466567264567e-17;  // -1/sqrt 2 - kScale
    const double t = z * kScale;
    const double rest = std::fma(z, kScale, -t) + z * kScaleRest;
    const double slope = -2 * std::numbers::inv_sqrtpi * std::exp(-t * t);
    return 0.5 * (std::erfc(t) + slope * rest);
}

template <class Real>
Values<Real> normal_cdf(const Values<Real>& z) {
    return z.unaryExpr([](Real t) { return Real(normal_cdf(double(t))); });
}

template <class Real>
Values<Real> value(Activation activation, const Values<Real>& z) {
    switch (activation) {
        case Activation::relu:
            return z.max(Real(0));
        case Activation::leaky_relu:
            return (z > Real(0)).select(z, z * Real(kLeakySlope));
        case Activation::gelu:
            return z * normal_cdf<Real>(z);
        case Activation::silu:
            return z * sigmoid<Real>(z);
        case Activation::sigmoid:
            return sigmoid<Real>(z);
        case Activation::tanh: {
            // e^{-2|z|} - 1 = t gives tanh|z| = -t / (2 + t), accurate near zero too.
            const Values<Real> t = (Real(-2) * z.abs()).expm1();
            const Values<Real> magnitude = -t / (t + Real(2));
            return (z < Real(0)).select(-magnitude, magnitude);
        }
        case Activation::erf:
            return z.unaryExpr([](Real t) { return std::erf(t); });
        case Activation::softplus:
            return z.max(Real(0)) + (-z.abs()).exp().log1p();
        case Activation::elu:
            return (z > Real(0)).select(z, z.min(Real(0)).expm1());
        case Activation::identity:
            return z;
        case Activation::sin:
            return z.unaryExpr([](Real t) { return std::sin(t); });
    }
    return z;
}

template <class Real>
Values<Real> derivative(Activation activation, const Values<Real>& z) {
    const auto step = [&](Real left) {
        return (z > Real(0))
            .select(Values<Real>::Constant(z.size(), Real(1)),
                    Values<Real>::Constant(z.size(), left));
    };
    switch (activation) {
        case Activation::relu:
            return step(Real(0));
        case Activation::leaky_relu:
            return step(Real(kLeakySlope));
        case Activation::gelu: {
            const Real density = Real(std::numbers::inv_sqrtpi / std::numbers::sqrt2);
            return normal_cdf<Real>(z) + z * (Real(-0.5) * z * z).exp() * density;
        }
        case Activation::silu: {
            const Values<Real> s = sigmoid<Real>(z);
            return s + z * s * sigmoid<Real>(-z);
        }
        case Activation::sigmoid:
            return sigmoid<Real>(z) * sigmoid<Real>(-z);
        case Activation::tanh: {
            const Values<Real> e = (Real(-2) * z.abs()).exp();
            return Real(4) * e / (e + Real(1)).square();
        }
        case Activation::erf:
            return (-z * z).exp() * Real(2 * std::numbers::inv_sqrtpi);
        case Activation::softplus:
            return sigmoid<Real>(z);
        case Activation::elu:
            return (z > Real(0)).select(Values<Real>::Ones(z.size()), z.min(Real(0)).exp());
        case Activation::identity:
            return Values<Real>::Ones(z.size());
        case Activation::sin:
            return z.unaryExpr([](Real t) { return std::cos(t); });
    }
    return z;
}

// In pieces that stay in the first-level cache.
template <class Real, class Function>
void apply_in_pieces(Real* data, Index count, Function&& function) {
    constexpr Index kPiece = 1024;
    for (Index begin = 0; begin < count; begin += kPiece) {
        Eigen::Map<Values<Real>> piece(data + begin, std::min(kPiece, count - begin));
        piece = function(Values<Real>(piece));
    }
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

template <class Real>
void apply(Activation activation, Real* data, Index count) {
    apply_in_pieces(data, count, [=](const Values<Real>& z) { return value<Real>(activation, z); });
}

template <class Real>
void apply_derivative(Activation activation, Real* data, Index count) {
    apply_in_pieces(data, count,
                    [=](const Values<Real>& z) { return derivative<Real>(activation, z); });
}

template void apply<float>(Activation, float*, Index);
template void apply<double>(Activation, double*, Index);
template void apply_derivative<float>(Activation, float*, Index);
template void apply_derivative<double>(Activation, double*, Index);

}  // namespace noisync
