// Attention with weights proportional to e^{<Qx, Ky>}: a direct sum over tiles of pairs, never an
// N x N array. Two ways: symmetric logits (Q^T K = beta I), where one exponential serves both
// tokens of a pair, and general logits, row block by row block with a running maximum.
#include <cmath>
#include <limits>
#include <vector>

#include "exponential_sums.hpp"
#include "low_dimension.hpp"
#include "noisync/attention.hpp"
#include "noisync/harmonic_sums.hpp"
#include "noisync/pairs.hpp"

namespace noisync {

namespace {

template <class Real>
class Exponential final : public Attention<Real> {
    template <class Other>
    friend class Exponential;

   public:
    explicit Exponential(const ExponentialAttention& config)
        : normalization_(config.normalization),
          beta_(Real(config.beta)),
          value_scale_(Real(config.value_scale)),
          harmonics_(config.harmonics),
          tail_(config.tail),
          tolerance_(config.tolerance) {
        if (config.query && config.key) {
            query_ = config.query->cast<Real>();
            key_ = config.key->cast<Real>();
        }
        if (config.value) {
            value_ = config.value->cast<Real>();
        }
    }

    void evaluate(const Tokens<Real>& x, const Vector<Real>& weights, Tokens<Real>& out,
                  Execution& execution) override {
        if (sum_harmonics(x, weights, execution)) {
            shift_.setConstant(x.rows(), std::abs(beta_));
        } else if (query_.size() == 0 && std::abs(beta_) < largest_shift()) {
            shift_.setConstant(x.rows(), std::abs(beta_));
            if (x.cols() >= 2 && x.cols() <= kLowDimension) {
                low_dimension_.symmetric(x, weights, beta_, sums_, execution);
            } else {
                exponentials_.symmetric(x, weights, beta_, execution);
            }
        } else if (query_.size() == 0) {
            sum_general(x * beta_, x, x, weights, execution);
        } else {
            project(x, query_, queries_, execution);
            project(x, key_, keys_, execution);
            sum_general(queries_, keys_, x, weights, execution);
        }
        finish(out, execution);
    }

    // D Attn(x) v = V sum_j p_j <Qv, K x_j> (x_j - mean), p the weights of the token; the mean is
    // sum_j p_j x_j for softmax and 0 without normalisation.
    void differentiate(const Tokens<Real>& x, const Vector<Real>& weights, Index token,
                       const Matrix<Real>& along, Matrix<Real>& out) override {
        const bool scalar = query_.size() == 0;
        const Tokens<Real> keys =
            scalar ? Tokens<Real>(x * beta_) : Tokens<Real>(x * key_.transpose());
        const auto queried = [&](const auto& rows) -> Matrix<Real> {
            return scalar ? Matrix<Real>(rows) : Matrix<Real>(rows * query_.transpose());
        };
        const Vector<Real> logits = keys * queried(x.row(token)).transpose();
        Vector<Real> p;
        if (normalization_ == Normalization::softmax) {
            // As in sum_general, the weight belongs into the exponent.
            const Vector<Real> exponents = logits.array() + weights.array().log();
            p = (exponents.array() - exponents.maxCoeff()).exp();
            p /= p.sum();
        } else {
            p = logits.array().exp() * weights.array();
        }
        const Matrix<Real> weighted = (queried(along) * keys.transpose()) * p.asDiagonal();
        out.noalias() = weighted * x;
        if (normalization_ == Normalization::softmax) {
            out -= weighted.rowwise().sum() * (p.transpose() * x);
        }
        out *= value_scale_;
        if (value_.size() != 0) {
            out *= value_.transpose();
        }
    }

    [[nodiscard]] bool fell_back() const override { return fell_back_; }

   private:
    // In linear time, if that was asked for and keeps its promise.
    bool sum_harmonics(const Tokens<Real>& x, const Vector<Real>& weights, Execution& execution) {
        fell_back_ = !harmonics_.empty();
        if (harmonics_.empty() || std::abs(beta_) >= largest_shift()) {
            return false;
        }
        if (!transform_ || transform_->basis().dim() != x.cols()) {
            transform_.emplace(Index(harmonics_.size()) - 1, x.cols());
        }
        Matrix<double> sums;
        const Tokens<double>& tokens = x.template cast<double>();
        const Vector<double>& mass = weights.template cast<double>();
        if (query_.size() == 0) {
            harmonic_sums(*transform_, harmonics_, tokens, tokens, mass, sums, execution);
        } else {
            Tokens<double> keys;
            const Matrix<double> rotation =
                (query_.transpose() * key_).template cast<double>() / double(beta_);
            Exponential<double>::project(tokens, rotation, keys, execution);
            harmonic_sums(*transform_, harmonics_, tokens, keys, mass, sums, execution);
        }
        // |a/b - a'/b'| <= 2 tail / b' for sums within `tail` and |a| <= b; roundings add theirs.
        // Without normalisation the largest sum of weights is what errors are relative to.
        const auto masses = sums.col(x.cols());
        const double size =
            normalization_ == Normalization::softmax ? masses.minCoeff() : masses.maxCoeff();
        constexpr double kRounding = 4e-15;
        if (!(2 * (tail_ + kRounding) <= tolerance_ * (size - tail_))) {
            return false;
        }
        if constexpr (std::is_same_v<Real, double>) {
            sums_ = std::move(sums);
        } else {
            sums_ = sums.cast<Real>();
        }
        fell_back_ = false;
        return true;
    }

    // With |logit| <= shift the exponentials e^{logit - shift} of a row neither overflow nor all
    // vanish as long as e^{-2 shift} is a normal number; beyond, a running maximum is needed. Half
    // that range is left to small weights.
    static Real largest_shift() { return -std::log(std::numeric_limits<Real>::min()) / 4; }

