// Random value matrices behind random heads, against the formula with the documented streams.
#include <doctest/doctest.h>

#include <cmath>
#include <stdexcept>

#include "attentions.hpp"
#include "fields.hpp"
#include "noise/random_heads.hpp"
#include "reference_noise.hpp"

namespace {

using namespace noisync;
using reference::Long;
using reference::LongMatrix;
using reference::LongVector;

constexpr LayerKey kKey{0x1234abcd9876U, 4, 8};
constexpr LayerKey kSpan{0x1234abcd9876U, 4, 8, 3};

template <class Real>
Tokens<Real> added(const RandomHeads& heads, const Tokens<Real>& y, const Vector<Real>& weights,
                   const LayerKey& key, Real scale, int threads = 1,
                   Derivatives<Real>* derivatives = nullptr) {
    Tokens<Real> out = y;
    Execution execution(threads);
    noise_law(heads)->field<Real>()->add(y, weights, key, scale, out, derivatives, execution);
    return out;
}

// At rows of y among the tokens with weights.
LongMatrix slow(const RandomHeads& heads, const LongMatrix& y, const LongVector& weights,
                const LayerKey& key) {
    const Index d = y.cols();
    const Index r = heads.head_dim;
    LongMatrix sum = LongMatrix::Zero(y.rows(), d);
    for (std::uint32_t k = 0; k < key.count; ++k) {
        const LayerKey layer{key.seed, key.replicate, key.layer + k, 1, key.part};
        const LongMatrix queries =
            reference::normals(layer, Purpose::head_queries, heads.heads * r, d);
        const LongMatrix keys = reference::normals(layer, Purpose::head_keys, heads.heads * r, d);
        const LongMatrix values =
            reference::normals(layer, Purpose::value_matrix, heads.heads * d, d);
        for (Index h = 0; h < heads.heads; ++h) {
            // <A x, y> = <W'^T x, W^T y>.
            const LongMatrix q = reference::products(y, queries.middleRows(h * r, r));
            const LongMatrix p = reference::products(y, keys.middleRows(h * r, r));
            const LongMatrix logits = Long(heads.beta) * Long(heads.head_scale) *
                                      Long(heads.head_scale) * reference::products(q, p);
            for (Index i = 0; i < y.rows(); ++i) {
                LongVector mass = weights.array() * logits.row(i).transpose().array().exp();
                mass /= mass.sum();
                const LongMatrix mean = mass.transpose() * y;
                sum.row(i) += reference::products(mean, values.middleRows(h * d, d)).row(0) *
                              Long(heads.scale) / std::sqrt(Long(heads.heads));
            }
        }
    }
    return sum;
}

constexpr RandomHeads kOne{1.5, 0.7, 1, 2, 0.8};
constexpr RandomHeads kFew{-2.0, 1.3, 3, 5, 0.4};

}  // namespace

TEST_CASE_TEMPLATE("random heads are those of the documented streams", Real, double, float) {
    for (const RandomHeads& heads : {kOne, kFew}) {
        for (const Index d : {2, 3, 9, 33}) {
            for (const Index rows : {1, 2, 30, 150}) {
                CAPTURE(d);
                CAPTURE(rows);
                const Tokens<Real> y = reference::random_tokens<Real>(rows, d, 91);
                const Vector<Real> weights = reference::random_weights<Real>(rows, rows > 3, 92);
                for (LayerKey key : {kKey, kSpan}) {
                    key.part = 2;
                    const Long size = std::sqrt(Long(d) * key.count);
                    const LongMatrix expected =
                        y.template cast<Long>() + 0.3L * slow(heads, y.template cast<Long>(),
                                                              weights.template cast<Long>(), key);
                    const Tokens<Real> got = added<Real>(heads, y, weights, key, Real(0.3));
                    CHECK(reference::largest(got.template cast<Long>() - expected) <
                          200 * reference::kRoundoff<Real> * size);
                    for (const int threads : {2, 4}) {
                        CHECK(reference::same_bits(
                            added<Real>(heads, y, weights, key, Real(0.3), threads), got));
                    }
                }
            }
        }
    }
}

TEST_CASE("random heads: derivatives of test tokens, the others where they are") {
    for (const RandomHeads& heads : {kOne, kFew}) {
        for (const Index d : {2, 5}) {
            for (const LayerKey& key : {kKey, kSpan}) {
                constexpr double kGap = 1e-5;
                const Tokens<double> y = reference::random_tokens<double>(8, d, 93);
                const Vector<double> weights = reference::random_weights<double>(8, false, 94);
                Matrix<double> along(2, d);
                along << reference::random_tangents<double>(y, 3, 1, 95),
                    reference::random_tangents<double>(y, 4, 1, 96);
                Derivatives<double> derivatives{3, 2, along, Matrix<double>::Zero(2, d)};
                added<double>(heads, y, weights, key, 0.3, 1, &derivatives);
                // Tokens without weight, moved there and back.
                Tokens<double> with_tests(12, d);
                with_tests << y, y.middleRows(3, 2) + kGap * along,
                    y.middleRows(3, 2) - kGap * along;
                Vector<double> mass = Vector<double>::Zero(12);
                mass.head(8) = weights;
                const LongMatrix values =
                    0.3L * slow(heads, with_tests.cast<Long>(), mass.cast<Long>(), key);
                const LongMatrix slope =
                    (values.middleRows(8, 2) - values.middleRows(10, 2)) / (2 * Long(kGap));
                CHECK(reference::largest(derivatives.out.cast<Long>() - slope) < 1e-8L);
                CHECK(reference::largest(slope) > 1e-3L);
            }
        }
    }
}

TEST_CASE("no heads, or heads of no dimension, are refused") {
    CHECK_THROWS_AS(noise_law(RandomHeads{1, 1, 0, 2, 1}), std::invalid_argument);
    CHECK_THROWS_AS(noise_law(RandomHeads{1, 1, 2, 0, 1}), std::invalid_argument);
}
