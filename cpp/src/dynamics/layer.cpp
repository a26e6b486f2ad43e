#include "dynamics/layer.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include "base/sphere.hpp"

namespace noisync {

namespace {

// The first row of any rank that was lost, by its number among all; -1: none was.
Index first_of_all(Index lost, const Ranks& ranks) {
    Index first = -1;
    for (const auto& other : ranks.gather({double(lost < 0 ? lost : ranks.first() + lost)})) {
        const auto row = Index(other[0]);
        if (row >= 0 && (first < 0 || row < first)) {
            first = row;
        }
    }
    return first;
}

}  // namespace

template <class Real>
void Layer<Real>::apply(State<Real>& state, Execution& execution) {
    layer_ = state.layer;
    placement_ = system_.norm.at(layer_);
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
    if (derivatives_ && state.tangents && state.tangents->least_jacobian) {
        double& least = *state.tangents->least_jacobian;
        const Tokens<Real>& reached = moved_ ? reached_ : state.tokens;
        least = std::min(
            least, least_jacobian(state.tokens, *state.tangents, reached, derivatives_->along));
    }
    // From here on nothing throws.
    if (moved_) {
        state.tokens.swap(reached_);
        if (moves_norms()) {
            state.norms.swap(norms_);
        }
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
    if (system_.attention != nullptr) {
        begin(state.tokens, state.norms);
        add_attention(state.tokens, execution);
        retract(execution);
    }
    if (system_.noise != nullptr) {
        const Tokens<Real>& x = moved_ ? reached_ : state.tokens;
        begin(x, moved_ ? norms_ : state.norms);
        add_noise(x, execution);
        retract(execution);
    }
}

// X' = LN(X + D Attn_X(X) + sqrt(D) G(X)).
template <class Real>
void Layer<Real>::single_step(const State<Real>& state, Execution& execution) {
    begin(state.tokens, state.norms);
    if (system_.attention != nullptr) {
        add_attention(state.tokens, execution);
    }
    if (system_.noise != nullptr) {
        if (system_.attention != nullptr) {
            // Of three terms: |X| + D |Attn| + |X + D Attn|, the last in place of sqrt(D) |G|, from
            // which it differs by no more than the norm of the sum.
            sizes_ /= 2;
            sizes_ += Real(step_.thickness) * drift_.rowwise().norm() + sum_.rowwise().norm();
        }
        add_noise(state.tokens, execution);
    }
    retract(execution);
}

// The classical method for the limit in layer_norm.hpp. Where only directions move, for x' = P_x
// A(x), the field extended from the sphere by f(x) = f(x/|x|): the exact flow stays on the sphere,
// so the projection keeps the order 4. Tangents go through the derivative of the same stages.
template <class Real>
void Layer<Real>::rk4(const State<Real>& state, Execution& execution) {
    if (system_.attention == nullptr) {
        return;
    }
    begin(state.tokens, state.norms);
    const Tokens<Real> start = sum_;
    Tokens<Real> total = start;
    Matrix<Real> start_slope;
    Matrix<Real> total_slope;
    Matrix<Real> slope;
    if (derivatives_) {
        start_slope = derivatives_->along;
        total_slope = start_slope;
    }
    constexpr std::array<double, 4> kStage{0, 0.5, 0.5, 1};
    constexpr std::array<double, 4> kWeight{1.0 / 6, 1.0 / 3, 1.0 / 3, 1.0 / 6};
    for (std::size_t stage = 0; stage < 4; ++stage) {
        if (stage > 0) {
            const Real size = Real(step_.thickness * kStage[stage]);
            sum_ = start + size * drift_;
            if (derivatives_) {
                derivatives_->out = start_slope + size * slope;
            }
            retract(execution);
        }
        const Tokens<Real>& x = stage == 0 ? state.tokens : reached_;
        const double time = step_.thickness * (double(layer_) + kStage[stage]);
        evaluate_attention(x, time, execution);
        const Real weight = Real(step_.thickness * kWeight[stage]);
        if (!moves_norms()) {
            const Vector<Real> radial = (drift_.array() * x.array()).rowwise().sum();
            differentiate_attention(x, slope, execution);
            if (derivatives_) {
                make_tangential(x, radial, *derivatives_, slope);
                total_slope += weight * slope;
            }
            drift_ -= radial.asDiagonal() * x;
        }
        total += weight * drift_;
    }
    sum_ = total;
    if (derivatives_) {
        derivatives_->out = total_slope;
    }
    retract(execution);
}

template <class Real>
bool Layer<Real>::moves_norms() const {
    return placement_ == Placement::pre || placement_ == Placement::peri;
}

// sum <- r X, or X where only directions move. The sizes are those of sums of two terms: the other
// has the norm |X| up to that of the sum.
template <class Real>
void Layer<Real>::begin(const Tokens<Real>& x, const Vector<Real>& norms) {
    sum_ = x;
    sizes_.setConstant(x.rows(), 2);
    if (moves_norms()) {
        sum_.array().colwise() *= norms.array();
        sizes_ = 2 * norms;
    }
}

// drift <- what the normalisation makes of A, the attention of the directions x.
template <class Real>
void Layer<Real>::evaluate_attention(const Tokens<Real>& x, double time, Execution& execution) {
    attention_.evaluate(x, system_.weights, drift_, execution);
    fell_back_ |= system_.attention->fell_back();
    if (placement_ == Placement::peri || placement_ == Placement::ngpt) {
        take_directions(execution);
    }
    if (placement_ == Placement::ngpt) {
        drift_ *= Real(system_.norm.alpha);
    } else if (placement_ == Placement::sqrt) {
        drift_ /= Real(std::sqrt(time + 1));
    }
}

// slopes <- those of the attention, evaluated at x before, along the tangent vectors, if any.
template <class Real>
void Layer<Real>::differentiate_attention(const Tokens<Real>& x, Matrix<Real>& slopes,
                                          Execution& execution) {
    attention_.differentiate(x, system_.weights, derivatives_ ? &*derivatives_ : nullptr, slopes,
                             execution);
}

// drift <- drift / |drift|, 0 for a token that attends to none.
template <class Real>
void Layer<Real>::take_directions(Execution& execution) {
    const Attention<Real>& attention = *system_.attention;
    const Index lost = first_lost(drift_.rows(), execution, [&](Index i) {
        if (!attention.sees(i)) {
            drift_.row(i).setZero();
            return true;
        }
        return normalize_row(drift_.row(i), kCancelled<Real> * attention.size_of_terms(i)) > 0;
    });
    if (lost >= 0) {
        throw LeftSphere(layer_ + 1, lost);
    }
}

// slope, DA v, <- D(P_x A(x)) v = DA v - (<x, DA v> + <v, A>) x - <x, A> v, with A in `drift_` and
// <x, A> given.
template <class Real>
void Layer<Real>::make_tangential(const Tokens<Real>& x, const Vector<Real>& radial,
                                  const Derivatives<Real>& at, Matrix<Real>& slope) const {
    for (Index row = 0; row < slope.rows(); ++row) {
        const Index token = at.first + row / at.directions();
        const auto v = at.along.row(row);
        const Real inward = slope.row(row).dot(x.row(token)) + v.dot(drift_.row(token));
        slope.row(row) -= inward * x.row(token) + radial(token) * v;
    }
}

template <class Real>
void Layer<Real>::add_attention(const Tokens<Real>& x, Execution& execution) {
    evaluate_attention(x, step_.thickness * double(layer_), execution);
    sum_ += Real(step_.thickness) * drift_;
    Matrix<Real> slopes;
    differentiate_attention(x, slopes, execution);
    if (derivatives_) {
        derivatives_->out += Real(step_.thickness) * slopes;
    }
}

template <class Real>
void Layer<Real>::add_noise(const Tokens<Real>& x, Execution& execution) {
    const LayerKey key{path_.seed, path_.replicate, std::uint32_t(layer_ * step_.span),
                       std::uint32_t(step_.span)};
    const Real scale = Real(std::sqrt(step_.thickness / double(step_.span)));
    system_.noise->add(x, system_.weights, key, scale, sum_,
                       derivatives_ ? &*derivatives_ : nullptr, execution);
}

// reached <- LN(sum), norms <- |sum|.
template <class Real>
void Layer<Real>::retract(Execution& execution) {
    if (derivatives_) {
        noisync::retract(sum_, *derivatives_);
    }
    Index lost = normalize_rows<Real>(sum_, kCancelled<Real> * sizes_, norms_, execution);
    if (const Ranks* ranks = execution.ranks()) {
        lost = first_of_all(lost, *ranks);
    }
    if (lost >= 0) {
        throw LeftSphere(layer_ + 1, lost);
    }
    reached_.swap(sum_);
    moved_ = true;
}

template class Layer<float>;
template class Layer<double>;

}  // namespace noisync
