// Noises that add: each part as it is alone, from streams of its own.
#include <doctest/doctest.h>

#include <stdexcept>
#include <vector>

#include "attentions.hpp"
#include "fields.hpp"
#include "kernels.hpp"
#include "noise/features.hpp"
#include "noise/harmonics.hpp"
#include "noise/independent.hpp"
#include "noise/kernel_pairs.hpp"
#include "noise/mlp.hpp"
#include "noise/sum.hpp"
#include "noise/value.hpp"
#include "reference_noise.hpp"
#include "simd/gaps.hpp"

namespace {

using namespace noisync;
using reference::Long;

constexpr LayerKey kKey{0xabc123456789def0U, 7, 12};
constexpr LayerKey kSpan{0xabc123456789def0U, 7, 12, 3};

// One of every kind, and two of the same.
std::vector<SharedNoiseLaw> parts() {
    return {noise_law(Mlp{{Activation::tanh, 60, 0.5, 0.25}}),
            noise_law(ValueNoise{{attention_law(reference::with_beta(2.0)), {}}, 0.7}),
            noise_law(Mlp{{Activation::tanh, 60, 0.5, 0.25}}),
            noise_law(Features{{Activation::gelu, 50, 0.5, 0.25}}),
            noise_law(Harmonics{{0.5, 1.0, 0.25}}),
            noise_law(reference::exact(reference::relu_kernel(4))),
            noise_law(IndependentNoise{0.4})};
}

template <class Real>
struct Added {
    Tokens<Real> values;
    Matrix<Real> slopes;
};

// What a noise adds to the tokens, and the slopes at tokens 3 and 4 along two tangents each.
template <class Real>
Added<Real> added(const SharedNoiseLaw& law, const LayerKey& key, int threads = 1) {
    const Tokens<Real> y = reference::random_tokens<Real>(20, 4, 401);
    const Vector<Real> weights = reference::random_weights<Real>(20, false, 402);
    Matrix<Real> along(4, 4);
    along << reference::random_tangents<Real>(y, 3, 2, 403),
        reference::random_tangents<Real>(y, 4, 2, 404);
    Derivatives<Real> derivatives{3, 2, along, Matrix<Real>::Zero(4, 4)};
    Tokens<Real> out = Tokens<Real>::Zero(20, 4);
    Execution execution(threads);
    law->template field<Real>()->add(y, weights, key, Real(0.3), out, &derivatives, execution);
    return {out, derivatives.out};
}

}  // namespace

TEST_CASE_TEMPLATE("the field of a sum is that of its parts, and so is its derivative", Real,
                   double, float) {
    for (LayerKey key : {kKey, kSpan}) {
        Added<Long> expected{Tokens<Long>::Zero(20, 4), Matrix<Long>::Zero(4, 4)};
        for (const SharedNoiseLaw& part : parts()) {
            const Added<Real> alone = added<Real>(part, key);
            expected.values += alone.values.template cast<Long>();
            expected.slopes += alone.slopes.template cast<Long>();
            ++key.part;
        }
        key.part = 0;
        const Added<Real> sum = added<Real>(noise_sum(parts()), key);
        const Long bound = 20 * reference::kRoundoff<Real>;
        CHECK(reference::largest(sum.values.template cast<Long>() - expected.values) < bound);
        CHECK(reference::largest(sum.slopes.template cast<Long>() - expected.slopes) < bound);
        for (const int threads : {2, 4}) {
            const Added<Real> shared = added<Real>(noise_sum(parts()), key, threads);
            CHECK(reference::same_bits(shared.values, sum.values));
            CHECK(reference::same_bits(shared.slopes, sum.slopes));
        }
    }
}

TEST_CASE("part 0 meets the noise that it meets alone, equal parts meet different ones") {
    for (const SharedNoiseLaw& part : parts()) {
        const Added<double> alone = added<double>(part, kKey);
        const SharedNoiseLaw nothing = noise_law(IndependentNoise{0.0});
        const Added<double> first = added<double>(noise_sum({part, nothing}), kKey);
        CHECK(reference::same_bits(first.values, alone.values));
        CHECK(reference::same_bits(first.slopes, alone.slopes));
        const Added<double> second = added<double>(noise_sum({nothing, part}), kKey);
        CHECK(reference::largest(second.values - alone.values) > 0.01);
    }
}

TEST_CASE("the second of two networks draws its documented streams") {
    const Mlp mlp{{Activation::tanh, 60, 0.5, 0.25}};
    const Tokens<double> y = reference::random_tokens<double>(6, 5, 405);
    LayerKey second = kKey;
    second.part = 1;
    const reference::LongMatrix expected = reference::mlp(y.cast<Long>(), mlp, kKey).value +
                                           reference::mlp(y.cast<Long>(), mlp, second).value;
    const Tokens<double> sum =
        reference::field<double>(noise_sum({noise_law(mlp), noise_law(mlp)}), y, kKey);
    CHECK(reference::largest(sum.cast<Long>() - expected) < 1e-13L);
}

TEST_CASE("what a sum does to the energy is the sum of what its parts do") {
    const std::vector<SharedPairNoise> pairs{
        kernel_pair_noise({0.7, -0.4, 0.2}), pair_noise(IndependentNoise{0.5}),
        pair_noise(ValueNoise{{attention_law(reference::with_beta(2.0)), {}}, 0.7})};
    const Tokens<double> x = reference::random_tokens<double>(90, 4, 406);
    const Vector<double> weights = reference::random_weights<double>(90, true, 407);
    const PackedTokens packed(x, weights);
    const auto total = [&](const SharedPairNoise& noise, int threads) {
        Execution execution(threads);
        const TileNoise tiles = noise->prepare(packed, x, weights, 1.5, execution);
        const Blocks blocks = gap_blocks(packed);
        Vector<double> sums = Vector<double>::Zero(blocks.count());
        for_each_gap_tile(packed, blocks, execution, [&](const GapTile& tile, int worker) {
            sums(tile.i) += tiles(tile, worker);
        });
        return sums.sum();
    };
    double expected = 0;
    for (const SharedPairNoise& noise : pairs) {
        expected += total(noise, 1);
    }
    CHECK(total(pair_noise_sum(pairs), 1) == doctest::Approx(expected).epsilon(1e-13));
    CHECK(total(pair_noise_sum(pairs), 1) == total(pair_noise_sum(pairs), 4));
}

TEST_CASE("sums of nothing, of too much and of parts for other tokens are refused") {
    const SharedNoiseLaw one = noise_law(IndependentNoise{1.0});
    CHECK_THROWS_AS(noise_sum({}), std::invalid_argument);
    CHECK_THROWS_AS(pair_noise_sum({}), std::invalid_argument);
    CHECK_THROWS_AS(noise_sum({one, nullptr}), std::invalid_argument);
    CHECK_THROWS_AS(noise_sum(std::vector<SharedNoiseLaw>(257, one)), std::invalid_argument);
    CHECK_NOTHROW(noise_sum(std::vector<SharedNoiseLaw>(256, one)));
    const ValueNoise through{{attention_law(reference::with_matrices(3, 4, 2.0, true)), {}}, 1.0};
    CHECK_THROWS_AS(noise_sum({one, noise_law(through)})->require_dim(5), std::invalid_argument);
    CHECK_THROWS_AS(pair_noise_sum({pair_noise(through)})->require_dim(5), std::invalid_argument);
    CHECK_NOTHROW(noise_sum({one, noise_law(through)})->require_dim(4));
}
