// Functionals. Token i alone asks for the value G(x_i). A token within kReach of an earlier one, c
// (or of -c when G is odd), asks for the derivative of G at c towards it instead, and receives
// G(x_i) = G(c) + r DG(c) v: so the noise of merging tokens differs by what it should, down to r =
// 0, while values alone would be linearly dependent in floating point. The neglected second order
// is kReach relative to the difference. With u = <c, c'> and tangents v at c, w at c',
//
//     Cov(G(c), G(c'))          = kappa(u)
//     Cov(G(c), DG(c') w)       = kappa'(u) <c, w>
//     Cov(DG(c) v, DG(c') w)    = kappa'(u) <v, w> + kappa''(u) <v, c'> <c, w>
//
// times the identity. The factor is taken in the order of the tokens, without pivoting: the noise
// of a token depends on those before it only, and continuously on their places, so that runs of the
// same path at other step sizes stay together. A functional whose conditional variance is below
// kResolved of its variance is a combination of the earlier ones and draws nothing.
#include "noise/exact.hpp"

#include <cmath>
#include <stdexcept>
#include <vector>

#include "base/pairs.hpp"
#include "noise/angular.hpp"

namespace noisync {

namespace {

constexpr double kReach = 1e-4;
constexpr double kResolved = 1e-13;
constexpr Index kBlock = 64;

struct Functional {
    Index centre = 0;      // c
    double sign = 1;       // -1: the token is near -c
    double distance = 0;   // r
    bool is_value = true;  // else a derivative, along the row of the same number in directions_
};

template <class Real>
class ExactField final : public NoiseField<Real> {
   public:
    explicit ExactField(const Exact& exact) : kernel_(exact.series, exact.slope), odd_(exact.odd) {}

    void add(const Tokens<Real>& y, const Vector<Real>& /*weights*/, const LayerKey& key,
             Real scale, Tokens<Real>& out, Derivatives<Real>* derivatives,
             Execution& execution) override {
        tokens_ = y.template cast<double>();
        const Index n = y.rows();
        const Index extra = derivatives == nullptr ? 0 : derivatives->along.rows();
        const Blocks blocks{n + extra, kBlock};
        factor_.resize(n + extra, n + extra);
        factor_.bottomRows(extra).setZero();
        fill_cosines(blocks, execution);
        choose_functionals();
        if (derivatives != nullptr) {
            append(*derivatives);
        }
        fill_covariances(blocks, execution);
        factorise(blocks, execution);
        draw(key, double(scale), blocks, execution);
        for (Index i = 0; i < n; ++i) {
            const Functional& f = functionals_[std::size_t(i)];
            auto value = values_.row(i);
            if (!f.is_value) {
                value = f.sign * (values_.row(f.centre) + f.distance * value);
            }
            out.row(i) += value.template cast<Real>();
        }
        if (derivatives != nullptr) {
            derivatives->out += values_.bottomRows(extra).template cast<Real>();
        }
    }

   private:
    [[nodiscard]] auto tile(const Blocks& blocks, Index i, Index j) {
        return factor_.block(blocks.begin(i), blocks.begin(j), blocks.length(i), blocks.length(j));
    }

    // factor_ <- X X^T on and below the diagonal blocks; rows of other functionals are left alone.
    void fill_cosines(const Blocks& blocks, Execution& execution) {
        const Blocks rows{tokens_.rows(), blocks.size};
        execution.for_each(rows.count(), [&](Index i, int) {
            for (Index j = 0; j <= i; ++j) {
                factor_.block(rows.begin(i), rows.begin(j), rows.length(i), rows.length(j))
                    .noalias() = tokens_.middleRows(rows.begin(i), rows.length(i)) *
                                 tokens_.middleRows(rows.begin(j), rows.length(j)).transpose();
            }
        });
    }

    void choose_functionals() {
        constexpr double kNear = 1 - kReach * kReach / 2;
        functionals_.clear();
        directions_.setZero(factor_.rows(), tokens_.cols());
        merged_ = false;
        for (Index i = 0; i < tokens_.rows(); ++i) {
            Functional functional{i, 1, 0, true};
            for (Index j = 0; j < i; ++j) {
                const double u = factor_(i, j);
                if ((u > kNear || (odd_ && u < -kNear)) && functionals_[std::size_t(j)].is_value) {
                    functional = towards(i, j, u);
                    break;
                }
            }
            functionals_.push_back(functional);
        }
    }

    // The derivative at token j in the direction of token i (or of its antipode).
    Functional towards(Index i, Index j, double u) {
        merged_ = true;
        const double sign = u > 0 ? 1 : -1;
        const auto centre = tokens_.row(j);
        auto direction = directions_.row(i);
        direction = sign * tokens_.row(i) - centre;
        direction -= direction.dot(centre) * centre;
        const double distance = direction.norm();
        if (distance > 0) {
            direction /= distance;
        }
        return {j, sign, distance, false};
    }

