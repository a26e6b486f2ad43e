#include "measure/budget.hpp"

#include <cmath>
#include <numeric>

#include "attention/of_ranks.hpp"
#include "base/stretches.hpp"
#include "harmonics/sums.hpp"
#include "simd/exp.hpp"
#include "simd/gaps.hpp"

namespace noisync {

namespace {

using simd::kLanes;
using simd::kPanel;
using simd::kTall;
using Lanes = simd::Vec<double>;

// rows_i <- P_i rows_i.
void project(const Tokens<double>& x, Tokens<double>& rows) {
    const Vector<double> radial = (rows.array() * x.array()).rowwise().sum();
    rows -= radial.asDiagonal() * x;
}

// The pass over pairs: sums_i = sum_j w_j e^{-beta g_ij} (y_j, 1), y = x - centre, the noise, and
// sum_ij w_i w_j (1 - e^{-beta g_ij}).
class Pass {
   public:
    Pass(const Tokens<double>& x, const Vector<double>& weights)
        : tokens_(x, weights), blocks_(gap_blocks(tokens_)) {
        const Tokens<double> centre = weights.transpose() * x;
        values_.setOnes(tokens_.rows.rows(), x.cols() + 1);
        values_.leftCols(x.cols()) = tokens_.rows.rowwise() - centre.row(0);
        weighted_ = tokens_.weights.asDiagonal() * values_;
    }

    void run(double beta, const TileNoise& noise, Execution& execution) {
        sums_.setZero(values_.rows(), values_.cols());
        // Partial sums of each block: for_each_block_pair fixes the order of additions.
        Matrix<double> partial = Matrix<double>::Zero(blocks_.count(), 2);
        for_each_gap_tile(tokens_, blocks_, execution, [&](const GapTile& tile, int worker) {
            const double orders = tile.i == tile.j ? 1 : 2;
            partial(tile.i, 0) += noise ? orders * noise(tile, worker) : 0.0;
            partial(tile.i, 1) += orders * add_values(tile, beta);
        });
        noise_ = partial.col(0).sum();
        loss_ = partial.col(1).sum();
    }

    // P_i sum_j w_j e^{-beta g} (x_j - x_i) for all tokens, and sum_j w_j e^{-beta g}.
    [[nodiscard]] Tokens<double> pulls(const Tokens<double>& x) const {
        const Index d = x.cols();
        Tokens<double> pull = sums_.topLeftCorner(x.rows(), d);
        pull -= masses(x.rows()).asDiagonal() * values_.topLeftCorner(x.rows(), d);
        project(x, pull);
        return pull;
    }
    [[nodiscard]] Vector<double> masses(Index rows) const {
        return sums_.col(sums_.cols() - 1).head(rows);
    }
    [[nodiscard]] const PackedTokens& tokens() const { return tokens_; }
    [[nodiscard]] double noise() const { return noise_; }
    [[nodiscard]] double loss() const { return loss_; }

   private:
    // Turns the gaps of the tile into e^{-beta g}, sums them up for the rows of both blocks, and
    // returns the sum of w_i w_j (1 - e^{-beta g}).
    double add_values(const GapTile& tile, double beta) {
        const double* weights = tokens_.weights.data() + tile.row;
        Lanes losses[kTall] = {};
        for (Index column = 0; column < tile.columns; ++column) {
            for (int h = 0; h < kTall; ++h) {
                double* entries = tile.gaps + column * kPanel<double> + h * kLanes<double>;
                const Lanes loss = simd::expm1<double>(simd::load(entries) * -beta);
                losses[h] -= loss * tokens_.weights(tile.first + column);
                simd::store(entries, loss + 1.0);
            }
        }
        // Column by column in memory: the transpose of a row-major matrix.
        const Eigen::Map<const Matrix<double>> powers(tile.gaps, tile.columns, kPanel<double>);
        sums_.middleRows(tile.row, kPanel<double>).noalias() +=
            powers.transpose() * weighted_.middleRows(tile.first, tile.columns);
        if (tile.i != tile.j) {
            sums_.middleRows(tile.first, tile.columns).noalias() +=
                powers * weighted_.middleRows(tile.row, kPanel<double>);
        }
        return weighted_sum(losses, weights);
    }

