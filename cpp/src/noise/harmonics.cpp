#include "noise/harmonics.hpp"

#include <cmath>
#include <optional>
#include <stdexcept>

#include "harmonics/transform.hpp"

namespace noisync {

namespace {

template <class Real>
class HarmonicField final : public NoiseField<Real> {
   public:
    explicit HarmonicField(const Harmonics& harmonics) : variances_(harmonics.variances) {}

    void add(const Tokens<Real>& y, const Vector<Real>& /*weights*/, const LayerKey& key,
             Real scale, Tokens<Real>& out, Derivatives<Real>* derivatives,
             Execution& execution) override {
        const Index d = y.cols();
        const HarmonicTransform& transform = transform_in(d);
        const HarmonicBasis& basis = transform.basis();
        draw(basis, key, double(scale), d, execution);
        out += transform.synthesise(y.template cast<double>(), coefficients_, execution)
                   .template cast<Real>();
        if (derivatives != nullptr) {
            differentiate(basis, y, *derivatives, execution);
        }
    }

   private:
    const HarmonicTransform& transform_in(Index dim) {
        if (transform_ && transform_->basis().dim() == dim) {
            return *transform_;
        }
        return transform_.emplace(Index(variances_.size()) - 1, dim);
    }

    // Row k: the coefficients (c_n / N_n)^{1/2} xi of harmonic k. Numbered from low degrees to high
    // ones, so that fields cut at two degrees share the lower part.
    void draw(const HarmonicBasis& basis, const LayerKey& key, double scale, Index d,
              Execution& execution) {
        coefficients_.setZero(basis.size(), d);
        execution.for_each(Index(variances_.size()), [&](Index n, int) {
            const Index first = basis.begin(n);
            const Index count = basis.begin(n + 1) - first;
            const double size = scale * std::sqrt(variances_[std::size_t(n)] / double(count));
            add_normals(key, Purpose::harmonic_coefficients, std::uint64_t(first * d), count * d,
                        size, coefficients_.row(first).data());
        });
    }

    void differentiate(const HarmonicBasis& basis, const Tokens<Real>& y,
                       Derivatives<Real>& derivatives, Execution& execution) const {
        const Index count = derivatives.directions();
        execution.for_each(derivatives.count, [&](Index i, int) {
            const auto along = derivatives.along_at(i);
            HarmonicTable<Dual> points(y.cols(), count);
            for (Index a = 0; a < y.cols(); ++a) {
                for (Index k = 0; k < count; ++k) {
                    points(a, k) = {double(y(derivatives.first + i, a)), double(along(k, a))};
                }
            }
            const HarmonicTable<double> slopes =
                basis.evaluate(points).unaryExpr([](const Dual& value) { return value.slope; });
            derivatives.out_at(i) +=
                (slopes.matrix().transpose() * coefficients_).template cast<Real>();
        });
    }

    std::vector<double> variances_;
    std::optional<HarmonicTransform> transform_;
    Matrix<double> coefficients_;
};

}  // namespace

SharedNoiseLaw noise_law(const Harmonics& harmonics) {
    if (harmonics.variances.empty()) {
        throw std::invalid_argument("a series needs at least one coefficient");
    }
    return law_of<HarmonicField>(harmonics);
}

}  // namespace noisync
