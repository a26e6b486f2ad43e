// A random value matrix, common to all tokens, times what attention gives each of them.
#include "noisync/noise.hpp"
#include "noisync/pairs.hpp"
#include "samplers.hpp"

namespace noisync {

namespace {

template <class Real>
class ValueField final : public NoiseField<Real> {
   public:
    explicit ValueField(const ValueNoise& config)
        : scale_(Real(config.scale)), attention_(make_attention<Real>(config.attention)) {}

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
            attention_->differentiate(y, weights, derivatives->token, derivatives->along, slopes_);
            derivatives->out.noalias() += slopes_ * matrix_.transpose();
        }
    }

   private:
    Real scale_;
    std::unique_ptr<Attention<Real>> attention_;
    Matrix<Real> matrix_;
    Tokens<Real> attended_;
    Matrix<Real> slopes_;
};

}  // namespace

template <class Real>
std::unique_ptr<NoiseField<Real>> make_value(const ValueNoise& config) {
    return std::make_unique<ValueField<Real>>(config);
}

template std::unique_ptr<NoiseField<float>> make_value<float>(const ValueNoise&);
template std::unique_ptr<NoiseField<double>> make_value<double>(const ValueNoise&);

}  // namespace noisync
