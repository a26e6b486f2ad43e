#include "noisync/dynamics.hpp"

#include <array>
#include <cmath>

#include "noisync/sphere.hpp"

namespace noisync {

namespace {

// One run: the state and what a step needs beside it.
template <class Real>
class Run {
   public:
    Run(Tokens<Real>& x, const System<Real>& system, const Depth& depth, const Path& path,
        TangentFlow<Real>* tangents, Execution& execution)
        : x_(x),
          system_(system),
          step_(depth.horizon / double(depth.layers)),
          path_(path),
          span_(depth.path_layers == 0 ? 1 : depth.path_layers / depth.layers),
          tangents_(tangents),
          execution_(execution) {
        if (tangents != nullptr) {
            tangents->start(x, path.seed, path.replicate);
        }
    }

    void advance(Index layer) {
        layer_ = layer;
        execution_.enter_layer(layer);
        switch (system_.scheme) {
            case Scheme::layer:
                half_steps();
                break;
            case Scheme::euler:
                single_step();
                break;
            case Scheme::runge_kutta:
                runge_kutta();
                break;
        }
        if (tangents_ != nullptr) {
            tangents_->orthonormalise();
        }
    }

   private:
    // Y = LN(X + D Attn_X(X)), X' = LN(Y + sqrt(D) G(Y)): G is evaluated at Y for all tokens before
    // any of them moves.
    void half_steps() {
        if (system_.attention != nullptr) {
            next_ = x_;
            add_attention();
            retract();
        }
        if (system_.noise != nullptr) {
            next_ = x_;
            add_noise();
            retract();
        }
    }

    // X' = LN(X + D Attn_X(X) + sqrt(D) G(X)).
    void single_step() {
        next_ = x_;
        if (system_.attention != nullptr) {
            add_attention();
        }
        if (system_.noise != nullptr) {
            add_noise();
        }
        retract();
    }

    // The classical method for x' = P_x Attn_X(x), the field extended from the sphere by
    // f(x) = f(x/|x|): the exact flow stays on the sphere, so the projection keeps the order 4.
    void runge_kutta() {
        if (system_.attention == nullptr) {
            return;
        }
        const Tokens<Real> start = x_;
        Tokens<Real> sum = start;
        constexpr std::array<double, 4> kStage{0, 0.5, 0.5, 1};
        constexpr std::array<double, 4> kWeight{1.0 / 6, 1.0 / 3, 1.0 / 3, 1.0 / 6};
        for (std::size_t stage = 0; stage < 4; ++stage) {
            if (stage > 0) {
                next_ = start + Real(step_ * kStage[stage]) * drift_;
                retract();
            }
            system_.attention->evaluate(x_, system_.weights, drift_, execution_);
            const Vector<Real> radial = (drift_.array() * x_.array()).rowwise().sum();
            drift_ -= radial.asDiagonal() * x_;
            sum += Real(step_ * kWeight[stage]) * drift_;
        }
        next_ = sum;
        retract();
    }

    void add_attention() {
        system_.attention->evaluate(x_, system_.weights, drift_, execution_);
        next_ += Real(step_) * drift_;
        if (tangents_ != nullptr) {
            auto& derivatives = tangents_->derivatives();
            system_.attention->differentiate(x_, system_.weights, derivatives.token,
                                             derivatives.along, drift_);
            derivatives.out += Real(step_) * drift_;
        }
    }

    // The increments of a span have the standard deviation of one path layer each.
    void add_noise() {
        const LayerKey key{path_.seed, path_.replicate, std::uint32_t((layer_ - 1) * span_),
                           std::uint32_t(span_)};
        const Real scale = Real(std::sqrt(step_ / double(span_)));
        system_.noise->add(x_, system_.weights, key, scale, next_,
                           tangents_ == nullptr ? nullptr : &tangents_->derivatives(), execution_);
    }

    // x <- LN(next).
    void retract() {
        if (tangents_ != nullptr) {
            tangents_->retract(next_);
        }
        x_.swap(next_);
        const Index lost = normalize_rows(x_, execution_);
        if (lost >= 0) {
            throw LeftSphere(layer_, lost);
        }
    }

    Tokens<Real>& x_;
    const System<Real>& system_;
    double step_;
    Path path_;
    Index span_;
    TangentFlow<Real>* tangents_;
    Execution& execution_;
    Index layer_ = 0;
    Tokens<Real> next_;
    Tokens<Real> drift_;
};

}  // namespace

template <class Real>
void run_layers(Tokens<Real>& x, const System<Real>& system, const Depth& depth, const Path& path,
                TangentFlow<Real>* tangents, const std::vector<Observer<Real>*>& observers,
                Execution& execution, Progress& progress) {
    progress = Progress{};
    Run<Real> run(x, system, depth, path, tangents, execution);
    for (Index layer = 0; layer <= depth.layers; ++layer) {
        if (layer > 0) {
            run.advance(layer);
        }
        progress.computed = layer;
        for (Observer<Real>* observer : observers) {
            observer->see(layer, x, execution);
        }
        progress.observed = layer;
    }
}

template void run_layers<float>(Tokens<float>&, const System<float>&, const Depth&, const Path&,
                                TangentFlow<float>*, const std::vector<Observer<float>*>&,
                                Execution&, Progress&);
template void run_layers<double>(Tokens<double>&, const System<double>&, const Depth&, const Path&,
                                 TangentFlow<double>*, const std::vector<Observer<double>*>&,
                                 Execution&, Progress&);

}  // namespace noisync
