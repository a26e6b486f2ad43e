#include "noisync/budget.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <memory>
#include <numbers>
#include <numeric>

#include "gaps.hpp"
#include "noisync/harmonic_sums.hpp"
#include "simd/exp.hpp"
#include "simd/special.hpp"

namespace noisync {

namespace {

using simd::kLanes;
using simd::kPanel;
using simd::kTall;
using Lanes = simd::Vec<double>;

// sum_k b_k T_k(s) by Clenshaw's recurrence.
Lanes chebyshev(const std::vector<double>& series, Lanes s) {
    Lanes next = {};
    Lanes current = {};
    const Lanes twice = s + s;
    for (std::size_t k = series.size() - 1; k > 0; --k) {
        const Lanes before = twice * current - next + series[k];
        next = current;
        current = before;
    }
    return s * current - next + series[0];
}

// sum over the lanes of w sums.
double weighted_sum(const Lanes (&sums)[kTall], const double* weights) {
    double total = 0;
    for (int h = 0; h < kTall; ++h) {
        total += simd::sum<double>(sums[h] * simd::load(weights + h * kLanes<double>));
    }
    return total;
}

// sum over a tile of w_i w_j e^{-beta g} G(g, column, h), h the vector of the panel.
template <class Generator>
double sum_over(const GapTile& tile, const Vector<double>& weights, double beta,
                Generator&& generator) {
    Lanes sums[kTall] = {};
    for (Index column = 0; column < tile.columns; ++column) {
        for (int h = 0; h < kTall; ++h) {
            const Lanes gap = simd::load(tile.gaps + column * kPanel<double> + h * kLanes<double>);
            const Lanes power = simd::expm1<double>(gap * -beta) + 1.0;
            sums[h] += power * generator(gap, column, h) * weights(tile.first + column);
        }
    }
    return weighted_sum(sums, weights.data() + tile.row);
}

// G_beta from the gap, k and e.
Lanes generator_of(Lanes gap, Lanes k, Lanes excess, double dim, double beta) {
    const Lanes u = 1.0 - gap;
    const Lanes drift = k * gap * (dim - 2.0 - u) - excess * (dim - 2.0 + u * u);
    return drift + beta * gap * (1.0 + u) * (k * gap + u * excess);
}

// The noise of a tile: sum of w_i w_j e^{-beta g} G_beta; empty for no noise.
using TileNoise = std::function<double(const GapTile&, int worker)>;

// Makes it of a law, for tokens that outlive it.
struct TileNoiseOf {
    const PackedTokens& tokens;
    const Tokens<double>& x;
    const Vector<double>& weights;
    double beta;
    Execution& execution;

    TileNoise operator()(const std::vector<double>& series) const {
        if (series.empty()) {
            return nullptr;
        }
        return [&tokens = tokens, beta = beta, &series](const GapTile& tile, int) {
            return sum_over(tile, tokens.weights, beta, [&](Lanes gap, Index, int) {
                const Lanes s = (4 / std::numbers::pi) * simd::arcsine_of_root(0.5 * gap) - 1.0;
                return gap * chebyshev(series, s);
            });
        };
    }

    TileNoise operator()(const ValueNoise& noise) const {
        Tokens<double> attended(x.rows(), x.cols());
        make_attention<double>(noise.attention)->evaluate(x, weights, attended, execution);
        // Their halves of squares and gaps are k and e.
        const auto averages = std::make_shared<const PackedTokens>(noise.scale * attended, weights);
        const auto tiles = std::make_shared<std::vector<Vector<double>>>(
            std::size_t(execution.threads()),
            Vector<double>(kPanel<double> * simd::kStrip<double>));
        return [&tokens = tokens, beta = beta, averages, tiles](const GapTile& tile, int worker) {
            double* excess = (*tiles)[std::size_t(worker)].data();
            fill_gaps(*averages, tile.row / kPanel<double>, tile.first, tile.columns, excess);
            const double* halves = averages->halves.data();
            return sum_over(tile, tokens.weights, beta, [&](Lanes gap, Index column, int h) {
                const Lanes k = simd::load(halves + tile.row + h * kLanes<double>) +
                                halves[tile.first + column];
                const Lanes e = simd::load(excess + column * kPanel<double> + h * kLanes<double>);
                return generator_of(gap, k, e, double(tokens.dim), beta);
            });
        };
    }

