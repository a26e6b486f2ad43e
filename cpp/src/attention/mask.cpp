#include "attention/mask.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace noisync {

namespace {

constexpr double kNothing = -std::numeric_limits<double>::infinity();

// log(e^a + e^b).
double log_sum(double a, double b) {
    const auto [low, high] = std::minmax(a, b);
    return high == kNothing ? kNothing : high + std::log1p(std::exp(low - high));
}

}  // namespace

template <class Real>
Vector<Real> faded_weights(const Causal& mask, const Vector<Real>& weights) {
    const Index count = weights.size();
    Vector<Real> faded = weights;
    for (Index j = 0; mask.decay > 0 && j < count; ++j) {
        faded(j) = Real(double(weights(j)) * std::exp(mask.fading(count - 1 - j, count)));
    }
    return faded;
}

template <class Real>
double least_log_weight(const Causal& mask, const Vector<Real>& weights) {
    const Index count = weights.size();
    for (Index j = 0; j < count; ++j) {
        if (weights(j) > 0) {
            return std::log(double(weights(j))) + mask.fading(count - 1 - j, count);
        }
    }
    return kNothing;
}

template <class Real>
Vector<double> log_masses(const Causal& mask, const Vector<Real>& weights) {
    const Index count = weights.size();
    Vector<double> masses(count);
    const double fading = mask.fading(1, count);
    double before = kNothing;
    for (Index i = 0; i < count; ++i) {
        before += fading;
        const double with_self = log_sum(before, std::log(double(weights(i))));
        masses(i) = mask.include_self ? with_self : before;
        before = with_self;
    }
    return masses;
}

template Vector<float> faded_weights(const Causal&, const Vector<float>&);
template Vector<double> faded_weights(const Causal&, const Vector<double>&);
template double least_log_weight(const Causal&, const Vector<float>&);
template double least_log_weight(const Causal&, const Vector<double>&);
template Vector<double> log_masses(const Causal&, const Vector<float>&);
template Vector<double> log_masses(const Causal&, const Vector<double>&);

}  // namespace noisync
