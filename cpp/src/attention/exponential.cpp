#include "attention/exponential.hpp"

#include <algorithm>
#include <cmath>

#include "attention/direct_sums.hpp"
#include "attention/harmonic_sums.hpp"
#include "attention/logits.hpp"
#include "attention/map_rows.hpp"
#include "attention/softmax_derivative.hpp"
#include "attention/values.hpp"

namespace noisync {

namespace {

// R with Q^T K = beta R; empty where they are not given.
template <class Real>
Matrix<double> rotation(const Logits<Real>& logits, const Summation& summation) {
    if (logits.is_scalar() || summation.is_direct()) {
        return {};
    }
    return (logits.query().transpose() * logits.key()).template cast<double>() /
           double(Real(summation.beta));
}

template <class Real>
class Exponential final : public Attention<Real> {
   public:
    Exponential(const ExponentialAttention& law, const Summation& summation)
        : normalization_(law.normalization),
          logits_(law),
          mask_(law.mask),
          values_(law.normalization, law.value_scale, law.value, law.query ? law.query->rows() : 0),
          harmonic_(summation, rotation(logits_, summation)),
          direct_(law.mask) {}

    void evaluate(const Tokens<Real>& x, const Vector<Real>& weights, Tokens<Real>& out,
                  Execution& execution) override {
        bool of_inner = false;
        if (!harmonic_.fill(x, weights, normalization_, sums_, execution)) {
            of_inner = sum_directly(x, weights, execution);
            divide_by_masses(weights, sums_);
        }
        values_.finish(sums_, x.cols(), out, execution, of_inner);
    }

    bool evaluate_share(const Tokens<Real>& x, const Vector<Real>& weights, Tokens<Real>& out,
                        Execution& execution) override {
        if (!harmonic_.fill(x, weights, normalization_, sums_, execution)) {
            return false;
        }
        values_.finish(sums_, x.cols(), out, execution);
        return true;
    }

    [[nodiscard]] bool by_rows() const override { return true; }

    // D Attn(x) v = V sum_j p_j <Qv, K x_j> (x_j - mean), p the weights of the token; the mean is
    // sum_j p_j x_j for softmax and 0 without normalisation.
    void differentiate(const Tokens<Real>& x, const Vector<Real>& weights, Index token,
                       const Matrix<Real>& along, Matrix<Real>& out) const override {
        const Vector<Real> log_weights = seen_log_weights(weights, token);
        const Index count = log_weights.size();
        if (count == 0 || std::isinf(log_weights.maxCoeff())) {
            out.setZero(along.rows(), x.cols());
            return;
        }
        const auto seen = x.topRows(count);
        const auto at = logits_.at(x, token, count, along);
        if (normalization_ == Normalization::softmax) {
            out = softmax_derivative<Real>(at, log_weights, seen);
        } else {
            Vector<Real> p = weights.head(count);
            if (mask_) {
                p = (log_weights.array() - log_weights.maxCoeff()).exp();
                p /= p.sum();
            }
            p.array() *= at.logits.array().exp();
            out.noalias() = at.slopes * p.asDiagonal() * seen;
        }
        values_.apply(out);
    }

    // At many tokens in low dimension from second moments, one pass over the pairs for all of them:
    // with S = sum_j p_j x_j x_j^T, D Attn(x) v = V (S - mean mean^T) K^T Q v.
    Matrix<Real> differentiate_at(const Tokens<Real>& x, const Vector<Real>& weights,
                                  const Derivatives<Real>& at,
                                  Execution& execution) const override {
        const Index d = x.cols();
        if (d > kFewDimensions || 8 * std::max(at.count, at.total) < x.rows()) {
            return Attention<Real>::differentiate_at(x, weights, at, execution);
        }
        Tokens<Real> queries;
        Tokens<Real> keys;
        if (logits_.is_scalar()) {
            queries = x * logits_.beta();
            keys = x;
        } else {
            logits_.project(x, queries, keys, execution);
        }
        Tokens<Real> values(x.rows(), d + d * d);
        for (Index a = 0; a < d; ++a) {
            values.col(a) = x.col(a);
            values.middleCols(d + a * d, d) = x.array().colwise() * x.col(a).array();
        }
        PairSums<Real> sums;
        DirectSums<Real>(mask_).general(queries, keys, values, weights, sums, execution);
        divide_by_masses(weights, sums);
        Matrix<Real> slopes(at.along.rows(), d);
        for (Index row = 0; row < slopes.rows(); ++row) {
            const Index token = at.first + row / at.directions();
            // K^T Q v, and what the moments make of it.
            Vector<Real> pulled = at.along.row(row).transpose();
            if (logits_.is_scalar()) {
                pulled *= logits_.beta();
            } else {
                pulled = (logits_.key().transpose() * (logits_.query() * pulled)).eval();
            }
            const auto mean = sums.numerators.row(token).head(d);
            const Eigen::Map<const Matrix<Real>> second(sums.numerators.row(token).data() + d, d,
                                                        d);
            Vector<Real> slope = second * pulled;
            if (sums.denominators(token) == Real(0)) {
                slope.setZero();  // it sees no weight
            } else if (normalization_ == Normalization::softmax) {
                const Real mass = sums.denominators(token);
                slope = (slope - mean.transpose() * (mean.dot(pulled) / mass)) / mass;
            } else {
                slope *= std::exp(sums.shift(token));
            }
            slopes.row(row) = slope.transpose();
        }
        values_.apply(slopes);
        return slopes;
    }

