#include <doctest/doctest.h>

#include <array>
#include <cmath>
#include <numbers>
#include <optional>
#include <variant>
#include <vector>

#include "attention/exponential.hpp"
#include "measure/budget.hpp"
#include "noise/independent.hpp"
#include "noise/kernel_pairs.hpp"
#include "noise/value.hpp"
#include "reference.hpp"

namespace {

using noisync::BudgetLaw;
using noisync::Execution;
using noisync::ExponentialAttention;
using noisync::IndependentNoise;
using noisync::Index;
using noisync::Normalization;
using noisync::Tokens;
using noisync::Vector;
using reference::Long;
using reference::LongMatrix;

// B(t) = b_0 + b_1 s + b_2 (2s^2 - 1), s = 2t/pi - 1.
const std::vector<double> kNoise{0.7, -0.4, 0.2};
struct Field {};

// Noise through the averages of an attention.
struct Averages {
    ExponentialAttention attention;
    double scale;
};

struct Case {
    double beta;
    std::optional<ExponentialAttention> attention;
    std::variant<std::monostate, Field, Averages, IndependentNoise> noise;
};

noisync::SummedAttention summed(const ExponentialAttention& attention) {
    return {attention_law(attention), {}};
}

BudgetLaw law_of(const Case& setting) {
    BudgetLaw law{setting.beta, {}, {}};
    if (setting.attention) {
        law.attention = summed(*setting.attention);
    }
    if (std::holds_alternative<Field>(setting.noise)) {
        law.noise = noisync::kernel_pair_noise(kNoise);
    } else if (const auto* averages = std::get_if<Averages>(&setting.noise)) {
        law.noise = pair_noise(noisync::ValueNoise{summed(averages->attention), averages->scale});
    } else if (const auto* independent = std::get_if<IndependentNoise>(&setting.noise)) {
        law.noise = pair_noise(*independent);
    }
    return law;
}

Long noise_function(Long gap) {
    const Long s = 4 / std::numbers::pi_v<Long> * std::asin(std::sqrt(gap / 2)) - 1;
    return kNoise[0] + kNoise[1] * s + kNoise[2] * (2 * s * s - 1);
}

// G_0 + beta G_1 for pairs (i, j) of noise with covariances k_ij I, as they are defined.
Long generator(const LongMatrix& x, Index i, Index j, const LongMatrix& k, Long beta) {
    const Long u = x.row(i).dot(x.row(j));
    const Long d = x.cols();
    const Long mean = (k(i, i) + k(j, j)) / 2;
    return k(i, j) * (d - 2 + u * u) - mean * (d - 1) * u +
           beta * (1 - u * u) * (mean - u * k(i, j));
}

// The covariances of noise that is no field; empty for others.
LongMatrix covariances(const LongMatrix& x, const Vector<double>& weights, const Case& law) {
    if (const auto* noise = std::get_if<Averages>(&law.noise)) {
        const LongMatrix a =
            noise->scale * reference::attention(x, weights.cast<Long>(), noise->attention).value;
        return a * a.transpose();
    }
    if (const auto* noise = std::get_if<IndependentNoise>(&law.noise)) {
        return Long(noise->scale) * noise->scale * LongMatrix::Identity(x.rows(), x.rows());
    }
    return {};
}

struct Parts {
    Long attention = 0;
    Long noise = 0;
    Long largest = 1;  // covariance
};

Parts plain(const Tokens<double>& tokens, const Vector<double>& weights, const Case& law) {
    const LongMatrix x = tokens.cast<Long>();
    const Long beta = law.beta;
    LongMatrix moves = LongMatrix::Zero(x.rows(), x.cols());
    if (law.attention) {
        moves = reference::attention(x, weights.cast<Long>(), *law.attention).value;
    }
    const LongMatrix k = covariances(x, weights, law);
    Parts parts;
    if (k.size() > 0) {
        parts.largest += reference::largest(k);
    }
    for (Index i = 0; i < x.rows(); ++i) {
        const Long radial = x.row(i).dot(moves.row(i));
        for (Index j = 0; j < x.rows(); ++j) {
            const Long gap = (x.row(i) - x.row(j)).squaredNorm() / 2;
            const Long pair = beta * weights(i) * weights(j) * std::exp(beta * (1 - gap));
            parts.attention -=
                pair * (x.row(j).dot(moves.row(i)) - radial * x.row(i).dot(x.row(j)));
            if (std::holds_alternative<Field>(law.noise)) {
                parts.noise -= pair * gap * noise_function(std::min<Long>(gap, 2)) / 2;
            } else if (k.size() > 0) {
                parts.noise -= pair * generator(x, i, j, k, beta) / 2;
            }
        }
    }
    return parts;
}

noisync::Budget budget(const Tokens<double>& x, const Vector<double>& weights, const Case& law,
                       int threads = 1) {
    Execution execution(threads);
    return noisync::energy_budget(x, weights, law_of(law), execution);
}

std::vector<Case> laws(Index d) {
    ExponentialAttention same;
    same.beta = 1.5;
    same.value_scale = -0.5;
    ExponentialAttention other;
    other.beta = -2.0;
    other.normalization = Normalization::none;
    ExponentialAttention general;
    general.query = reference::random_matrix(3, d, 61);
    general.key = reference::random_matrix(3, d, 62);
    general.value = reference::random_matrix(d, d, 63);
    return {{1.5, same, Field{}},
            {1.5, other, {}},
            {0.3, general, Field{}},
            {4.0, {}, Field{}},
            {1.5, same, Averages{other, 1.2}},
            {0.7, {}, Averages{general, 0.4}},
            {1.5, other, IndependentNoise{0.8}}};
}

}  // namespace

