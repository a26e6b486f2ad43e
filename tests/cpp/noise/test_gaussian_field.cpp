// What all noise fields share: one function of the position, sums over layers, derivatives.
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "fields.hpp"
#include "kernels.hpp"
#include "noise/features.hpp"
#include "noise/harmonics.hpp"
#include "noise/mlp.hpp"

namespace {

using namespace noisync;
using reference::largest;

constexpr LayerKey kKey{0x0123456789abcdefU, 4, 6};

struct Law {
    std::string name;
    SharedNoiseLaw law;
    bool has_places = true;  // a token's bits do not depend on the number of the others
};

std::vector<Law> laws(Index d) {
    return {{"MLP", noise_law(Mlp{Activation::tanh, 150, 0.5, 0.25})},
            {"features", noise_law(Features{Activation::gelu, 150, 0.5, 0.25})},
            {"harmonics", noise_law(Harmonics{{0.5, 1.0, 0.25, 0.0, 0.125}})},
            {"exact", noise_law(reference::exact(reference::relu_kernel(d))), false}};
}

}  // namespace

TEST_CASE("the field at a token has the same bits however many others there are") {
    for (const Index d : {2, 5}) {
        const Tokens<double> y = reference::random_tokens<double>(1030, d, 71);
        for (const Law& law : laws(d)) {
            if (!law.has_places) {
                continue;
            }
            const Tokens<double> all = reference::field<double>(law.law, y, kKey);
            for (const Index rows : {1, 7, 31, 32, 33, 64, 65, 1023}) {
                CAPTURE(law.name);
                CAPTURE(rows);
                const Tokens<double> some = y.topRows(rows);
                CHECK(reference::same_bits(reference::field<double>(law.law, some, kKey),
                                           Tokens<double>(all.topRows(rows))));
            }
        }
    }
}

TEST_CASE("the field of a span is the sum of the fields of its layers") {
    for (const Index d : {2, 4}) {
        const Tokens<double> y = reference::random_tokens<double>(70, d, 72);
        const Matrix<double> along = reference::random_tangents<double>(y, 3, d - 1, 73);
        for (const Law& law : laws(d)) {
            Tokens<double> sum = Tokens<double>::Zero(70 + d - 1, d);
            for (std::uint32_t k = 0; k < 5; ++k) {
                const LayerKey one{kKey.seed, kKey.replicate, kKey.layer + k};
                sum += reference::with_derivatives<double>(law.law, y, 3, along, one);
            }
            const LayerKey span{kKey.seed, kKey.replicate, kKey.layer, 5};
            const Tokens<double> direct =
                reference::with_derivatives<double>(law.law, y, 3, along, span);
            CAPTURE(law.name);
            CAPTURE(d);
            CHECK(largest(direct) > 0.5);
            CHECK(largest(direct - sum) < 1e-13L);
        }
    }
}

TEST_CASE("the seed, the replicate and the layer each choose another field") {
    const Tokens<double> y = reference::random_tokens<double>(6, 3, 74);
    std::vector<LayerKey> keys(5, kKey);
    keys[1].seed += 1;
    keys[2].replicate += 1;
    keys[3].layer += 1;
    keys[4].count += 1;
    for (const Law& law : laws(3)) {
        for (std::size_t a = 0; a < keys.size(); ++a) {
            for (std::size_t b = 0; b < keys.size(); ++b) {
                CAPTURE(law.name);
                CAPTURE(a);
                CAPTURE(b);
                const Tokens<double> off = reference::field<double>(law.law, y, keys[a]) -
                                           reference::field<double>(law.law, y, keys[b]);
                CHECK((largest(off) > 0.01) == (a != b));
            }
        }
    }
}

TEST_CASE("add accumulates and scales, values and derivatives alike") {
    const Tokens<double> y = reference::random_tokens<double>(40, 3, 75);
    const Matrix<double> along = reference::random_tangents<double>(y, 8, 2, 76);
    for (const Law& law : laws(3)) {
        const Tokens<double> once = reference::with_derivatives<double>(law.law, y, 8, along, kKey);
        for (const double scale : {0.0, 0.3, -2.0}) {
            CAPTURE(law.name);
            CAPTURE(scale);
            Tokens<double> out = y;
            Derivatives<double> derivatives{8, 1, along, along};
            Execution execution;
            law.law->field<double>()->add(y, {}, kKey, scale, out, &derivatives, execution);
            CHECK(largest(out - y - scale * once.topRows(40)) < 1e-14L);
            CHECK(largest(derivatives.out - along - scale * once.bottomRows(2)) < 1e-14L);
            CHECK(reference::same_bits(derivatives.along, along));
        }
    }
}

