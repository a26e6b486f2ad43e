// Kernels kappa(u) with their derivatives in closed form, and the Chebyshev series in the angle by
// which the core knows them.
#pragma once

#include <functional>
#include <numbers>
#include <vector>

#include "configurations.hpp"
#include "noise/exact.hpp"

namespace reference {

struct Kernel {
    std::function<Long(Long)> value;   // kappa(u)
    std::function<Long(Long)> first;   // kappa'(u)
    std::function<Long(Long)> second;  // kappa''(u)
    bool odd = false;
};

// ReLU without biases: kappa = (sin t + (pi - t) cos t) / (2 pi d), u = cos t.
inline Kernel relu_kernel(Index d) {
    const Long size = 1 / (2 * std::numbers::pi_v<Long> * d);
    const auto sine = [](Long u) { return std::sqrt((1 - u) * (1 + u)); };
    const auto rest = [](Long u) { return std::numbers::pi_v<Long> - std::acos(u); };
    return {[=](Long u) { return size * (sine(u) + rest(u) * u); },
            [=](Long u) { return size * rest(u); }, [=](Long u) { return size / sine(u); }};
}

// erf without biases: kappa = (2/pi) arcsin(c u), c = 2 / (d + 2); odd.
inline Kernel erf_kernel(Index d) {
    const Long c = Long(2) / (d + 2);
    const Long size = 2 / std::numbers::pi_v<Long>;
    const auto root = [c](Long u) { return std::sqrt(1 - c * c * u * u); };
    return {[=](Long u) { return size * std::asin(c * u); },
            [=](Long u) { return size * c / root(u); },
            [=](Long u) { return size * c * c * c * u / (root(u) * root(u) * root(u)); }, true};
}

// kappa = a + b u: the field b_W + W y.
inline Kernel affine_kernel(Long a, Long b) {
    return {[=](Long u) { return a + b * u; }, [=](Long) { return b; },
            [](Long) { return Long(0); }, a == 0};
}

// f(pi (s + 1) / 2) = sum_k a_k T_k(s) with f(t) = kappa(cos t), by interpolation.
inline noisync::Exact exact(const Kernel& kernel) {
    constexpr int kSize = 48;
    const Long pi = std::numbers::pi_v<Long>;
    noisync::Exact config{{}, double(kernel.first(1)), kernel.odd};
    for (int k = 0; k < kSize; ++k) {
        Long sum = 0;
        for (int j = 0; j < kSize; ++j) {
            const Long node = pi * (j + 0.5L) / kSize;
            const Long angle = pi * (std::cos(node) + 1) / 2;
            sum += kernel.value(std::cos(angle)) * std::cos(k * node);
        }
        config.series.push_back(double(sum * (k == 0 ? 1 : 2) / kSize));
    }
    return config;
}

}  // namespace reference
