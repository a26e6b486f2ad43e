#include "measure/budget_measure.hpp"

#include <optional>
#include <stdexcept>
#include <utility>
#include <vector>

#include "measure/energy_measure.hpp"

namespace noisync {

namespace {

class BudgetMeasure final : public Measure {
   public:
    BudgetMeasure(BudgetLaw law, Index dim, bool with_energy)
        : law_(std::move(law)), dim_(dim), with_energy_(with_energy) {}

    [[nodiscard]] Index size() const override { return with_energy_ ? 3 : 2; }
    [[nodiscard]] Needs needs() const override { return {.dim = dim_}; }

    void evaluate(const Snapshot& snapshot, double* out, Execution& execution) const override {
        const Budget budget = energy_budget(snapshot.tokens, snapshot.weights, law_, execution);
        out[0] = budget.attention;
        out[1] = budget.noise;
        if (with_energy_) {
            out[2] = budget.energy;
        }
    }

    [[nodiscard]] SharedMeasure joined(const Measure& other) const override {
        const auto* energy = dynamic_cast<const EnergyMeasure*>(&other);
        const bool same = energy != nullptr && energy->length() == 0 &&
                          energy->scale() == law_.scale &&
                          energy->betas() == std::vector<double>{law_.beta};
        return same && !with_energy_ ? std::make_shared<BudgetMeasure>(law_, dim_, true) : nullptr;
    }

   private:
    BudgetLaw law_;
    Index dim_;
    bool with_energy_;
};

void require_dim(const std::optional<SummedAttention>& attention, Index dim) {
    if (attention) {
        attention->law->require_dim(dim);
    }
}

}  // namespace

SharedMeasure budget_measure(BudgetLaw law, Index dim) {
    require_dim(law.attention, dim);
    if (law.noise) {
        law.noise->require_dim(dim);
    }
    return std::make_shared<BudgetMeasure>(std::move(law), dim, false);
}

SharedMeasure budget_measure(HarmonicBudgetLaw law, Index dim) {
    require_dim(law.attention, dim);
    if (law.harmonics.empty() || (!law.noise.empty() && law.noise.size() != law.harmonics.size())) {
        throw std::invalid_argument("harmonics and noise must be of one length");
    }
    const auto transform =
        std::make_shared<const HarmonicTransform>(Index(law.harmonics.size()) - 1, dim);
    return made_of(
        2, {.dim = dim},
        [=, law = std::move(law)](const Snapshot& snapshot, double* out, Execution& execution) {
            const Budget budget =
                energy_budget(*transform, snapshot.tokens, snapshot.weights, law, execution);
            out[0] = budget.attention;
            out[1] = budget.noise;
        },
        [=](Index rows) { return transform->stretches(rows).length(0); });
}

}  // namespace noisync