    // Derivatives at tokens: those of the tangents that are carried along.
    void append(const Derivatives<Real>& derivatives) {
        for (Index row = 0; row < derivatives.along.rows(); ++row) {
            const Index token = derivatives.first + row / derivatives.directions();
            const Functional at = functionals_[std::size_t(token)];
            directions_.row(Index(functionals_.size())) =
                derivatives.along.row(row).template cast<double>();
            functionals_.push_back({at.is_value ? token : at.centre, 1, 0, false});
            merged_ = true;
        }
    }

    void fill_covariances(const Blocks& blocks, Execution& execution) {
        execution.for_each(blocks.count(), [&](Index block, int) {
            for (Index other = 0; other <= block; ++other) {
                kernel_.apply(tile(blocks, block, other));
            }
            const Index end = blocks.begin(block) + blocks.length(block);
            for (Index i = blocks.begin(block); merged_ && i < end; ++i) {
                for (Index j = 0; j <= i; ++j) {
                    const Functional& f = functionals_[std::size_t(i)];
                    const Functional& g = functionals_[std::size_t(j)];
                    if (!f.is_value || !g.is_value) {
                        factor_(i, j) = covariance(f, i, g, j);
                    }
                }
            }
        });
    }

    // Of two functionals of which one at least is a derivative.
    [[nodiscard]] double covariance(const Functional& f, Index i, const Functional& g,
                                    Index j) const {
        const auto c = tokens_.row(f.centre);
        const auto c_other = tokens_.row(g.centre);
        const bool same = f.centre == g.centre;
        const auto [first, second] =
            same ? AngularKernel::Slopes{kernel_.slope(), 0} : kernel_.slopes(c.dot(c_other));
        const double across = same || f.is_value ? 0 : directions_.row(i).dot(c_other);
        const double back = same || g.is_value ? 0 : directions_.row(j).dot(c);
        if (f.is_value) {
            return first * back;
        }
        if (g.is_value) {
            return first * across;
        }
        return first * directions_.row(i).dot(directions_.row(j)) + second * across * back;
    }

    void factorise(const Blocks& blocks, Execution& execution) {
        variances_ = factor_.diagonal();
        for (Index j = 0; j < blocks.count(); ++j) {
            const Index done = blocks.begin(j);
            execution.for_each(blocks.count() - j, [&](Index below, int) {
                const Index i = j + below;
                tile(blocks, i, j).noalias() -=
                    factor_.block(blocks.begin(i), 0, blocks.length(i), done) *
                    factor_.block(done, 0, blocks.length(j), done).transpose();
            });
            // Diagonal block first, then the blocks below it: row by row, by forward substitution.
            substitute(blocks, j, j);
            execution.for_each(blocks.count() - j - 1,
                               [&](Index below, int) { substitute(blocks, j + 1 + below, j); });
        }
    }

    void substitute(const Blocks& blocks, Index i, Index j) {
        const Index first = blocks.begin(j);
        for (Index row = blocks.begin(i); row < blocks.begin(i) + blocks.length(i); ++row) {
            for (Index column = first; column < first + blocks.length(j); ++column) {
                double& entry = factor_(row, column);
                if (column > row) {
                    entry = 0;
                    continue;
                }
                const Index known = column - first;
                entry -= factor_.row(row)
                             .segment(first, known)
                             .dot(factor_.row(column).segment(first, known));
                if (row == column) {
                    entry = entry > kResolved * variances_(row) ? std::sqrt(entry) : 0;
                } else {
                    const double pivot = factor_(column, column);
                    entry = pivot > 0 ? entry / pivot : 0;
                }
            }
        }
    }

    // values_ <- L xi, one row of normals a functional.
    void draw(const LayerKey& key, double scale, const Blocks& blocks, Execution& execution) {
        const Index n = tokens_.rows();
        const Index d = tokens_.cols();
        normals_.setZero(factor_.rows(), d);
        add_normals(key, Purpose::exact_values, 0, n * d, scale, normals_.data());
        add_normals(key, Purpose::exact_derivatives, 0, (factor_.rows() - n) * d, scale,
                    normals_.data() + n * d);
        values_.resize(factor_.rows(), d);
        execution.for_each(blocks.count(), [&](Index i, int) {
            const Index row = blocks.begin(i);
            const Index rows = blocks.length(i);
            values_.middleRows(row, rows).noalias() =
                factor_.block(row, 0, rows, row + rows) * normals_.topRows(row + rows);
        });
    }

    AngularKernel kernel_;
    bool odd_;
    bool merged_ = false;  // whether there is a derivative among the functionals
    Tokens<double> tokens_;
    std::vector<Functional> functionals_;
    Matrix<double> directions_;
    Matrix<double> factor_;
    Vector<double> variances_;
    Matrix<double> normals_;
    Matrix<double> values_;
};

}  // namespace

SharedNoiseLaw noise_law(const Exact& exact) {
    if (exact.series.empty()) {
        throw std::invalid_argument("a series needs at least one coefficient");
    }
    return law_of<ExactField>(exact);
}

}  // namespace noisync
