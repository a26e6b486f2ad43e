#include "noise/value.hpp"

#include <memory>
#include <utility>
#include <vector>

#include "base/pairs.hpp"

namespace noisync {

namespace {

template <class Real>
class ValueField final : public NoiseField<Real> {
   public:
    explicit ValueField(const ValueNoise& noise)
        : scale_(Real(noise.scale)), attention_(noise.attention.evaluator<Real>()) {}

    void add(const Tokens<Real>& y, const Vector<Real>& weights, const LayerKey& key, Real scale,
             Tokens<Real>& out, Derivatives<Real>* derivatives, Execution& execution) override {
        const Index d = y.cols();
        matrix_.setZero(d, d);
        add_normals(key, Purpose::value_matrix, 0, d * d, scale * scale_, matrix_.data());
        attention_->evaluate(y, weights, attended_, execution);
        const Blocks blocks{y.rows(), 256};
        execution.for_each(blocks.count(), [&](Index block, int) {
            const Index first = blocks.begin(block);
            const Index count = blocks.length(block);
            out.middleRows(first, count).noalias() +=
                attended_.middleRows(first, count) * matrix_.transpose();
        });
        if (derivatives != nullptr) {
            derivatives->out.noalias() +=
                attention_->differentiate_at(y, weights, *derivatives, execution) *
                matrix_.transpose();
        }
    }

   private:
    Real scale_;
    std::unique_ptr<Attention<Real>> attention_;
    Matrix<Real> matrix_;
    Tokens<Real> attended_;
};

class ValueLaw final : public LawOf<ValueField, ValueNoise> {
   public:
    using LawOf::LawOf;
    void require_dim(Index dim) const override { parameters().attention.law->require_dim(dim); }
};

class ValuePairs final : public PairNoise {
   public:
    explicit ValuePairs(ValueNoise noise) : noise_(std::move(noise)) {}

    void require_dim(Index dim) const override { noise_.attention.law->require_dim(dim); }

    // Half the squares and gaps of the averages s A_i are k and e.
    [[nodiscard]] TileNoise prepare(const PackedTokens& packed, const Tokens<double>& x,
                                    const Vector<double>& weights, double beta,
                                    Execution& execution) const override {
        using simd::kLanes;
        using simd::kPanel;
        Tokens<double> attended(x.rows(), x.cols());
        noise_.attention.evaluator<double>()->evaluate(x, weights, attended, execution);
        const auto averages =
            std::make_shared<const PackedTokens>(noise_.scale * attended, weights);
        const auto tiles = std::make_shared<std::vector<Vector<double>>>(
            std::size_t(execution.threads()),
            Vector<double>(kPanel<double> * simd::kStrip<double>));
        return [&packed, beta, averages, tiles](const GapTile& tile, int worker) {
            double* excess = (*tiles)[std::size_t(worker)].data();
            fill_gaps(*averages, tile.row / kPanel<double>, tile.first, tile.columns, excess);
            const double* halves = averages->halves.data();
            return sum_over(
                tile, packed.weights, beta, [&](simd::Vec<double> gap, Index column, int h) {
                    const auto k = simd::load(halves + tile.row + h * kLanes<double>) +
                                   halves[tile.first + column];
                    const auto e =
                        simd::load(excess + column * kPanel<double> + h * kLanes<double>);
                    return generator_of(gap, k, e, double(packed.dim), beta);
                });
        };
    }

   private:
    ValueNoise noise_;
};

}  // namespace

SharedNoiseLaw noise_law(const ValueNoise& noise) {
    return std::make_shared<const ValueLaw>(noise);
}

SharedPairNoise pair_noise(const ValueNoise& noise) {
    return std::make_shared<const ValuePairs>(noise);
}

}  // namespace noisync
