#include "dynamics/layer.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include "base/sphere.hpp"

namespace noisync {

template <class Real>
void Layer<Real>::apply(State<Real>& state, Execution& execution) {
    fell_back_ = false;
    derivatives_.reset();
    if (state.tangents) {
        const auto& [first, count, vectors, growth, least] = *state.tangents;
        derivatives_ = Derivatives<Real>{first, count, vectors, vectors};
    }
    moved_ = false;
    switch (system_.scheme) {
        case Scheme::layer:
            half_steps(state, execution);
            break;
        case Scheme::euler:
            single_step(state, execution);
            break;
        case Scheme::rk4:
            rk4(state, execution);
            break;
    }
    if (state.tangents && state.tangents->least_jacobian) {
        double& least = *state.tangents->least_jacobian;
        const Tokens<Real>& reached = moved_ ? reached_ : state.tokens;
        least = std::min(
            least, least_jacobian(state.tokens, *state.tangents, reached, derivatives_->along));
    }
    // From here on nothing throws.
    if (moved_) {
        state.tokens.swap(reached_);
    }
    if (state.tangents && derivatives_) {
        state.tangents->vectors.swap(derivatives_->along);
        orthonormalise(derivatives_->directions(), state.tangents->vectors, state.tangents->growth);
    }
    state.layers_summed_directly += fell_back_ ? 1 : 0;
    ++state.layer;
}

// Y = LN(X + D Attn_X(X)), X' = LN(Y + sqrt(D) G(Y)): G is evaluated at Y for all tokens before any
// of them moves.
template <class Real>
void Layer<Real>::half_steps(const State<Real>& state, Execution& execution) {
    const Tokens<Real>* x = &state.tokens;
    if (system_.attention != nullptr) {
        sum_ = *x;
        add_attention(*x, execution);
        retract(state.layer, execution);
        x = &reached_;
    }
    if (system_.noise != nullptr) {
        sum_ = *x;
        add_noise(*x, state.layer, execution);
        retract(state.layer, execution);
    }
}

// X' = LN(X + D Attn_X(X) + sqrt(D) G(X)).
template <class Real>
void Layer<Real>::single_step(const State<Real>& state, Execution& execution) {
    sum_ = state.tokens;
    if (system_.attention != nullptr) {
        add_attention(state.tokens, execution);
    }
    if (system_.noise != nullptr) {
        add_noise(state.tokens, state.layer, execution);
    }
    retract(state.layer, execution);
}

// The classical method for x' = P_x Attn_X(x), the field extended from the sphere by f(x) =
// f(x/|x|): the exact flow stays on the sphere, so the projection keeps the order 4. Tangents go
// through the derivative of the same stages.
template <class Real>
void Layer<Real>::rk4(const State<Real>& state, Execution& execution) {
    if (system_.attention == nullptr) {
        return;
    }
    const Tokens<Real>& start = state.tokens;
    Tokens<Real> total = start;
    Matrix<Real> total_slope;
    Matrix<Real> slope;
    if (derivatives_) {
        total_slope = derivatives_->along;
    }
    constexpr std::array<double, 4> kStage{0, 0.5, 0.5, 1};
    constexpr std::array<double, 4> kWeight{1.0 / 6, 1.0 / 3, 1.0 / 3, 1.0 / 6};
    for (std::size_t stage = 0; stage < 4; ++stage) {
        if (stage > 0) {
            const Real size = Real(step_.thickness * kStage[stage]);
            sum_ = start + size * drift_;
            if (derivatives_) {
                derivatives_->out = state.tangents->vectors + size * slope;
            }
            retract(state.layer, execution);
        }
        const Tokens<Real>& x = stage == 0 ? start : reached_;
        system_.attention->evaluate(x, system_.weights, drift_, execution);
        fell_back_ |= system_.attention->fell_back();
        const Vector<Real> radial = (drift_.array() * x.array()).rowwise().sum();
        const Real weight = Real(step_.thickness * kWeight[stage]);
        if (derivatives_) {
            slope = tangential_slope(x, radial, execution);
            total_slope += weight * slope;
        }
        drift_ -= radial.asDiagonal() * x;
        total += weight * drift_;
    }
    sum_ = total;
    if (derivatives_) {
        derivatives_->out = total_slope;
    }
    retract(state.layer, execution);
}

// D(P_x A(x)) v = DA v - (<x, DA v> + <v, A>) x - <x, A> v, with A in `drift_` and <x, A> given.
template <class Real>
Matrix<Real> Layer<Real>::tangential_slope(const Tokens<Real>& x, const Vector<Real>& radial,
                                           Execution& execution) const {
    const Derivatives<Real>& at = *derivatives_;
    Matrix<Real> slope = system_.attention->differentiate_at(x, system_.weights, at, execution);
    for (Index row = 0; row < slope.rows(); ++row) {
        const Index token = at.first + row / at.directions();
        const auto v = at.along.row(row);
        const Real inward = slope.row(row).dot(x.row(token)) + v.dot(drift_.row(token));
        slope.row(row) -= inward * x.row(token) + radial(token) * v;
    }
    return slope;
}

template <class Real>
void Layer<Real>::add_attention(const Tokens<Real>& x, Execution& execution) {
    system_.attention->evaluate(x, system_.weights, drift_, execution);
    fell_back_ |= system_.attention->fell_back();
    sum_ += Real(step_.thickness) * drift_;
    if (derivatives_) {
        derivatives_->out +=
            Real(step_.thickness) *
            system_.attention->differentiate_at(x, system_.weights, *derivatives_, execution);
    }
}

template <class Real>
void Layer<Real>::add_noise(const Tokens<Real>& x, Index layer, Execution& execution) {
    const LayerKey key{path_.seed, path_.replicate, std::uint32_t(layer * step_.span),
                       std::uint32_t(step_.span)};
    const Real scale = Real(std::sqrt(step_.thickness / double(step_.span)));
    system_.noise->add(x, system_.weights, key, scale, sum_,
                       derivatives_ ? &*derivatives_ : nullptr, execution);
}

// reached <- LN(sum).
template <class Real>
void Layer<Real>::retract(Index layer, Execution& execution) {
    if (derivatives_) {
        noisync::retract(sum_, *derivatives_);
    }
    const Index lost = normalize_rows(sum_, execution);
    if (lost >= 0) {
        throw LeftSphere(layer + 1, lost);
    }
    reached_.swap(sum_);
    moved_ = true;
}

template class Layer<float>;
template class Layer<double>;

}  // namespace noisync
