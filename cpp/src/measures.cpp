#include "noisync/measures.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include "noisync/configuration.hpp"
#include "noisync/harmonic_sums.hpp"

namespace noisync {

namespace {

// A measure made of a function of (x, weights, out, execution).
template <class Function>
class MadeOf final : public Measure {
   public:
    MadeOf(Index size, Index dim, Function function)
        : size_(size), dim_(dim), function_(std::move(function)) {}
    [[nodiscard]] Index size() const override { return size_; }
    [[nodiscard]] Index dim() const override { return dim_; }
    void evaluate(const Tokens<double>& x, const Vector<double>& weights, double* out,
                  Execution& execution) const override {
        function_(x, weights, out, execution);
    }

   private:
    Index size_;
    Index dim_;
    Function function_;
};

template <class Function>
SharedMeasure made_of(Index size, Index dim, Function function) {
    return std::make_shared<MadeOf<Function>>(size, dim, std::move(function));
}

constexpr Index kAnyDim = 0;

}  // namespace

SharedMeasure energy_measure(std::vector<double> betas, EnergyScale scale,
                             std::vector<std::vector<double>> series, Index dim) {
    const auto count = Index(betas.size());
    if (series.empty()) {
        return made_of(count, kAnyDim,
                       [betas = std::move(betas), scale](const auto& x, const auto& weights,
                                                         double* out, auto& execution) {
                           std::ranges::copy(
                               interaction_energy(x, weights, betas, execution, scale), out);
                       });
    }
    const auto transform =
        std::make_shared<const HarmonicTransform>(Index(series[0].size()) - 1, dim);
    return made_of(
        count, dim,
        [=, betas = std::move(betas), series = std::move(series)](
            const auto& x, const auto& weights, double* out, auto& execution) {
            std::ranges::copy(
                interaction_energy(*transform, series, betas, x, weights, execution, scale), out);
        });
}

SharedMeasure budget_measure(BudgetLaw law, Index dim, bool with_energy) {
    return made_of(with_energy ? 3 : 2, dim,
                   [law = std::move(law), with_energy](const auto& x, const auto& weights,
                                                       double* out, auto& execution) {
                       const Budget budget = energy_budget(x, weights, law, execution);
                       out[0] = budget.attention;
                       out[1] = budget.noise;
                       if (with_energy) {
                           out[2] = budget.energy;
                       }
                   });
}

SharedMeasure budget_measure(LinearBudgetLaw law, Index dim) {
    const auto transform =
        std::make_shared<const HarmonicTransform>(Index(law.harmonics.size()) - 1, dim);
    return made_of(2, dim,
                   [=, law = std::move(law)](const auto& x, const auto& weights, double* out,
                                             auto& execution) {
                       const Budget budget = energy_budget(*transform, x, weights, law, execution);
                       out[0] = budget.attention;
                       out[1] = budget.noise;
                   });
}

SharedMeasure cosine_measure(Index bins) {
    return made_of(bins, kAnyDim, [bins](const auto& x, const auto&, double* out, auto& execution) {
        std::ranges::copy(cosine_histogram(x, bins, execution), out);
    });
}

SharedMeasure order_measure() {
    return made_of(3, kAnyDim, [](const auto& x, const auto& weights, double* out, auto&) {
        const OrderParameters order = order_parameters(x, weights);
        out[0] = order.mean;
        out[1] = order.leading;
        out[2] = order.effective_rank;
    });
}

SharedMeasure cluster_measure(double angle) {
    return made_of(2, kAnyDim, [angle](const auto& x, const auto& weights, double* out, auto&) {
        const auto labels = clusters(x, angle);
        std::vector<double> masses(std::size_t(std::ranges::max(labels)) + 1, 0.0);
        for (std::size_t i = 0; i < labels.size(); ++i) {
            masses[std::size_t(labels[i])] += weights(Index(i));
        }
        out[0] = double(masses.size());
        out[1] = std::ranges::max(masses);
    });
}

}  // namespace noisync
