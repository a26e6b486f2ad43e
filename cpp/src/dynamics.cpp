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

// Calls every observer that asked for `layer`; cursors remember how far each one is.
template <class Real>
void show(const Tokens<Real>& x, Index layer, const std::vector<Observer<Real>*>& observers,
          std::vector<std::size_t>& cursors, Execution& execution) {
    for (std::size_t k = 0; k < observers.size(); ++k) {
        const std::vector<Index>& wanted = observers[k]->layers();
        if (cursors[k] < wanted.size() && wanted[cursors[k]] == layer) {
            observers[k]->observe(Index(cursors[k]), x, execution);
            ++cursors[k];
        }
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
    std::vector<std::size_t> cursors(observers.size(), 0);
    completed = -1;
    show(x, 0, observers, cursors, execution);
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
        show(x, layer, observers, cursors, execution);
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
