#include "attention/sum.hpp"

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace noisync {

namespace {

template <class Real>
class Sum final : public Attention<Real> {
   public:
    explicit Sum(const std::vector<SummedAttention>& parts) {
        for (const SummedAttention& part : parts) {
            parts_.push_back(part.evaluator<Real>());
        }
    }

    void evaluate(const Tokens<Real>& x, const Vector<Real>& weights, Tokens<Real>& out,
                  Execution& execution) override {
        parts_.front()->evaluate(x, weights, out, execution);
        for (std::size_t k = 1; k < parts_.size(); ++k) {
            parts_[k]->evaluate(x, weights, own_, execution);
            out += own_;
        }
    }

    bool evaluate_share(const Tokens<Real>& x, const Vector<Real>& weights, Tokens<Real>& out,
                        Execution& execution) override {
        bool all = parts_.front()->evaluate_share(x, weights, out, execution);
        for (std::size_t k = 1; all && k < parts_.size(); ++k) {
            all = parts_[k]->evaluate_share(x, weights, own_, execution);
            if (all) {
                out += own_;
            }
        }
        return all;
    }

    [[nodiscard]] bool by_rows() const override {
        return std::ranges::all_of(parts_, [](const auto& part) { return part->by_rows(); });
    }

    void differentiate(const Tokens<Real>& x, const Vector<Real>& weights, Index token,
                       const Matrix<Real>& along, Matrix<Real>& out) const override {
        parts_.front()->differentiate(x, weights, token, along, out);
        Matrix<Real> own;
        for (std::size_t k = 1; k < parts_.size(); ++k) {
            parts_[k]->differentiate(x, weights, token, along, own);
            out += own;
        }
    }

    Matrix<Real> differentiate_at(const Tokens<Real>& x, const Vector<Real>& weights,
                                  const Derivatives<Real>& at,
                                  Execution& execution) const override {
        Matrix<Real> slopes = parts_.front()->differentiate_at(x, weights, at, execution);
        for (std::size_t k = 1; k < parts_.size(); ++k) {
            slopes += parts_[k]->differentiate_at(x, weights, at, execution);
        }
        return slopes;
    }

    [[nodiscard]] bool sees(Index token) const override {
        return std::ranges::any_of(parts_, [token](const auto& part) { return part->sees(token); });
    }

    [[nodiscard]] Real size_of_terms(Index token) const override {
        Real size = 0;
        for (const auto& part : parts_) {
            size += part->sees(token) ? part->size_of_terms(token) : Real(0);
        }
        return size;
    }

    [[nodiscard]] bool fell_back() const override {
        return std::ranges::any_of(parts_, [](const auto& part) { return part->fell_back(); });
    }

   private:
    std::vector<std::unique_ptr<Attention<Real>>> parts_;
    Tokens<Real> own_;
};

class SumLaw final : public AttentionLaw {
   public:
    explicit SumLaw(std::vector<SummedAttention> parts) : parts_(std::move(parts)) {
        if (parts_.empty()) {
            throw std::invalid_argument("a sum of attentions needs at least one");
        }
    }

    void require_dim(Index dim) const override {
        for (const SummedAttention& part : parts_) {
            part.law->require_dim(dim);
        }
    }

    [[nodiscard]] bool is_direct(const Summation& /*summation*/) const override {
        return std::ranges::all_of(parts_, &SummedAttention::is_direct);
    }

   private:
    [[nodiscard]] std::unique_ptr<Attention<float>> float_evaluator(
        const Summation& /*summation*/) const override {
        return std::make_unique<Sum<float>>(parts_);
    }
    [[nodiscard]] std::unique_ptr<Attention<double>> double_evaluator(
        const Summation& /*summation*/) const override {
        return std::make_unique<Sum<double>>(parts_);
    }

    std::vector<SummedAttention> parts_;
};

}  // namespace

SharedAttentionLaw attention_sum(std::vector<SummedAttention> parts) {
    return std::make_shared<const SumLaw>(std::move(parts));
}

}  // namespace noisync
