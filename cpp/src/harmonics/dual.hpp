// Dual numbers v + s eps, eps^2 = 0: a formula evaluated with them carries its derivative along.
#pragma once

#include <Eigen/Core>

namespace noisync {

struct Dual {
    double value = 0;
    double slope = 0;

    Dual() = default;
    Dual(double constant) : value(constant) {}  // NOLINT(*-explicit-constructor): a constant
    Dual(double value_, double slope_) : value(value_), slope(slope_) {}

    Dual& operator+=(const Dual& other) { return *this = *this + other; }

    friend Dual operator+(const Dual& a, const Dual& b) {
        return {a.value + b.value, a.slope + b.slope};
    }
    friend Dual operator-(const Dual& a, const Dual& b) {
        return {a.value - b.value, a.slope - b.slope};
    }
    friend Dual operator*(const Dual& a, const Dual& b) {
        return {a.value * b.value, a.slope * b.value + a.value * b.slope};
    }
};

}  // namespace noisync

template <>
struct Eigen::NumTraits<noisync::Dual> : Eigen::NumTraits<double> {
    using Real = noisync::Dual;
    using NonInteger = noisync::Dual;
    using Nested = noisync::Dual;
};
