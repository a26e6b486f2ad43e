#include <doctest/doctest.h>

#include <vector>

#include "noise/mlp.hpp"
#include "reference_noise.hpp"

namespace {

using noisync::Activation;
using noisync::Execution;
using noisync::Index;
using noisync::LayerKey;
using noisync::Mlp;
using noisync::Tokens;
using reference::Long;
using reference::LongMatrix;

constexpr LayerKey kKey{0xfeedbeef12345678U, 2, 9};

template <class Real>
Tokens<Real> add(const Mlp& config, const Tokens<Real>& y, const LayerKey& key, Real scale,
                 const Tokens<Real>& start, int threads = 1) {
    Tokens<Real> out = start;
    Execution execution(threads);
    noisync::noise_law(config)->field<Real>()->add(y, {}, key, scale, out, nullptr, execution);
    return out;
}

template <class Real>
Tokens<Real> field(const Mlp& config, const Tokens<Real>& y, const LayerKey& key = kKey) {
    return add<Real>(config, y, key, Real(1), Tokens<Real>::Zero(y.rows(), y.cols()));
}

// Largest error in units of what roundings explain: they grow as in a random walk over the terms of
// the two sums, m and d.
template <class Real>
Long error(const Mlp& config, Index rows, Index d) {
    const Tokens<Real> y = reference::random_tokens<Real>(rows, d, 41);
    const reference::Field expected = reference::mlp(y.template cast<Long>(), config, kKey);
    const Long relative =
        reference::kRoundoff<Real> * (4 + std::sqrt(Long(config.width)) + std::sqrt(Long(d)));
    const LongMatrix off = field<Real>(config, y).template cast<Long>() - expected.value;
    return (off.array().abs() / expected.magnitude.array()).maxCoeff() / relative;
}

// sqrt(m) times the field of the neurons first .. last - 1 alone, without output bias.
LongMatrix neurons(const Tokens<double>& y, double sigma_u, Index first, Index last) {
    const auto draw = [&](noisync::Purpose purpose, Index columns) {
        noisync::Matrix<double> drawn(last - first, columns);
        noisync::fill_normals<double>({kKey.seed, kKey.replicate, kKey.layer, purpose},
                                      std::uint64_t(first * columns), drawn.size(), 1.0,
                                      drawn.data());
        return LongMatrix(drawn.cast<Long>());
    };
    const LongMatrix u = draw(noisync::Purpose::mlp_input_weights, y.cols());
    const LongMatrix w = draw(noisync::Purpose::mlp_output_weights, y.cols());
    const LongMatrix bias = draw(noisync::Purpose::mlp_input_bias, 1) * Long(sigma_u);
    LongMatrix sum = LongMatrix::Zero(y.rows(), y.cols());
    const LongMatrix inputs = reference::products(y.cast<Long>(), u) / std::sqrt(Long(y.cols()));
    for (Index i = 0; i < y.rows(); ++i) {
        for (Index k = 0; k < last - first; ++k) {
            sum.row(i) +=
                reference::activation(Activation::gelu, inputs(i, k) + bias(k, 0)) * w.row(k);
        }
    }
    return sum;
}

}  // namespace

TEST_CASE_TEMPLATE("the field of the MLP is the sum over its neurons", Real, double, float) {
    for (const Index width : {1, 7, 128, 129, 700}) {
        for (const Index d : {2, 3, 16, 64, 65}) {
            CAPTURE(width);
            CAPTURE(d);
            CHECK(error<Real>({Activation::tanh, width, 0.0, 0.0}, 5, d) <= 1);
            CHECK(error<Real>({Activation::relu, width, 0.5, 0.25}, 5, d) <= 1);
            CHECK(error<Real>({Activation::tanh, width, 0.5, 0.25, 1.5, 0.75}, 5, d) <= 1);
        }
    }
}

TEST_CASE_TEMPLATE("widths and numbers of tokens beyond one tile", Real, double, float) {
    CHECK(error<Real>({Activation::tanh, 2500, 0.5, 0.0}, 2, 2) <= 1);
    CHECK(error<Real>({Activation::tanh, 300, 0.5, 0.0}, 2, 300) <= 1);
    for (const Index rows : {1, 31, 32, 33, 1025}) {
        CAPTURE(rows);
        CHECK(error<Real>({Activation::relu, 129, 0.0, 0.5}, rows, 3) <= 1);
    }
}

TEST_CASE_TEMPLATE("a token has the same bits among any number of others", Real, double, float) {
    for (const Index d : {2, 3, 64, 65}) {
        for (const Index width : {1, 7, 8, 9, 95, 96, 97, 500}) {
            CAPTURE(d);
            CAPTURE(width);
            const Mlp config{Activation::tanh, width, 0.5, 0.25};
            CHECK(error<Real>(config, 50, d) <= 1);
            const Tokens<Real> y = reference::random_tokens<Real>(50, d, 49);
            const Tokens<Real> all = field<Real>(config, y);
            for (Index rows = 1; rows < 50; ++rows) {
                CAPTURE(rows);
                const Tokens<Real> first = y.topRows(rows);
                CHECK(reference::same_bits(field<Real>(config, first),
                                           Tokens<Real>(all.topRows(rows))));
                const Tokens<Real> last = y.bottomRows(rows);
                CHECK(reference::same_bits(field<Real>(config, last),
                                           Tokens<Real>(all.bottomRows(rows))));
            }
        }
    }
}

