#include "measure/measures.hpp"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "noisync/configuration.hpp"
#include "noisync/harmonic_sums.hpp"

namespace noisync {

namespace {

// A measure made of a function of (snapshot, out, execution).
template <class Function>
class MadeOf final : public Measure {
   public:
    MadeOf(Index size, Needs needs, Function function)
        : size_(size), needs_(needs), function_(std::move(function)) {}
    [[nodiscard]] Index size() const override { return size_; }
    [[nodiscard]] Needs needs() const override { return needs_; }
    void evaluate(const Snapshot& snapshot, double* out, Execution& execution) const override {
        function_(snapshot, out, execution);
    }

   private:
    Index size_;
    Needs needs_;
    Function function_;
};

template <class Function>
SharedMeasure made_of(Index size, Needs needs, Function function) {
    return std::make_shared<MadeOf<Function>>(size, needs, std::move(function));
}

template <class Value>
std::vector<Value> appended(std::vector<Value> first, const std::vector<Value>& second) {
    first.insert(first.end(), second.begin(), second.end());
    return first;
}

class EnergyMeasure final : public Measure {
   public:
    EnergyMeasure(std::vector<double> betas, EnergyScale scale,
                  std::vector<std::vector<double>> series, Index dim)
        : betas_(std::move(betas)), scale_(scale), series_(std::move(series)), dim_(dim) {
        if (series_.empty()) {
            return;
        }
        std::size_t length = 0;
        for (const auto& list : series_) {
            length = std::max(length, list.size());
        }
        for (auto& list : series_) {
            list.resize(length, 0.0);
        }
        if (series_.size() != betas_.size() || length == 0) {
            throw std::invalid_argument("series must hold coefficients for every beta");
        }
        transform_ = std::make_unique<const HarmonicTransform>(Index(length) - 1, dim);
    }

    [[nodiscard]] Index size() const override { return Index(betas_.size()); }
    [[nodiscard]] Needs needs() const override { return {.dim = transform_ ? dim_ : 0}; }
    [[nodiscard]] const std::vector<double>& betas() const { return betas_; }
    [[nodiscard]] EnergyScale scale() const { return scale_; }
    // The number of coefficients for every beta; 0: by the direct sum.
    [[nodiscard]] std::size_t length() const { return series_.empty() ? 0 : series_[0].size(); }

    void evaluate(const Snapshot& snapshot, double* out, Execution& execution) const override {
        const auto& [x, weights, growth] = snapshot;
        std::ranges::copy(transform_ ? interaction_energy(*transform_, series_, betas_, x, weights,
                                                          execution, scale_)
                                     : interaction_energy(x, weights, betas_, execution, scale_),
                          out);
    }

    [[nodiscard]] SharedMeasure joined(const Measure& other) const override {
        const auto* energy = dynamic_cast<const EnergyMeasure*>(&other);
        // Sums of another length round differently.
        if (energy == nullptr || energy->scale_ != scale_ || energy->length() != length() ||
            (!series_.empty() && energy->dim_ != dim_)) {
            return nullptr;
        }
        return std::make_shared<EnergyMeasure>(appended(betas_, energy->betas_), scale_,
                                               appended(series_, energy->series_), dim_);
    }

   private:
    std::vector<double> betas_;
    EnergyScale scale_;
    std::vector<std::vector<double>> series_;
    Index dim_;
    std::unique_ptr<const HarmonicTransform> transform_;
};

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

}  // namespace

SharedMeasure energy_measure(std::vector<double> betas, EnergyScale scale,
                             std::vector<std::vector<double>> series, Index dim) {
    return std::make_shared<EnergyMeasure>(std::move(betas), scale, std::move(series), dim);
}

SharedMeasure budget_measure(BudgetLaw law, Index dim) {
    return std::make_shared<BudgetMeasure>(std::move(law), dim, false);
}

SharedMeasure budget_measure(LinearBudgetLaw law, Index dim) {
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
        });
}

SharedMeasure cosine_measure(Index bins) {
    if (bins < 1) {
        throw std::invalid_argument("bins must be positive");
    }
    return made_of(bins, {}, [bins](const Snapshot& snapshot, double* out, Execution& execution) {
        std::ranges::copy(cosine_histogram(snapshot.tokens, bins, execution), out);
    });
}

SharedMeasure order_measure() {
    return made_of(3, {}, [](const Snapshot& snapshot, double* out, Execution&) {
        const OrderParameters order = order_parameters(snapshot.tokens, snapshot.weights);
        out[0] = order.mean;
        out[1] = order.leading;
        out[2] = order.effective_rank;
    });
}

SharedMeasure cluster_measure(double angle) {
    return made_of(2, {}, [angle](const Snapshot& snapshot, double* out, Execution&) {
        const auto labels = clusters(snapshot.tokens, angle);
        std::vector<double> masses(std::size_t(std::ranges::max(labels)) + 1, 0.0);
        for (std::size_t i = 0; i < labels.size(); ++i) {
            masses[std::size_t(labels[i])] += snapshot.weights(Index(i));
        }
        out[0] = double(masses.size());
        out[1] = std::ranges::max(masses);
    });
}

SharedMeasure token_measure(Index tokens, Index dim) {
    return made_of(tokens * dim, {.tokens = tokens, .dim = dim},
                   [](const Snapshot& snapshot, double* out, Execution&) {
                       std::copy_n(snapshot.tokens.data(), snapshot.tokens.size(), out);
                   });
}

SharedMeasure growth_measure(Index tangents) {
    return made_of(tangents, {.tangents = tangents},
                   [](const Snapshot& snapshot, double* out, Execution&) {
                       std::copy_n(snapshot.growth->data(), snapshot.growth->size(), out);
                   });
}

}  // namespace noisync