    [[nodiscard]] bool sees(Index token) const override {
        return sums_.denominators(token) != Real(0);
    }

    [[nodiscard]] Real size_of_terms(Index token) const override {
        return values_.size_of_terms(sums_, token);
    }

    [[nodiscard]] bool fell_back() const override { return harmonic_.gave_up(); }

   private:
    static constexpr Index kFewDimensions = 8;

    // Of the tokens that a token sees, faded but for a factor that they share.
    [[nodiscard]] Vector<Real> seen_log_weights(const Vector<Real>& weights, Index token) const {
        if (!mask_) {
            return weights.array().log();
        }
        Vector<Real> logs = weights.head(mask_->visible(token)).array().log();
        for (Index j = 0; j < logs.size(); ++j) {
            logs(j) += Real(mask_->fading(token - j, weights.size()));
        }
        return logs;
    }

    void divide_by_masses(const Vector<Real>& weights, PairSums<Real>& sums) const {
        if (mask_ && normalization_ == Normalization::none) {
            sums.shift = (sums.shift.template cast<double>() - log_masses(*mask_, weights))
                             .template cast<Real>();
        }
    }

    // Whether the few numbers of a token were summed that V needs of it.
    bool sum_directly(const Tokens<Real>& x, const Vector<Real>& weights, Execution& execution) {
        if (logits_.is_scalar()) {
            direct_.symmetric(x, weights, logits_.beta(), sums_, execution);
            return false;
        }
        logits_.project(x, queries_, keys_, execution);
        const Matrix<Real>* inner = values_.inner();
        if (inner != nullptr) {
            map_rows(x, *inner, inner_values_, execution);
        }
        direct_.general(queries_, keys_, inner == nullptr ? x : inner_values_, weights, sums_,
                        execution);
        return inner != nullptr;
    }

    Normalization normalization_;
    Logits<Real> logits_;
    std::optional<Causal> mask_;
    Values<Real> values_;
    HarmonicSums<Real> harmonic_;
    DirectSums<Real> direct_;
    Tokens<Real> queries_;
    Tokens<Real> keys_;
    Tokens<Real> inner_values_;
    PairSums<Real> sums_;
};

class ExponentialLaw final : public AttentionLaw {
   public:
    explicit ExponentialLaw(const ExponentialAttention& law) : law_(law) { require_pair(law); }

    void require_dim(Index dim) const override { noisync::require_dim(law_, dim); }

    [[nodiscard]] std::optional<ZonalAttention> zonal() const override {
        if (law_.query || law_.value || law_.mask || law_.beta <= -300) {
            return std::nullopt;
        }
        return ZonalAttention{law_.beta, law_.value_scale, law_.normalization};
    }

   private:
    [[nodiscard]] std::unique_ptr<Attention<float>> float_evaluator(
        const Summation& summation) const override {
        return std::make_unique<Exponential<float>>(law_, summation);
    }
    [[nodiscard]] std::unique_ptr<Attention<double>> double_evaluator(
        const Summation& summation) const override {
        return std::make_unique<Exponential<double>>(law_, summation);
    }

    ExponentialAttention law_;
};

}  // namespace

SharedAttentionLaw attention_law(const ExponentialAttention& attention) {
    return std::make_shared<const ExponentialLaw>(attention);
}

}  // namespace noisync