TEST_CASE("each bias alone, and every activation") {
    CHECK(error<double>({Activation::tanh, 20, 1.5, 0.0}, 4, 3) <= 1);
    CHECK(error<double>({Activation::tanh, 20, 0.0, 1.5}, 4, 3) <= 1);
    for (const std::string_view name : noisync::activation_names()) {
        CAPTURE(std::string(name));
        CHECK(error<double>({*noisync::activation_from_name(name), 40, 0.5, 0.5}, 4, 3) <= 1);
    }
}

TEST_CASE("a network is the first neurons of any wider one") {
    const Tokens<double> y = reference::random_tokens<double>(6, 4, 43);
    const auto unscaled = [&](Index width) -> LongMatrix {
        return field<double>({Activation::gelu, width, 0.5, 0.0}, y).cast<Long>() *
               std::sqrt(Long(width));
    };
    for (const Index narrow : {1, 17, 128, 200}) {
        CAPTURE(narrow);
        const LongMatrix rest = neurons(y, 0.5, narrow, 300);
        CHECK((unscaled(narrow) + rest - unscaled(300)).cwiseAbs().maxCoeff() < 1e-13L);
    }
}

TEST_CASE_TEMPLATE("add accumulates and scales", Real, double, float) {
    const Tokens<Real> y = reference::random_tokens<Real>(40, 5, 44);
    const Tokens<Real> start = reference::random_matrix(40, 5, 45).cast<Real>();
    const Mlp config{Activation::silu, 150, 0.5, 0.5};
    const LongMatrix g = reference::mlp(y.template cast<Long>(), config, kKey).value;
    for (const Real scale : {Real(0), Real(0.3), Real(-2)}) {
        CAPTURE(scale);
        const LongMatrix expected = start.template cast<Long>() + g * Long(scale);
        const LongMatrix off =
            add<Real>(config, y, kKey, scale, start).template cast<Long>() - expected;
        CHECK(off.cwiseAbs().maxCoeff() <= 100 * reference::kRoundoff<Real>);
    }
    CHECK(reference::same_bits(add<Real>(config, y, kKey, Real(0), start), start));
}

TEST_CASE("the seed, the replicate and the layer each choose another field") {
    const Tokens<double> y = reference::random_tokens<double>(3, 4, 46);
    const Mlp config{Activation::tanh, 30, 0.5, 0.5};
    std::vector<LayerKey> keys(4, kKey);
    keys[1].seed += 1;
    keys[2].replicate += 1;
    keys[3].layer += 1;
    for (std::size_t a = 0; a < keys.size(); ++a) {
        for (std::size_t b = 0; b < keys.size(); ++b) {
            CAPTURE(a);
            CAPTURE(b);
            const Tokens<double> off =
                field<double>(config, y, keys[a]) - field<double>(config, y, keys[b]);
            CHECK((off.cwiseAbs().maxCoeff() > 0.01) == (a != b));
        }
    }
}

TEST_CASE("scratch memory of one size does not leak into a call of another") {
    const Mlp config{Activation::relu, 200, 0.5, 0.5};
    const auto noise = noisync::noise_law(config)->field<double>();
    Execution execution(2);
    for (const Index d : {64, 3, 300, 2}) {
        for (const Index rows : {70, 1}) {
            CAPTURE(d);
            CAPTURE(rows);
            const Tokens<double> y = reference::random_tokens<double>(rows, d, 47);
            Tokens<double> out = Tokens<double>::Zero(rows, d);
            noise->add(y, {}, kKey, 1.0, out, nullptr, execution);
            CHECK(reference::same_bits(out, field<double>(config, y)));
        }
    }
}

TEST_CASE_TEMPLATE("the number of threads changes no bit", Real, double, float) {
    for (const Index rows : {1, 33, 300, 1100}) {
        for (const Index d : {2, 65}) {
            CAPTURE(rows);
            CAPTURE(d);
            const Mlp config{Activation::gelu, 450, 0.5, 0.5};
            const Tokens<Real> y = reference::random_tokens<Real>(rows, d, 48);
            const Tokens<Real> alone = add<Real>(config, y, kKey, Real(0.7), y, 1);
            CHECK(reference::same_bits(alone, add<Real>(config, y, kKey, Real(0.7), y, 2)));
            CHECK(reference::same_bits(alone, add<Real>(config, y, kKey, Real(0.7), y, 4)));
        }
    }
}
