#include <doctest/doctest.h>

#include <set>
#include <string>
#include <vector>

#include "noise/activation.hpp"
#include "reference.hpp"

namespace {

using noisync::Activation;
using noisync::Index;
using reference::Long;

std::vector<Activation> all_activations() {
    std::vector<Activation> all;
    for (const std::string_view name : noisync::activation_names()) {
        all.push_back(*noisync::activation_from_name(name));
    }
    return all;
}

// [-40, 40] finely, both zeros, the neighbourhood of zero and far out.
template <class Real>
std::vector<Real> grid() {
    std::vector<Real> z{Real(0), -Real(0), Real(1000), Real(-1000)};
    for (int i = -20000; i <= 20000; ++i) {
        z.push_back(Real(i * 0.002));
    }
    for (int exponent = -1; exponent >= -30; --exponent) {
        z.push_back(Real(std::pow(10.0, exponent)));
        z.push_back(-z.back());
    }
    return z;
}

// Relative errors are relative to this: the result, or the terms where two of them cancel.
Long size_of(Activation activation, bool derivative, Long z) {
    using reference::activation_derivative;
    if (derivative && (activation == Activation::gelu || activation == Activation::silu)) {
        const Activation sum =
            activation == Activation::gelu ? Activation::erf : Activation::sigmoid;
        const Long distribution = sum == Activation::erf
                                      ? std::erfc(-z / std::numbers::sqrt2_v<Long>) / 2
                                      : reference::activation(sum, z);
        return distribution + std::abs(activation_derivative(activation, z) - distribution);
    }
    return std::abs(derivative ? activation_derivative(activation, z)
                               : reference::activation(activation, z));
}

// Below the normal numbers any tiny number will do: vectorised exponentials end there, and gelu
// multiplies what is left by z.
template <class Real>
Long tiny_at(Long z) {
    return 2 * (1 + std::abs(z)) * std::numeric_limits<Real>::min();
}

// The distance to the next number away from zero.
template <class Real>
Long last_place(Long size) {
    const Real rounded = Real(size);
    return Long(std::nextafter(rounded, std::numeric_limits<Real>::infinity())) - Long(rounded);
}

// In units of the last place of the result's size.
template <class Real>
Long largest_error(Activation activation, bool derivative) {
    const std::vector<Real> arguments = grid<Real>();
    std::vector<Real> results = arguments;
    if (derivative) {
        noisync::apply_derivative(activation, results.data(), Index(results.size()));
    } else {
        noisync::apply(activation, results.data(), Index(results.size()));
    }
    Long worst = 0;
    for (std::size_t i = 0; i < arguments.size(); ++i) {
        const Long z = arguments[i];
        const Long expected = derivative ? reference::activation_derivative(activation, z)
                                         : reference::activation(activation, z);
        const Long unit = last_place<Real>(size_of(activation, derivative, z));
        const Long error =
            std::max<Long>(0, std::abs(Long(results[i]) - expected) - tiny_at<Real>(z));
        const bool right = std::isfinite(results[i]) && error <= worst * unit;
        worst = right ? worst : std::isfinite(results[i]) ? error / unit : HUGE_VALL;
    }
    return worst;
}

std::string name_of(Activation activation) {
    for (const std::string_view name : noisync::activation_names()) {
        if (noisync::activation_from_name(name) == activation) {
            return std::string(name);
        }
    }
    return "none";
}

}  // namespace

TEST_CASE("names are distinct and lead to distinct activations") {
    const std::vector<std::string_view> names = noisync::activation_names();
    const std::vector<Activation> all = all_activations();
    CHECK(names.size() == 11);
    CHECK(std::set<std::string_view>(names.begin(), names.end()).size() == names.size());
    CHECK(std::set<Activation>(all.begin(), all.end()).size() == names.size());
    CHECK(noisync::activation_from_name("gelu") == Activation::gelu);
    CHECK(noisync::activation_from_name("leaky_relu") == Activation::leaky_relu);
    CHECK_FALSE(noisync::activation_from_name("Gelu").has_value());
    CHECK_FALSE(noisync::activation_from_name("").has_value());
}

TEST_CASE_TEMPLATE("values and derivatives are right to a few units", Real, double, float) {
    for (const Activation activation : all_activations()) {
        CAPTURE(name_of(activation));
        const Long value = largest_error<Real>(activation, false);
        const Long slope = largest_error<Real>(activation, true);
        CHECK(value <= 2);
        CHECK(slope <= 4);
    }
}

TEST_CASE("derivatives are the slopes of the values") {
    const double step = 0x1p-17;
    for (const Activation activation : all_activations()) {
        CAPTURE(name_of(activation));
        double worst = 0;
        for (int i = -2000; i <= 2000; ++i) {
            const double z = i * 0.02 + 0.007;  // never as near to zero as the step
            double ends[2] = {z - step, z + step};
            double slope = z;
            noisync::apply(activation, ends, 2);
            noisync::apply_derivative(activation, &slope, 1);
            worst = std::max(worst, std::abs((ends[1] - ends[0]) / (2 * step) - slope));
        }
        // Roundings of values up to 40 over twice the step, and a third derivative of at most 2
        // times step^2 / 6.
        CHECK(worst < 40 * 0x1p-51 / (2 * step) + 2 * step * step / 6);
    }
}

TEST_CASE("at a kink the derivative is the one from the left") {
    const auto derivative_at = [](Activation activation, double z) {
        noisync::apply_derivative(activation, &z, 1);
        return z;
    };
    CHECK(derivative_at(Activation::relu, 0.0) == 0.0);
    CHECK(derivative_at(Activation::relu, 1e-300) == 1.0);
    CHECK(derivative_at(Activation::leaky_relu, 0.0) == 0.01);
    CHECK(derivative_at(Activation::leaky_relu, -0.0) == 0.01);
    CHECK(derivative_at(Activation::elu, 0.0) == 1.0);
}

TEST_CASE_TEMPLATE("a number's result does not depend on its place", Real, double, float) {
    const std::vector<Real> arguments = grid<Real>();
    for (const Activation activation : all_activations()) {
        CAPTURE(name_of(activation));
        std::vector<Real> together = arguments;
        noisync::apply(activation, together.data(), Index(together.size()));
        bool same = true;
        for (const std::size_t begin : {1, 2, 3, 1021, 20005}) {
            for (const std::size_t count : {0, 1, 5, 1023, 1025, 2049}) {
                std::vector<Real> part(arguments.begin() + Index(begin),
                                       arguments.begin() + Index(begin + count));
                noisync::apply(activation, part.data(), Index(count));
                same =
                    same && std::equal(part.begin(), part.end(), together.begin() + Index(begin));
            }
        }
        CHECK(same);
    }
}
