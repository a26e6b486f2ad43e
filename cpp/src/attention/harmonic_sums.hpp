// Sums of exponentials over the tokens in linear time, where they keep the summation's tolerance.
#pragma once

#include <optional>

#include "attention/law.hpp"
#include "attention/summation.hpp"
#include "attention/sums.hpp"
#include "base/execution.hpp"
#include "harmonics/transform.hpp"

namespace noisync {

template <class Real>
class HarmonicSums {
   public:
    // For logits beta <x_i, R x_j>, beta of the summation; an empty rotation stands for the
    // identity.
    HarmonicSums(Summation summation, Matrix<double> rotation);

    // Fills sums and returns true, if linear time was asked for and keeps its promise; else sums
    // are still to be taken, directly.
    bool fill(const Tokens<Real>& x, const Vector<Real>& weights, Normalization normalization,
              PairSums<Real>& sums, Execution& execution);

    // Whether the last call had to return false although linear time was asked for.
    [[nodiscard]] bool gave_up() const { return gave_up_; }

   private:
    Matrix<double> harmonic(const Tokens<Real>& x, const Vector<Real>& weights,
                            Execution& execution);
    [[nodiscard]] bool keeps_tolerance(double size) const;

    Summation summation_;
    Matrix<double> rotation_;
    std::optional<HarmonicTransform> transform_;
    bool gave_up_ = false;
};

}  // namespace noisync
