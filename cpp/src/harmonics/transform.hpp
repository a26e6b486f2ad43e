// Analysis and synthesis: the linear maps between numbers at points and coefficients of harmonics.
//
// Harmonics separate in the last coordinate (harmonics.hpp): on the unit sphere
//
//     Y_{n,l,i}(x) = c_{l,k} p_{l,k}(x_d) Y_{l,i}(x_1..x_{d-1}),   k = n - l,
//     p_{l,k+1} = x_d p_{l,k} - b_k^2 p_{l,k-1},   c_{l,k} = s_{d,l} / (b_1 ... b_k),
//
// so that for each l, a zone, both maps are products of small dense matrices: the polynomials at
// the points of a block times lower harmonics at the same points. No harmonic is ever stored, and
// nearly all the work is two multiply-adds per point, harmonic and column. In two variables there
// is one zone, the circle's harmonics over the number 1.
#pragma once

#include <vector>

#include "base/execution.hpp"
#include "base/pairs.hpp"
#include "base/types.hpp"
#include "harmonics/basis.hpp"

namespace noisync {

class HarmonicTransform {
   public:
    HarmonicTransform(Index degree, Index dim);

    [[nodiscard]] const HarmonicBasis& basis() const { return basis_; }

    // Those that sums over as many points are made of.
    [[nodiscard]] Blocks stretches(Index rows) const;

    // sum_j w_j Y_k(x_j) (v_j, 1), shape (size, columns of v + 1), for unit points x; with ranks
    // over the points of all of them.
    [[nodiscard]] Matrix<double> analyse(const Tokens<double>& x, const Vector<double>& weights,
                                         const Matrix<double>& values, Execution& execution,
                                         const Ranks* ranks = nullptr) const;

    // sum_k Y_k(x_i) coefficients_k, shape (N, columns), for unit points x. What a point gets does
    // not depend on the others, to the last bit.
    [[nodiscard]] Matrix<double> synthesise(const Tokens<double>& x,
                                            const Matrix<double>& coefficients,
                                            Execution& execution) const;

   private:
    // Harmonics of one l: `count` lower ones from `first` on, each times `height` polynomials. In
    // the transform's own order they follow one another from `begin` on, the polynomials inside.
    struct Zone {
        Index first;
        Index count;
        Index height;
        Index begin;
        std::vector<double> squares;  // b_k^2; of the circle none are needed
    };

    class Block;

    HarmonicBasis basis_;
    HarmonicBasis lower_;  // in one variable less; of no use on the circle
    Index block_size_;
    std::vector<Zone> zones_;
    std::vector<Index> place_;     // of each harmonic of the own order in the basis
    std::vector<double> factors_;  // c_{l,k}, in the own order
};

}  // namespace noisync
