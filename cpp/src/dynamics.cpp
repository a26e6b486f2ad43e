#include "noisync/dynamics.hpp"

#include <cmath>

#include "noisync/sphere.hpp"

namespace noisync {

namespace {

template <class Real>
void retract(Tokens<Real>& x, Index layer, Execution& execution) {
    const Index lost = normalize_rows(x, execution);
    if (lost >= 0) {
        throw LeftSphere(layer, lost);
    }
}

template <class Real>
void show(const Tokens<Real>& x, Index layer, const std::vector<Observer<Real>*>& observers,
          Execution& execution) {
    for (Observer<Real>* observer : observers) {
        observer->see(layer, x, execution);
    }
}

}  // namespace

template <class Real>
void run_layers(Tokens<Real>& x, const Vector<Real>& weights, Attention<Real>* attention,
                NoiseField<Real>* noise, const Depth& depth, const Path& path,
                const std::vector<Observer<Real>*>& observers, Execution& execution,
                Index& completed) {
    const double step = depth.horizon / double(depth.layers);
    Tokens<Real> update(x.rows(), x.cols());
    completed = -1;
    show(x, 0, observers, execution);
    completed = 0;
    for (Index layer = 1; layer <= depth.layers; ++layer) {
        execution.enter_layer(layer);
        if (attention != nullptr) {
            attention->evaluate(x, weights, update, execution);
            x += Real(step) * update;
            retract(x, layer, execution);
        }
        if (noise != nullptr) {
            update = x;  // G is evaluated at Y for all tokens before any of them moves
            noise->add(x, {path.seed, path.replicate, std::uint32_t(layer - 1)},
                       Real(std::sqrt(step)), update, execution);
            x.swap(update);
            retract(x, layer, execution);
        }
        show(x, layer, observers, execution);
        completed = layer;
    }
}

template void run_layers<float>(Tokens<float>&, const Vector<float>&, Attention<float>*,
                                NoiseField<float>*, const Depth&, const Path&,
                                const std::vector<Observer<float>*>&, Execution&, Index&);
template void run_layers<double>(Tokens<double>&, const Vector<double>&, Attention<double>*,
                                 NoiseField<double>*, const Depth&, const Path&,
                                 const std::vector<Observer<double>*>&, Execution&, Index&);

}  // namespace noisync