    void sum_general(const Tokens<Real>& queries, const Tokens<Real>& keys, const Tokens<Real>& x,
                     const Vector<Real>& weights, Execution& execution) {
        shift_ = queries.rowwise().norm() * keys.rowwise().norm().maxCoeff();
        if (shift_.maxCoeff() < largest_shift()) {
            exponentials_.general(queries, keys, x, weights, shift_, execution);
        } else {
            sum_by_maxima(queries, keys, x, weights, execution);
        }
    }

    // sums_i = sum_j e^{<q_i, k_j> + log w_j - shift_i} (x_j, 1), shift_i the largest exponent so
    // far. The weight belongs into the exponent: the largest logit may be that of a token without.
    void sum_by_maxima(const Tokens<Real>& queries, const Tokens<Real>& keys, const Tokens<Real>& x,
                       const Vector<Real>& weights, Execution& execution) {
        sums_.setZero(x.rows(), x.cols() + 1);
        const Blocks blocks{queries.rows(), pair_block_size(queries.rows())};
        const Vector<Real> log_weights = weights.array().log();
        values_.resize(x.rows(), x.cols() + 1);
        values_.leftCols(x.cols()) = x;
        values_.col(x.cols()).setOnes();
        shift_.setConstant(x.rows(), -std::numeric_limits<Real>::infinity());
        std::vector<Matrix<Real>> tiles(execution.threads());
        execution.for_each(blocks.count(), [&](Index i, int worker) {
            Matrix<Real>& tile = tiles[worker];
            auto shift = shift_.segment(blocks.begin(i), blocks.length(i));
            auto sums = sums_.middleRows(blocks.begin(i), blocks.length(i));
            for (Index j = 0; j < blocks.count(); ++j) {
                tile.resize(blocks.length(i), blocks.length(j));
                tile.noalias() = queries.middleRows(blocks.begin(i), blocks.length(i)) *
                                 keys.middleRows(blocks.begin(j), blocks.length(j)).transpose();
                tile.rowwise() +=
                    log_weights.segment(blocks.begin(j), blocks.length(j)).transpose();
                const Vector<Real> raised = shift.cwiseMax(tile.rowwise().maxCoeff());
                // A row that has met no weight yet has the shift -inf; 0 serves it as well.
                const Vector<Real> anchor = raised.array().isFinite().select(raised, Real(0));
                sums.array().colwise() *= (shift - anchor).array().exp();
                shift = raised;
                tile.array() = (tile.array().colwise() - anchor.array()).exp();
                sums.noalias() += tile * values_.middleRows(blocks.begin(j), blocks.length(j));
            }
        });
    }

    // Divides by the sum of weights (softmax) or restores the factor e^{shift} (none); applies V.
    void finish(Tokens<Real>& out, Execution& execution) {
        if (sums_.size() != 0) {
            finish(sums_.leftCols(sums_.cols() - 1), sums_.col(sums_.cols() - 1), out, execution);
            sums_.resize(0, 0);
        } else {
            finish(exponentials_.numerators(), exponentials_.denominators(), out, execution);
        }
        if (value_.size() != 0) {
            queries_ = out;
            project(queries_, value_, out, execution);
        }
    }

    template <class Numerators, class Denominators>
    void finish(const Numerators& numerators, const Denominators& denominators, Tokens<Real>& out,
                Execution& execution) const {
        const Blocks blocks{numerators.rows(), 4096};
        out.resize(numerators.rows(), numerators.cols());
        execution.for_each(blocks.count(), [&](Index block, int) {
            const Index first = blocks.begin(block);
            const Index count = blocks.length(block);
            const auto factors = [&]() -> Vector<Real> {
                if (normalization_ == Normalization::softmax) {
                    return value_scale_ / denominators.segment(first, count).array();
                }
                return value_scale_ * shift_.segment(first, count).array().exp();
            };
            out.middleRows(first, count) =
                numerators.middleRows(first, count).array().colwise() * factors().array();
        });
    }

    // out_i <- M x_i, a block of rows at a time: shared among threads and interruptible.
    static void project(const Tokens<Real>& x, const Matrix<Real>& matrix, Tokens<Real>& out,
                        Execution& execution) {
        const Blocks blocks{x.rows(), pair_block_size(x.rows())};
        out.resize(x.rows(), matrix.rows());
        execution.for_each(blocks.count(), [&](Index block, int) {
            const Index row = blocks.begin(block);
            out.middleRows(row, blocks.length(block)).noalias() =
                x.middleRows(row, blocks.length(block)) * matrix.transpose();
        });
    }

    Normalization normalization_;
    Real beta_;
    Real value_scale_;
    Matrix<Real> query_;
    Matrix<Real> key_;
    Matrix<Real> value_;
    std::vector<double> harmonics_;
    double tail_;
    double tolerance_;
    std::optional<HarmonicTransform> transform_;
    bool fell_back_ = false;
    Tokens<Real> queries_;
    Tokens<Real> keys_;
    Matrix<Real> values_;
    Matrix<Real> sums_;
    Vector<Real> shift_;
    ExponentialSums<Real> exponentials_;
    LowDimensionSums<Real> low_dimension_;
};

}  // namespace

template <class Real>
std::unique_ptr<Attention<Real>> make_attention(const AttentionConfig& config) {
    return std::visit(
        [](const ExponentialAttention& exponential) -> std::unique_ptr<Attention<Real>> {
            return std::make_unique<Exponential<Real>>(exponential);
        },
        config);
}

template std::unique_ptr<Attention<float>> make_attention<float>(const AttentionConfig&);
template std::unique_ptr<Attention<double>> make_attention<double>(const AttentionConfig&);

}  // namespace noisync
