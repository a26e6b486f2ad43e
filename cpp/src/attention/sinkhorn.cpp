#include "attention/sinkhorn.hpp"

#include <Eigen/Eigenvalues>
#include <algorithm>
#include <cmath>
#include <limits>
#include <sstream>
#include <utility>

#include "attention/direct_sums.hpp"
#include "attention/logits.hpp"
#include "attention/softmax_derivative.hpp"
#include "attention/values.hpp"

namespace noisync {

namespace {

// Whether e^{<Qx, Ky>} is symmetric and positive definite in x and y, as it is where Q^T K is so.
bool is_positive(const SinkhornAttention& law) {
    if (!law.query || !law.key) {
        return law.beta >= 0;
    }
    const Matrix<double> product = law.query->transpose() * *law.key;
    const double size = product.norm() * 16 * std::numeric_limits<double>::epsilon();
    const Eigen::SelfAdjointEigenSolver<Matrix<double>> solver(product, Eigen::EigenvaluesOnly);
    return (product - product.transpose()).norm() <= size && solver.eigenvalues()(0) >= -size;
}

// log b, in float64 whatever the run is. Holds scratch memory.
class Scaling {
   public:
    explicit Scaling(const SinkhornAttention& law)
        : law_(law), logits_(law), is_positive_(is_positive(law)) {}

    Vector<double> solve(Tokens<double> x, const Vector<double>& weights, Execution& execution) {
        no_values_.resize(x.rows(), 0);
        log_weights_ = weights.array().log();
        if (logits_.is_scalar()) {
            queries_ = std::move(x);
        } else {
            logits_.project(x, queries_, keys_, execution);
        }
        return is_positive_ ? averaged(execution) : alternating(execution);
    }

   private:
    // -log sum_j w_j e^{l_ij + g_j} for every i, or with `transposed` logits l_ji.
    Vector<double> rescaled(const Vector<double>& g, bool transposed, Execution& execution) {
        const Vector<double> logs = log_weights_ + g;
        if (logits_.is_scalar()) {
            direct_.symmetric_by_logs(queries_, no_values_, logs, logits_.beta(), sums_, execution);
        } else {
            direct_.general_by_logs(transposed ? keys_ : queries_, transposed ? queries_ : keys_,
                                    no_values_, logs, sums_, execution);
        }
        return -(sums_.shift.array() + sums_.denominators.head(g.size()).array().log());
    }

    // Symmetric logits have a solution with a = b: the fixed point of f -> Tf = rescaled(f). Near
    // it Tf - f shrinks by (1 - lambda)/2 when half of it is added to f, lambda an eigenvalue of
    // the doubly stochastic matrix; those of a positive one lie between 0 and 1.
    //
    // With rows a = e^{Tf}, b = e^f the columns are off by no more than the symmetric plan e^f e^f
    // is in its own marginals, e^{f - Tf} - 1, twice.
    Vector<double> averaged(Execution& execution) {
        Vector<double> f = Vector<double>::Zero(log_weights_.size());
        double residual = 0;
        for (Index iteration = 0; iteration <= law_.max_iterations; ++iteration) {
            const Vector<double> next = rescaled(f, false, execution);
            residual = 2 * largest_change(f, next);
            if (residual <= law_.tolerance) {
                return f;
            }
            f = (f + next) / 2;
        }
        throw not_converged(residual);
    }

    // Rows and columns in turn.
    Vector<double> alternating(Execution& execution) {
        Vector<double> g = Vector<double>::Zero(log_weights_.size());
        double residual = 0;
        for (Index iteration = 0; iteration <= law_.max_iterations; ++iteration) {
            const Vector<double> next = rescaled(rescaled(g, false, execution), true, execution);
            residual = largest_change(g, next);
            if (residual <= law_.tolerance) {
                return g;
            }
            g = next;
        }
        throw not_converged(residual);
    }

