// Noise that is no field on the sphere: through averages of all tokens, and of each token's own.
#include <doctest/doctest.h>

#include <cmath>
#include <stdexcept>
#include <vector>

#include "attentions.hpp"
#include "fields.hpp"
#include "noise/independent.hpp"
#include "noise/value.hpp"
#include "reference_noise.hpp"

namespace {

using namespace noisync;
using reference::Long;
using reference::LongMatrix;
using reference::LongVector;

constexpr LayerKey kKey{0x1234abcd9876U, 4, 8};
constexpr LayerKey kSpan{0x1234abcd9876U, 4, 8, 3};

std::vector<ExponentialAttention> attentions(Index d) {
    return {reference::with_beta(1.0), reference::with_beta(-3.0),
            reference::with_beta(0.5, Normalization::none),
            reference::with_matrices(d + 1, d, 2.0, true)};
}

ValueNoise through(const ExponentialAttention& attention, double scale) {
    return {{attention_law(attention), {}}, scale};
}

template <class Real, class Noise>
Tokens<Real> added(const Noise& noise, const Tokens<Real>& y, const Vector<Real>& weights,
                   const LayerKey& key, Real scale, int threads = 1,
                   Derivatives<Real>* derivatives = nullptr) {
    Tokens<Real> out = y;
    Execution execution(threads);
    noise_law(noise)->template field<Real>()->add(y, weights, key, scale, out, derivatives,
                                                  execution);
    return out;
}

// scale V A_i.
LongMatrix value_noise(const ExponentialAttention& attention, const LongMatrix& y,
                       const LongVector& weights, const LayerKey& key, Long scale) {
    const LongMatrix matrix = reference::normals(key, Purpose::value_matrix, y.cols(), y.cols());
    return scale * reference::products(reference::attention(y, weights, attention).value, matrix);
}

template <class Real>
void check_value_noise() {
    for (const Index d : {2, 3, 9, 33}) {
        for (const Index rows : {1, 2, 30, 300}) {
            const Tokens<Real> y = reference::random_tokens<Real>(rows, d, 91);
            const Vector<Real> weights = reference::random_weights<Real>(rows, rows > 3, 92);
            for (const auto& attention : attentions(d)) {
                for (const LayerKey& key : {kKey, kSpan}) {
                    CAPTURE(d);
                    CAPTURE(rows);
                    const LongMatrix expected =
                        y.template cast<Long>() + value_noise(attention, y.template cast<Long>(),
                                                              weights.template cast<Long>(), key,
                                                              1.7L * 0.3L);
                    const Tokens<Real> got =
                        added<Real>(through(attention, 1.7), y, weights, key, Real(0.3));
                    const Long size = reference::value_size(attention) *
                                      std::exp(attention.normalization == Normalization::none
                                                   ? reference::logit_size(attention)
                                                   : 0.0L);
                    CHECK(reference::largest(got.template cast<Long>() - expected) <
                          20 * reference::kRoundoff<Real> * (1 + size * std::sqrt(Long(d))));
                }
            }
        }
    }
}

}  // namespace

TEST_CASE_TEMPLATE("value noise: a common matrix times the averages", Real, double, float) {
    check_value_noise<Real>();
}

TEST_CASE("value noise: the derivative of a test token, the others where they are") {
    for (const Index d : {2, 5}) {
        for (const auto& attention : attentions(d)) {
            CAPTURE(d);
            constexpr Index kToken = 3;
            constexpr double kGap = 1e-5;
            const Tokens<double> y = reference::random_tokens<double>(8, d, 93);
            const Vector<double> weights = reference::random_weights<double>(8, false, 94);
            Derivatives<double> derivatives{kToken, 1,
                                            reference::random_tangents<double>(y, kToken, 1, 95),
                                            Matrix<double>::Zero(1, d)};
            added<double>(through(attention, 1.3), y, weights, kKey, 0.3, 1, &derivatives);
            // Two tokens without weight, moved there and back.
            Tokens<double> with_tests(10, d);
            with_tests << y, y.row(kToken) + kGap * derivatives.along,
                y.row(kToken) - kGap * derivatives.along;
            Vector<double> mass = Vector<double>::Zero(10);
            mass.head(8) = weights;
            const LongMatrix values = value_noise(attention, with_tests.cast<Long>(),
                                                  mass.cast<Long>(), kKey, 1.3L * 0.3L);
            const LongMatrix slope = (values.row(8) - values.row(9)) / (2 * Long(kGap));
            CHECK(reference::largest(derivatives.out.cast<Long>() - slope) < 1e-8L);
            CHECK(reference::largest(slope) > 1e-3L);
        }
    }
}

TEST_CASE_TEMPLATE("independent noise: normals of each token's own", Real, double, float) {
    const IndependentNoise config{0.6};
    for (const Index d : {2, 3, 17}) {
        for (const Index rows : {1, 255, 256, 257, 600}) {
            for (const LayerKey& key : {kKey, kSpan}) {
                CAPTURE(d);
                CAPTURE(rows);
                const Tokens<Real> y = reference::random_tokens<Real>(rows, d, 96);
                const LongMatrix expected =
                    y.template cast<Long>() +
                    0.5L * 0.6L * reference::normals(key, Purpose::independent_values, rows, d);
                Derivatives<Real> derivatives{0, 1, y.topRows(1), y.topRows(1)};
                const Tokens<Real> got =
                    added<Real>(config, y, {}, key, Real(0.5), 1, &derivatives);
                CHECK(reference::largest(got.template cast<Long>() - expected) <
                      20 * reference::kRoundoff<Real>);
                CHECK(reference::same_bits(derivatives.out, Matrix<Real>(y.topRows(1))));
                // Those of a token do not depend on how many there are.
                const Tokens<Real> first = y.topRows((rows + 1) / 2);
                CHECK(reference::same_bits(added<Real>(config, first, {}, key, Real(0.5)),
                                           Tokens<Real>(got.topRows(first.rows()))));
            }
        }
    }
}

TEST_CASE("noise of particles: the same bits on any number of threads") {
    const Tokens<double> y = reference::random_tokens<double>(1500, 5, 97);
    const Vector<double> weights = reference::random_weights<double>(1500, false, 98);
    const auto check = [&](const auto& noise) {
        const Tokens<double> one = added<double>(noise, y, weights, kKey, 1.0);
        for (const int threads : {2, 3, 7}) {
            CHECK(reference::same_bits(added<double>(noise, y, weights, kKey, 1.0, threads), one));
        }
    };
    check(through(reference::with_beta(2.0), 1.0));
    check(IndependentNoise{});
}

TEST_CASE("value noise is for the dimensions of its attention") {
    const auto law = noise_law(through(reference::with_matrices(3, 4, 2.0, true), 1.0));
    CHECK_NOTHROW(law->require_dim(4));
    CHECK_THROWS_AS(law->require_dim(3), std::invalid_argument);
}
