// Attention with weights proportional to e^{<Qx, Ky>}: a direct sum over tiles of pairs, never an
// N x N array. Two ways: symmetric logits (Q^T K = beta I), where one exponential serves both
// tokens of a pair, and general logits, row block by row block with a running maximum.
#include <cmath>
#include <limits>
#include <vector>

#include "noisync/attention.hpp"
#include "noisync/pairs.hpp"

namespace noisync {

namespace {

template <class Real>
class Exponential final : public Attention<Real> {
   public:
    explicit Exponential(const ExponentialAttention& config)
        : normalization_(config.normalization),
          beta_(Real(config.beta)),
          value_scale_(Real(config.value_scale)) {
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
        weigh(x, weights);
        if (has_symmetric_logits()) {
            sum_symmetric(x, execution);
        } else if (query_.size() == 0) {
            sum_general(Tokens<Real>(x * beta_), x, execution);
        } else {
            sum_general(Tokens<Real>(x * query_.transpose()), Tokens<Real>(x * key_.transpose()),
                        execution);
        }
        finish(x.cols(), out);
    }

   private:
    // With |logit| <= |beta| the exponentials e^{logit - |beta|} of a row neither overflow nor all
    // vanish as long as e^{-2|beta|} is a normal number; beyond, a running maximum is needed.
    [[nodiscard]] bool has_symmetric_logits() const {
        const Real limit = -std::log(std::numeric_limits<Real>::min()) / 2;
        return query_.size() == 0 && std::abs(beta_) < limit;
    }

    // Rows (w_j x_j, w_j): one product with the exponentials gives numerator and denominator.
    void weigh(const Tokens<Real>& x, const Vector<Real>& weights) {
        const Index d = x.cols();
        weighted_.resize(x.rows(), d + 1);
        weighted_.leftCols(d) = weights.asDiagonal() * x;
        weighted_.col(d) = weights;
        sums_.setZero(x.rows(), d + 1);
        shift_.setZero(x.rows());
    }

    // sums_i = sum_j e^{beta u_ij - |beta|} (w_j x_j, w_j) from tiles i <= j.
    void sum_symmetric(const Tokens<Real>& x, Execution& execution) {
        const Blocks blocks{x.rows(), pair_block_size(x.rows())};
        const Real bound = std::abs(beta_);
        shift_.setConstant(bound);
        std::vector<Matrix<Real>> tiles(execution.threads());
        for_each_block_pair(blocks, execution, [&](Index i, Index j, int worker) {
            const auto rows = [&](auto& matrix, Index block) {
                return matrix.middleRows(blocks.begin(block), blocks.length(block));
            };
            Matrix<Real>& tile = tiles[worker];
            tile.resize(blocks.length(i), blocks.length(j));
            tile.noalias() = rows(x, i) * rows(x, j).transpose();
            tile.array() = (tile.array() * beta_ - bound).exp();
            rows(sums_, i).noalias() += tile * rows(weighted_, j);
            if (i != j) {
                rows(sums_, j).noalias() += tile.transpose() * rows(weighted_, i);
            }
        });
    }

    // sums_i = sum_j e^{<q_i, k_j> - shift_i} (w_j x_j, w_j), shift_i the largest logit so far.
    void sum_general(const Tokens<Real>& queries, const Tokens<Real>& keys, Execution& execution) {
        const Blocks blocks{queries.rows(), pair_block_size(queries.rows())};
        shift_.setConstant(-std::numeric_limits<Real>::infinity());
        std::vector<Matrix<Real>> tiles(execution.threads());
        execution.for_each(blocks.count(), [&](Index i, int worker) {
            Matrix<Real>& tile = tiles[worker];
            auto shift = shift_.segment(blocks.begin(i), blocks.length(i));
            auto sums = sums_.middleRows(blocks.begin(i), blocks.length(i));
            for (Index j = 0; j < blocks.count(); ++j) {
                tile.resize(blocks.length(i), blocks.length(j));
                tile.noalias() = queries.middleRows(blocks.begin(i), blocks.length(i)) *
                                 keys.middleRows(blocks.begin(j), blocks.length(j)).transpose();
                const Vector<Real> raised = shift.cwiseMax(tile.rowwise().maxCoeff());
                sums.array().colwise() *= (shift - raised).array().exp();
                shift = raised;
                tile.array() = (tile.array().colwise() - shift.array()).exp();
                sums.noalias() += tile * weighted_.middleRows(blocks.begin(j), blocks.length(j));
            }
        });
    }

    // Divides by the sum of weights (softmax) or restores the factor e^{shift} (none); applies V.
    void finish(Index d, Tokens<Real>& out) {
        if (normalization_ == Normalization::softmax) {
            out = sums_.leftCols(d).array().colwise() * (value_scale_ / sums_.col(d).array());
        } else {
            out = sums_.leftCols(d).array().colwise() * (value_scale_ * shift_.array().exp());
        }
        if (value_.size() != 0) {
            out = Tokens<Real>(out * value_.transpose());
        }
    }

    Normalization normalization_;
    Real beta_;
    Real value_scale_;
    Matrix<Real> query_;
    Matrix<Real> key_;
    Matrix<Real> value_;
    Matrix<Real> weighted_;
    Matrix<Real> sums_;
    Vector<Real> shift_;
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
