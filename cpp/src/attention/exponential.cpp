#include "attention/exponential.hpp"

#include <cmath>
#include <stdexcept>
#include <string>

#include "attention/direct_sums.hpp"
#include "attention/linear_time_sums.hpp"
#include "attention/map_rows.hpp"
#include "attention/values.hpp"

namespace noisync {

namespace {

// Whether Q^T K = beta I, with no matrix given.
bool is_scalar(const ExponentialAttention& law) {
    return !law.query;
}

// R with Q^T K = beta R, in the run's arithmetic.
template <class Real>
Matrix<double> rotation(const ExponentialAttention& law, const Summation& summation) {
    if (is_scalar(law) || summation.is_direct()) {
        return {};
    }
    const Matrix<Real> query = law.query->cast<Real>();
    const Matrix<Real> key = law.key->cast<Real>();
    return (query.transpose() * key).template cast<double>() / double(Real(summation.beta));
}

template <class Real>
class Exponential final : public Attention<Real> {
   public:
    Exponential(const ExponentialAttention& law, const Summation& summation)
        : normalization_(law.normalization),
          scalar_(is_scalar(law)),
          beta_(Real(law.beta)),
          values_(law.normalization, law.value_scale, law.value),
          linear_time_(summation, rotation<Real>(law, summation)) {
        if (!scalar_) {
            query_ = law.query->cast<Real>();
            key_ = law.key->cast<Real>();
        }
    }

    void evaluate(const Tokens<Real>& x, const Vector<Real>& weights, Tokens<Real>& out,
                  Execution& execution) override {
        if (!linear_time_.fill(x, weights, normalization_, sums_, execution)) {
            sum_directly(x, weights, execution);
        }
        values_.finish(sums_, x.cols(), out, execution);
    }

    // D Attn(x) v = V sum_j p_j <Qv, K x_j> (x_j - mean), p the weights of the token; the mean is
    // sum_j p_j x_j for softmax and 0 without normalisation.
    void differentiate(const Tokens<Real>& x, const Vector<Real>& weights, Index token,
                       const Matrix<Real>& along, Matrix<Real>& out) override {
        const Tokens<Real> keys =
            scalar_ ? Tokens<Real>(x * beta_) : Tokens<Real>(x * key_.transpose());
        const auto queried = [&](const auto& rows) -> Matrix<Real> {
            return scalar_ ? Matrix<Real>(rows) : Matrix<Real>(rows * query_.transpose());
        };
        const Vector<Real> logits = keys * queried(x.row(token)).transpose();
        Vector<Real> p;
        if (normalization_ == Normalization::softmax) {
            // As in sum_by_maxima, the weight belongs into the exponent.
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
        values_.apply(out);
    }

    [[nodiscard]] bool fell_back() const override { return linear_time_.gave_up(); }

   private:
    void sum_directly(const Tokens<Real>& x, const Vector<Real>& weights, Execution& execution) {
        if (scalar_) {
            direct_.symmetric(x, weights, beta_, sums_, execution);
            return;
        }
        map_rows(x, query_, queries_, execution);
        map_rows(x, key_, keys_, execution);
        direct_.general(queries_, keys_, x, weights, sums_, execution);
    }

    Normalization normalization_;
    bool scalar_;
    Real beta_;
    Matrix<Real> query_;
    Matrix<Real> key_;
    Values<Real> values_;
    LinearTimeSums<Real> linear_time_;
    DirectSums<Real> direct_;
    Tokens<Real> queries_;
    Tokens<Real> keys_;
    PairSums<Real> sums_;
};

class ExponentialLaw final : public AttentionLaw {
   public:
    explicit ExponentialLaw(const ExponentialAttention& law) : law_(law) {
        if (law.query.has_value() != law.key.has_value()) {
            throw std::invalid_argument("query and key must be given together");
        }
    }

    void require_dim(Index dim) const override {
        const auto fits = [dim](const std::optional<Matrix<double>>& matrix) {
            return !matrix || matrix->cols() == dim;
        };
        const bool value_is_square = !law_.value || law_.value->rows() == dim;
        const bool same_heads = !law_.query || law_.query->rows() == law_.key->rows();
        if (!fits(law_.query) || !fits(law_.key) || !fits(law_.value) || !value_is_square ||
            !same_heads) {
            throw std::invalid_argument("query, key and value must fit tokens of dimension " +
                                        std::to_string(dim));
        }
    }

    [[nodiscard]] std::optional<ZonalAttention> zonal() const override {
        if (!is_scalar(law_) || law_.value || law_.beta <= -300) {
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
