#include "noise/angular.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <utility>

#include "simd/chebyshev.hpp"

namespace noisync {

namespace {

// Chebyshev coefficients of the derivative by t, t = pi (s + 1) / 2:
// a'_{k-1} = a'_{k+1} + 2 k a_k, halved for k = 1.
std::vector<double> derivative(const std::vector<double>& series) {
    const std::size_t size = series.size();
    std::vector<double> result(size + 2, 0.0);
    for (std::size_t k = size - 1; k > 0; --k) {
        result[k - 1] = result[k + 1] + 2 * double(k) * series[k];
    }
    result[0] /= 2;
    for (double& value : result) {
        value *= 2 / std::numbers::pi;
    }
    result.resize(size);
    return result;
}

double scaled(double angle) {
    return 2 * angle / std::numbers::pi - 1;
}

}  // namespace

AngularKernel::AngularKernel(std::vector<double> series, double slope)
    : series_(std::move(series)),
      first_(derivative(series_)),
      second_(derivative(first_)),
      at_one_(simd::chebyshev(series_, -1.0)),
      slope_(slope) {}

void AngularKernel::apply(Eigen::Ref<Matrix<double>, 0, Eigen::OuterStride<>> cosines) const {
    constexpr Index kLanes = 32;
    using Lanes = Eigen::Array<double, kLanes, 1>;
    for (Index i = 0; i < cosines.rows(); ++i) {
        for (Index first = 0; first < cosines.cols(); first += kLanes) {
            const Index count = std::min(kLanes, cosines.cols() - first);
            auto entries = cosines.row(i).segment(first, count);
            Lanes s = Lanes::Zero();
            for (Index j = 0; j < count; ++j) {
                s(j) = scaled(std::acos(std::clamp(entries(j), -1.0, 1.0)));
            }
            const auto values = simd::chebyshev(series_, s);
            entries = values.head(count).matrix().transpose();
        }
    }
}

AngularKernel::Slopes AngularKernel::slopes(double u) const {
    constexpr double kNearEnd = 1e-6;  // of the sine: beyond, the quotients lose their digits
    const double angle = std::acos(std::clamp(u, -1.0, 1.0));
    const double sine = std::sin(angle);
    if (sine < kNearEnd) {
        // At u = -1, kappa' is the second derivative by the angle.
        return {u > 0 ? slope_ : simd::chebyshev(second_, 1.0), 0.0};
    }
    const double first = simd::chebyshev(first_, scaled(angle));
    const double second = simd::chebyshev(second_, scaled(angle));
    return {-first / sine, (second - first * std::cos(angle) / sine) / (sine * sine)};
}

}  // namespace noisync