    // k = e, but for a token and itself, whose sum of both is zero: G_beta at gap 0 is taken back.
    TileNoise operator()(const IndependentNoise& noise) const {
        const double variance = noise.scale * noise.scale;
        return [&tokens = tokens, beta = beta, variance](const GapTile& tile, int) {
            const Lanes k = simd::broadcast(variance);
            const double sum = sum_over(tile, tokens.weights, beta, [&](Lanes gap, Index, int) {
                return generator_of(gap, k, k, double(tokens.dim), beta);
            });
            const Index first = std::max(tile.row, tile.first);
            const Index last = std::min(tile.row + kPanel<double>, tile.first + tile.columns);
            if (first >= last) {
                return sum;
            }
            const auto own = tokens.weights.segment(first, last - first);
            return sum + variance * double(tokens.dim - 1) * own.squaredNorm();
        };
    }
};

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

// sum_i w_i <a_i, b_i>.
double weighted_product(const Tokens<double>& a, const Tokens<double>& b,
                        const Vector<double>& weights) {
    return weights.dot((a.array() * b.array()).rowwise().sum().matrix());
}

Tokens<double> evaluated(const AttentionConfig& attention, const Tokens<double>& x,
                         const Vector<double>& weights, Execution& execution) {
    Tokens<double> result(x.rows(), x.cols());
    make_attention<double>(attention)->evaluate(x, weights, result, execution);
    project(x, result);
    return result;
}

// Whether an attention's weights are e^{beta u}, with e^{-2 beta} far from overflow, and its V is a
// multiple of I.
bool is_scalar(const ExponentialAttention& attention) {
    return !attention.query && !attention.value && attention.beta > -300;
}

// pulls_i = P_i sum_j w_j e^{beta u - beta} x_j, of the attention's own beta, and the sums of its
// weights, make its tangential part.
Tokens<double> moves(const ExponentialAttention& attention, const Tokens<double>& pulls,
                     const Vector<double>& masses) {
    Tokens<double> result = attention.value_scale * pulls;
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
    const TileNoiseOf tile_noise{pass.tokens(), x, weights, law.beta, execution};
    pass.run(law.beta, std::visit(tile_noise, law.noise), execution);
    const double factor = law.beta * scale_factor(law.scale, law.beta);
    budget.noise = -0.5 * factor * pass.noise();
    budget.energy = 0.5 * scale_factor(law.scale, law.beta) * pass.loss();
    if (law.attention) {
        const auto& attention = std::get<ExponentialAttention>(*law.attention);
        const Tokens<double> pulls = pass.pulls(x);
        if (is_scalar(attention) && attention.beta != law.beta) {
            pass.run(attention.beta, nullptr, execution);
        }
        const Tokens<double> moved = is_scalar(attention)
                                         ? moves(attention, pass.pulls(x), pass.masses(x.rows()))
                                         : evaluated(attention, x, weights, execution);
        budget.attention = -factor * weighted_product(pulls, moved, weights);
    }
    return budget;
}

Budget energy_budget(const HarmonicTransform& transform, const Tokens<double>& x,
                     const Vector<double>& weights, const LinearBudgetLaw& law,
                     Execution& execution) {
    Budget budget;
    const double factor = law.beta * scale_factor(law.scale, law.beta);
    if (!law.noise.empty()) {
        // sum_ij w_i w_j (F(1) - F(u_ij)) = 2 sum_n f_n s_n.
        const auto spread = harmonic_spread(transform, x, weights, execution);
        const double others = 1 - weights.squaredNorm();
        budget.noise =
            factor * (std::inner_product(spread.begin(), spread.end(), law.noise.begin(), 0.0) -
                      0.5 * law.limit * others);
    }
    if (law.attention) {
        const auto& attention = std::get<ExponentialAttention>(*law.attention);
        Matrix<double> sums;
        harmonic_sums(transform, law.harmonics, x, x, weights, sums, execution);
        Tokens<double> pulls = sums.leftCols(x.cols());
        project(x, pulls);
        const bool shared = is_scalar(attention) && attention.beta == law.beta;
        const Tokens<double> moved = shared ? moves(attention, pulls, sums.col(x.cols()))
                                            : evaluated(attention, x, weights, execution);
        budget.attention = -factor * weighted_product(pulls, moved, weights);
    }
    return budget;
}

}  // namespace noisync
