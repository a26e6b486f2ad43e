// An isotropic kernel as a Chebyshev series in the angle, where it is smooth even at a kink of the
// activation: kappa(cos t) = sum_k a_k T_k(2t/pi - 1), t in [0, pi].
#pragma once

#include <vector>

#include "base/types.hpp"

namespace noisync {

class AngularKernel {
   public:
    // `slope`: kappa'(1), the limit that the series cannot give.
    AngularKernel(std::vector<double> series, double slope);

    // cosines <- kappa(cosines), entry by entry.
    void apply(Eigen::Ref<Matrix<double>, 0, Eigen::OuterStride<>> cosines) const;

    struct Slopes {
        double first;   // kappa'(u)
        double second;  // kappa''(u); 0 at the ends, where it is only asked for times 0
    };
    [[nodiscard]] Slopes slopes(double u) const;

    [[nodiscard]] double at_one() const { return at_one_; }
    [[nodiscard]] double slope() const { return slope_; }

   private:
    std::vector<double> series_;
    std::vector<double> first_;   // of the derivative by t
    std::vector<double> second_;  // of the second derivative by t
    double at_one_;
    double slope_;
};

}  // namespace noisync
