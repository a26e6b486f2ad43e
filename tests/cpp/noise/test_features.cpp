// The MLP's derivative, and features: an MLP whose hidden neurons stay.
#include <doctest/doctest.h>

#include "fields.hpp"
#include "reference_noise.hpp"

namespace {

using namespace noisync;
using reference::largest;
using reference::Long;
using reference::LongMatrix;

constexpr LayerKey kKey{0xabcdef0123456789U, 1, 3, 2};

// Largest errors of values and derivatives at one token, in units of what roundings explain.
template <class Real, class Config>
Long error(const Config& config, Index rows, Index d, const LayerKey& key) {
    const Tokens<Real> y = reference::random_tokens<Real>(rows, d, 91);
    const Index token = rows - 1;
    const Matrix<Real> along = reference::random_tangents<Real>(y, token, d, 92);
    const LongMatrix out =
        reference::with_derivatives<Real>(config, y, token, along, key).template cast<Long>();
    const reference::Neurons net = reference::neurons(config, key, d);
    const LongMatrix points = y.template cast<Long>();
    const reference::Field values = reference::field(points, net);
    const LongMatrix slopes =
        reference::derivative(points.row(token), along.template cast<Long>(), net);
    const Long unit =
        reference::kRoundoff<Real> * (4 + std::sqrt(Long(config.width)) + std::sqrt(Long(d)));
    // The values' magnitudes serve the derivatives: |phi'| <= 1 or so and |v| = 1, as |y|.
    LongMatrix off(rows + d, d);
    off << (out.topRows(rows) - values.value).cwiseQuotient(values.magnitude),
        (out.bottomRows(d) - slopes) / largest(values.magnitude);
    return largest(off) / unit;
}

}  // namespace

TEST_CASE_TEMPLATE("features are a sum over frozen neurons, with its derivative", Real, double,
                   float) {
    for (const Index width : {1, 128, 129, 700}) {
        for (const Index d : {2, 3, 65}) {
            CAPTURE(width);
            CAPTURE(d);
            CHECK(error<Real>(Features{Activation::tanh, width, 0.0, 0.0}, 5, d, kKey) <= 1);
            CHECK(error<Real>(Features{Activation::gelu, width, 0.5, 0.25}, 33, d, kKey) <= 1);
        }
    }
    // Beyond one tile of neurons.
    CHECK(error<Real>(Features{Activation::tanh, 2500, 0.5, 0.5}, 2, 2, kKey) <= 1);
}

TEST_CASE_TEMPLATE("the derivative of the MLP", Real, double, float) {
    const LayerKey layer{kKey.seed, kKey.replicate, kKey.layer};
    for (const Index width : {1, 129, 2500}) {
        for (const Index d : {2, 3, 65}) {
            CAPTURE(width);
            CAPTURE(d);
            CHECK(error<Real>(Mlp{Activation::tanh, width, 0.0, 0.0}, 5, d, layer) <= 1);
            CHECK(error<Real>(Mlp{Activation::silu, width, 0.5, 0.25}, 3, d, layer) <= 1);
        }
    }
}

TEST_CASE("the derivative with every activation") {
    const LayerKey layer{kKey.seed, kKey.replicate, kKey.layer};
    for (const std::string_view name : activation_names()) {
        CAPTURE(std::string(name));
        const Activation activation = *activation_from_name(name);
        CHECK(error<double>(Features{activation, 40, 0.5, 0.5}, 4, 3, kKey) <= 1);
        CHECK(error<double>(Mlp{activation, 40, 0.5, 0.5}, 4, 3, layer) <= 1);
    }
}

TEST_CASE("layers share the hidden neurons of the features, replicates do not") {
    // One neuron without biases: every field is a multiple, by a vector, of one function phi(<u,
    // y>).
    const Tokens<double> y = reference::random_tokens<double>(8, 3, 93);
    const auto profile = [&](const LayerKey& key) -> Vector<double> {
        const Tokens<double> g =
            reference::field<double>(Features{Activation::sigmoid, 1, 0.0, 0.0}, y, key);
        return g.col(0) / g(0, 0);
    };
    const Vector<double> here = profile(kKey);
    LayerKey other = kKey;
    other.layer += 10;
    CHECK(largest(profile(other) - here) < 1e-14);
    other.replicate += 1;
    CHECK(largest(profile(other) - here) > 0.01);
}
