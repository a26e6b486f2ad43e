#include "noise/random_heads.hpp"

#include <cmath>
#include <memory>
#include <stdexcept>

#include "attention/exponential.hpp"
#include "attention/map_rows.hpp"

namespace noisync {

namespace {

// A span of layers is as many sets of heads.
template <class Real>
class RandomHeadsField final : public NoiseField<Real> {
   public:
    explicit RandomHeadsField(const RandomHeads& parameters) : parameters_(parameters) {}

    void add(const Tokens<Real>& y, const Vector<Real>& weights, const LayerKey& key, Real scale,
             Tokens<Real>& out, Derivatives<Real>* derivatives, Execution& execution) override {
        const Real size = scale * Real(parameters_.scale / std::sqrt(double(parameters_.heads)));
        for (std::uint32_t layer = key.layer; layer < key.layer + key.count; ++layer) {
            for (Index h = 0; h < parameters_.heads; ++h) {
                add_head(y, weights, key, layer, h, size, out, derivatives, execution);
            }
        }
    }

   private:
    void add_head(const Tokens<Real>& y, const Vector<Real>& weights, const LayerKey& key,
                  std::uint32_t layer, Index h, Real size, Tokens<Real>& out,
                  Derivatives<Real>* derivatives, Execution& execution) {
        const Index d = y.cols();
        const auto drawn = [&](Purpose purpose, Index rows, double deviation) {
            Matrix<Real> matrix(rows, d);
            fill_normals(key.stream(layer, purpose), std::uint64_t(h * rows * d), rows * d,
                         Real(deviation), matrix.data());
            return matrix;
        };
        const Index r = parameters_.head_dim;
        const double deviation = parameters_.head_scale;
        const auto queries = drawn(Purpose::head_queries, r, parameters_.beta * deviation);
        const auto keys = drawn(Purpose::head_keys, r, deviation);
        const auto values = drawn(Purpose::value_matrix, d, double(size));
        ExponentialAttention head;
        head.query = queries.template cast<double>();
        head.key = keys.template cast<double>();
        const auto attention = attention_law(head)->template evaluator<Real>({});
        attention->evaluate(y, weights, means_, execution);
        map_rows(means_, values, added_, execution);
        out += added_;
        if (derivatives != nullptr) {
            derivatives->out.noalias() +=
                attention->differentiate_at(y, weights, *derivatives, execution) *
                values.transpose();
        }
    }

    RandomHeads parameters_;
    Tokens<Real> means_;
    Tokens<Real> added_;
};

}  // namespace

SharedNoiseLaw noise_law(const RandomHeads& heads) {
    if (heads.heads < 1 || heads.head_dim < 1) {
        throw std::invalid_argument("heads and head_dim must be positive");
    }
    return law_of<RandomHeadsField>(heads);
}

}  // namespace noisync