    PackedTokens tokens_;
    Blocks blocks_;
    Matrix<double> values_;
    Matrix<double> weighted_;
    Matrix<double> sums_;
    double noise_ = 0.0;
    double loss_ = 0.0;
};

// The sum of part(first, count) over stretches of rows.
template <class Part>
double total(const Blocks& stretches, Execution& execution, Part&& part) {
    const auto one = [&](Index first, Index count, int, Vector<double>& sum) {
        sum.setConstant(1, part(first, count));
    };
    return sum_of_stretches<Vector<double>>(stretches, execution, execution.ranks(), one)(0);
}

// sum_i w_i <a_i, b_i>.
double weighted_product(const Eigen::Ref<const Tokens<double>>& a,
                        const Eigen::Ref<const Tokens<double>>& b,
                        const Eigen::Ref<const Vector<double>>& weights) {
    return weights.dot((a.array() * b.array()).rowwise().sum().matrix());
}

Tokens<double> evaluated(const SummedAttention& attention, const Tokens<double>& x,
                         const Vector<double>& weights, Execution& execution) {
    Tokens<double> result(x.rows(), x.cols());
    const auto evaluator = attention.evaluator<double>();
    AttentionOfRanks<double>(evaluator.get()).evaluate(x, weights, result, execution);
    project(x, result);
    return result;
}

// pulls_i = P_i sum_j w_j e^{beta u - beta} x_j, of the attention's own beta, and the sums of its
// weights, make its tangential part.
Tokens<double> moves(const ZonalAttention& attention, const Tokens<double>& pulls,
                     const Vector<double>& masses) {
    Tokens<double> result = attention.scale * pulls;
    if (attention.normalization == Normalization::softmax) {
        result.array().colwise() /= masses.array();
    } else {
        result *= std::exp(attention.beta);
    }
    return result;
}

}  // namespace

Budget energy_budget(const Tokens<double>& x, const Vector<double>& weights, const BudgetLaw& law,
                     Execution& execution) {
    Budget budget;
    Pass pass(x, weights);
    const TileNoise noise =
        law.noise ? law.noise->prepare(pass.tokens(), x, weights, law.beta, execution) : nullptr;
    pass.run(law.beta, noise, execution);
    const double factor = law.beta * scale_factor(law.scale, law.beta);
    budget.noise = -0.5 * factor * pass.noise();
    budget.energy = 0.5 * scale_factor(law.scale, law.beta) * pass.loss();
    if (law.attention) {
        const auto zonal = law.attention->law->zonal();
        const Tokens<double> pulls = pass.pulls(x);
        if (zonal && zonal->beta != law.beta) {
            pass.run(zonal->beta, nullptr, execution);
        }
        const Tokens<double> moved = zonal ? moves(*zonal, pass.pulls(x), pass.masses(x.rows()))
                                           : evaluated(*law.attention, x, weights, execution);
        budget.attention = -factor * weighted_product(pulls, moved, weights);
    }
    return budget;
}

Budget energy_budget(const HarmonicTransform& transform, const Tokens<double>& x,
                     const Vector<double>& weights, const HarmonicBudgetLaw& law,
                     Execution& execution) {
    Budget budget;
    const double factor = law.beta * scale_factor(law.scale, law.beta);
    const Blocks stretches = transform.stretches(execution.rows_of_all(x.rows()));
    if (!law.noise.empty()) {
        // sum_ij w_i w_j (F(1) - F(u_ij)) = 2 sum_n f_n s_n.
        const auto centre = middle(x, weights, stretches, execution);
        const auto spread = harmonic_spread(transform, x, weights, centre, execution);
        const double others = 1 - total(stretches, execution, [&](Index first, Index count) {
                                  return weights.segment(first, count).squaredNorm();
                              });
        budget.noise =
            factor * (std::inner_product(spread.begin(), spread.end(), law.noise.begin(), 0.0) -
                      0.5 * law.limit * others);
    }
    if (law.attention) {
        const auto zonal = law.attention->law->zonal();
        Matrix<double> sums;
        harmonic_sums(transform, law.harmonics, x, x, weights, sums, execution);
        Tokens<double> pulls = sums.leftCols(x.cols());
        project(x, pulls);
        const bool shared = zonal && zonal->beta == law.beta;
        const Tokens<double> moved = shared ? moves(*zonal, pulls, sums.col(x.cols()))
                                            : evaluated(*law.attention, x, weights, execution);
        budget.attention = -factor * total(stretches, execution, [&](Index first, Index count) {
            return weighted_product(pulls.middleRows(first, count), moved.middleRows(first, count),
                                    weights.segment(first, count));
        });
    }
    return budget;
}

}  // namespace noisync