TEST_CASE("the budget is what its two double sums say") {
    for (const Index rows : {1, 2, 47, 48, 49, 97, 200}) {
        for (const Index d : {2, 3, 17, 64}) {
            const Tokens<double> x = reference::random_tokens<double>(rows, d, 64);
            const Vector<double> weights = reference::random_weights<double>(rows, rows > 3, 65);
            for (const Case& law : laws(d)) {
                CAPTURE(rows);
                CAPTURE(d);
                const Parts expected = plain(x, weights, law);
                const noisync::Budget result = budget(x, weights, law);
                const double scale = 1e-14 * law.beta * std::exp(law.beta) * double(d);
                CHECK(std::abs(Long(result.attention) - expected.attention) < scale);
                CHECK(std::abs(Long(result.noise) - expected.noise) < scale * expected.largest);
            }
        }
    }
}

TEST_CASE("merging tokens keep the digits of their budget") {
    for (const double spread : {1e-4, 1e-8, 1e-12}) {
        LongMatrix near = reference::random_matrix(60, 5, 66).cast<Long>() * Long(spread);
        near.col(0).array() += 0.6L;
        near.col(1).array() += 0.8L;
        reference::normalize_rows(near);
        const auto x = near.cast<double>().eval();
        const Vector<double> weights = reference::random_weights<double>(60, true, 67);
        const Case law = laws(5)[0];
        const noisync::Budget result = budget(x, weights, law);
        // Gaps shrink by 2 * 0.5 through the attention (repulsive: grow), B(0) through the noise.
        Long gaps = 0;
        for (Index i = 0; i < 60; ++i) {
            for (Index j = 0; j < 60; ++j) {
                gaps +=
                    weights(i) * weights(j) * (x.row(i) - x.row(j)).cast<Long>().squaredNorm() / 2;
            }
        }
        const Long energy = law.beta * std::exp(Long(law.beta)) * gaps / 2;
        CHECK(std::abs(Long(result.attention) / energy - 1) < 1e-3 + 100 * spread);
        CHECK(std::abs(Long(result.noise) / energy + noise_function(0)) < 1e-3 + 100 * spread);
    }
}

TEST_CASE("merging tokens keep the digits of the budget of noise through averages") {
    constexpr Index kDim = 5;
    for (const double spread : {1e-4, 1e-8, 1e-12}) {
        CAPTURE(spread);
        LongMatrix near = reference::random_matrix(60, kDim, 66).cast<Long>() * Long(spread);
        near.col(0).array() += 0.6L;
        near.col(1).array() += 0.8L;
        reference::normalize_rows(near);
        const auto x = near.cast<double>().eval();
        const Vector<double> weights = reference::random_weights<double>(60, true, 67);
        const Case law{1.5, {}, Averages{{}, 0.5}};
        const noisync::Budget result = budget(x, weights, law);
        // All averages are the cluster: the field of constant covariance s^2, whose rate is
        // (3-d)s^2.
        const Long rate = (3 - kDim) * 0.25L;
        const Long change = rate * reference::energy(x.cast<Long>(), weights.cast<Long>(), 1.5L);
        CHECK(std::abs(Long(result.noise) / change - 1) < 1e-3);
    }
}

TEST_CASE("the budget does not depend on the number of threads") {
    const Tokens<double> x = reference::random_tokens<double>(700, 6, 68);
    const Vector<double> weights = reference::random_weights<double>(700, false, 69);
    for (const Case& law : laws(6)) {
        const noisync::Budget one = budget(x, weights, law, 1);
        for (const int threads : {2, 3, 7}) {
            const noisync::Budget many = budget(x, weights, law, threads);
            CHECK(one.attention == many.attention);
            CHECK(one.noise == many.noise);
        }
    }
}