TEST_CASE("asking for derivatives leaves the values as they are") {
    const Tokens<double> y = reference::random_tokens<double>(67, 3, 77);
    const Matrix<double> along = reference::random_tangents<double>(y, 0, 2, 78);
    for (const Law& law : laws(3)) {
        CAPTURE(law.name);
        const Tokens<double> both = reference::with_derivatives<double>(law.law, y, 0, along, kKey);
        CHECK(largest(both.topRows(67) - reference::field<double>(law.law, y, kKey)) < 1e-12L);
    }
}

TEST_CASE("the derivative is the slope of the field") {
    constexpr double kStep = 1e-5;
    for (const Index d : {2, 3, 5}) {
        const Tokens<double> y = reference::random_tokens<double>(9, d, 79);
        for (const Law& law : laws(d)) {
            if (!law.has_places) {  // values and derivatives draw normals of their own
                continue;
            }
            for (const Index token : {0, 8}) {
                CAPTURE(law.name);
                CAPTURE(d);
                const Matrix<double> along = reference::random_tangents<double>(y, token, d, 80);
                const Tokens<double> slopes =
                    reference::with_derivatives<double>(law.law, y, token, along, kKey)
                        .bottomRows(d);
                for (Index k = 0; k < d; ++k) {
                    const Tokens<double> ahead = reference::moved(y, token, along.row(k), kStep);
                    const Tokens<double> behind = reference::moved(y, token, along.row(k), -kStep);
                    const Tokens<double> slope = (reference::field<double>(law.law, ahead, kKey) -
                                                  reference::field<double>(law.law, behind, kKey)) /
                                                 (2 * kStep);
                    // Second order of the difference and roundings over the step: 1e-10 each.
                    CHECK(largest(slope - slopes.row(k)) < 3e-9L);
                }
                CHECK(largest(slopes) > 0.1);
            }
        }
    }
}

TEST_CASE_TEMPLATE("the number of threads changes no bit", Real, double, float) {
    for (const Index rows : {1, 64, 200}) {
        const Tokens<Real> y = reference::random_tokens<Real>(rows, 3, 81);
        const Matrix<Real> along = reference::random_tangents<Real>(y, rows / 2, 2, 82);
        for (const Law& law : laws(3)) {
            const auto run = [&](int threads) {
                return reference::with_derivatives<Real>(law.law, y, rows / 2, along, kKey,
                                                         threads);
            };
            CAPTURE(law.name);
            CAPTURE(rows);
            const Tokens<Real> alone = run(1);
            CHECK(reference::same_bits(alone, run(2)));
            CHECK(reference::same_bits(alone, run(4)));
        }
    }
}

TEST_CASE("scratch memory of one size does not leak into a call of another") {
    for (const Law& law : laws(3)) {
        const auto noise = law.law->field<double>();
        Execution execution(2);
        for (const Index d : {3, 6, 2}) {
            for (const Index rows : {70, 1, 65}) {
                CAPTURE(law.name);
                CAPTURE(d);
                CAPTURE(rows);
                const Tokens<double> y = reference::random_tokens<double>(rows, d, 83);
                const Matrix<double> along = reference::random_tangents<double>(y, 0, d - 1, 84);
                const Tokens<double> expected =
                    reference::with_derivatives<double>(law.law, y, 0, along, kKey);
                Tokens<double> out = Tokens<double>::Zero(rows, d);
                Derivatives<double> derivatives{0, 1, along, Matrix<double>::Zero(d - 1, d)};
                noise->add(y, {}, kKey, 1.0, out, &derivatives, execution);
                CHECK(reference::same_bits(out, Tokens<double>(expected.topRows(rows))));
                CHECK(reference::same_bits(derivatives.out,
                                           Matrix<double>(expected.bottomRows(d - 1))));
                noise->add(y, {}, kKey, 0.0, out, nullptr, execution);
                CHECK(reference::same_bits(out, Tokens<double>(expected.topRows(rows))));
            }
        }
    }
}

TEST_CASE_TEMPLATE("float32 tokens meet the field of float64 ones", Real, float) {
    const Tokens<Real> y = reference::random_tokens<Real>(30, 3, 85);
    const Matrix<Real> along = reference::random_tangents<Real>(y, 5, 2, 86);
    for (const Law& law : laws(3)) {
        CAPTURE(law.name);
        const Tokens<double> expected = reference::with_derivatives<double>(
            law.law, y.template cast<double>(), 5, along.template cast<double>(), kKey);
        const Tokens<Real> off =
            reference::with_derivatives<Real>(law.law, y, 5, along, kKey) - expected.cast<Real>();
        CHECK(largest(off) <= 40 * reference::kRoundoff<Real>);
    }
}