    // max_j |e^{g_j - next_j} - 1| over the tokens with weight.
    [[nodiscard]] double largest_change(const Vector<double>& g, const Vector<double>& next) const {
        double largest = 0;
        for (Index j = 0; j < g.size(); ++j) {
            const double change = std::abs(std::expm1(g(j) - next(j)));
            if (std::isnan(change)) {
                throw not_converged(change);
            }
            if (!std::isinf(log_weights_(j))) {
                largest = std::max(largest, change);
            }
        }
        return largest;
    }

    [[nodiscard]] NotConverged not_converged(double residual) const {
        std::ostringstream text;
        text << "Sinkhorn attention did not converge: after " << law_.max_iterations
             << " iterations (max_iterations) its marginals have the residual " << residual
             << ", above the tolerance " << law_.tolerance;
        return {text.str(), residual};
    }

    SinkhornAttention law_;
    Logits<double> logits_;
    bool is_positive_;
    DirectSums<double> direct_;
    PairSums<double> sums_;
    Tokens<double> queries_;
    Tokens<double> keys_;
    Tokens<double> no_values_;
    Vector<double> log_weights_;
};

template <class Real>
class Sinkhorn final : public Attention<Real> {
   public:
    explicit Sinkhorn(const SinkhornAttention& law)
        : logits_(law),
          values_(Normalization::softmax, law.value_scale, law.value),
          scaling_(law) {}

    // With b known this is a softmax with the weights w_j b_j: a_i is what normalises the row.
    void evaluate(const Tokens<Real>& x, const Vector<Real>& weights, Tokens<Real>& out,
                  Execution& execution) override {
        const Vector<double>& mass = weights.template cast<double>();
        const Vector<double> b = scaling_.solve(x.template cast<double>(), mass, execution);
        log_weights_ = (b.array() + mass.array().log()).template cast<Real>();
        if (logits_.is_scalar()) {
            direct_.symmetric_by_logs(x, x, log_weights_, logits_.beta(), sums_, execution);
        } else {
            logits_.project(x, queries_, keys_, execution);
            direct_.general_by_logs(queries_, keys_, x, log_weights_, sums_, execution);
        }
        values_.finish(sums_, x.cols(), out, execution);
    }

    // Of a test token, which meets b as it is.
    void differentiate(const Tokens<Real>& x, const Vector<Real>& /*weights*/, Index token,
                       const Matrix<Real>& along, Matrix<Real>& out) const override {
        out = softmax_derivative<Real>(logits_.at(x, token, x.rows(), along), log_weights_, x);
        values_.apply(out);
    }

    [[nodiscard]] Real size_of_terms(Index token) const override {
        return values_.size_of_terms(sums_, token);
    }

   private:
    Logits<Real> logits_;
    Values<Real> values_;
    Scaling scaling_;
    DirectSums<Real> direct_;
    Tokens<Real> queries_;
    Tokens<Real> keys_;
    PairSums<Real> sums_;
    Vector<Real> log_weights_;  // log w_j b_j of the last evaluation
};

class SinkhornLaw final : public AttentionLaw {
   public:
    explicit SinkhornLaw(const SinkhornAttention& law) : law_(law) { require_pair(law); }

    void require_dim(Index dim) const override { noisync::require_dim(law_, dim); }

   private:
    [[nodiscard]] std::unique_ptr<Attention<float>> float_evaluator(
        const Summation& /*summation*/) const override {
        return std::make_unique<Sinkhorn<float>>(law_);
    }
    [[nodiscard]] std::unique_ptr<Attention<double>> double_evaluator(
        const Summation& /*summation*/) const override {
        return std::make_unique<Sinkhorn<double>>(law_);
    }

    SinkhornAttention law_;
};

}  // namespace

SharedAttentionLaw attention_law(const SinkhornAttention& attention) {
    return std::make_shared<const SinkhornLaw>(attention);
}

}  // namespace noisync
