// Tangent vectors along a run: derivatives of LN, orthonormalisation, whole runs.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <vector>

#include "attention/exponential.hpp"
#include "dynamics/tangents.hpp"
#include "fields.hpp"
#include "kernels.hpp"
#include "noise/features.hpp"
#include "noise/harmonics.hpp"
#include "noise/mlp.hpp"
#include "noise/value.hpp"
#include "states.hpp"

namespace {

using namespace noisync;
using reference::largest;
using reference::Long;
using reference::LongMatrix;
using reference::LongVector;

constexpr Path kPath{0x0f0e0d0c0b0a0908U, 3};
constexpr Index kToken = 2;

// Rows to orthonormal ones; returns the lengths taken out.
LongVector gram_schmidt(LongMatrix& rows) {
    LongVector lengths(rows.rows());
    for (Index k = 0; k < rows.rows(); ++k) {
        for (Index j = 0; j < k; ++j) {
            rows.row(k) -= rows.row(k).dot(rows.row(j)) * rows.row(j);
        }
        lengths(k) = rows.row(k).norm();
        rows.row(k) /= lengths(k);
    }
    return lengths;
}

// A run of kOthers tokens, the tracked one among them, and for every tangent vector of the start
// two tokens without weight, ahead and behind by kGap.
constexpr Index kOthers = 6;
constexpr double kGap = 1e-5;

struct Ending {
    LongMatrix vectors;  // orthonormalised differences over the distance, or tangent vectors
    LongVector growth;
};

struct Outcome {
    Ending differences;
    Ending tangents;
};

Outcome run(Index d, Scheme scheme, const SharedAttentionLaw& attention,
            const SharedNoiseLaw& noise) {
    const Index count = d - 1;
    Tokens<double> x(kOthers + 2 * count, d);
    x.topRows(kOthers) = reference::random_tokens<double>(kOthers, d, 151);
    // The tangents depend on one token only, which is there already.
    const Tangents<double> tangents =
        start_tangents(x, kToken, 1, count, kPath.seed, kPath.replicate);
    const Matrix<double>& vectors = tangents.vectors;
    for (Index k = 0; k < count; ++k) {
        x.row(kOthers + k) = reference::moved(x, kToken, vectors.row(k), kGap);
        x.row(kOthers + count + k) = reference::moved(x, kToken, vectors.row(k), -kGap);
    }
    Vector<double> weights = Vector<double>::Zero(x.rows());
    weights.head(kOthers) = reference::random_weights<double>(kOthers, false, 152);
    weights(kToken) = 0;
    weights /= weights.sum();
    const auto drift = attention ? attention->evaluator<double>({}) : nullptr;
    const auto field = noise ? noise->field<double>() : nullptr;
    reference::Run<double> run{reference::first_state(x)};
    run.state.tangents = tangents;
    Execution execution;
    run.advance({weights, drift.get(), field.get(), scheme}, {0.05}, kPath, 6, execution);
    const State<double>& end = run.state;
    LongMatrix differences =
        (end.tokens.middleRows(kOthers, count) - end.tokens.bottomRows(count)).cast<Long>() /
        Long(2 * kGap);
    const LongVector lengths = gram_schmidt(differences);
    return {{differences, lengths.array().log().matrix()},
            {end.tangents->vectors.cast<Long>(), end.tangents->growth.cast<Long>()}};
}

// The third order of the flow times the square of the gap, and roundings over it, as the run
// amplifies them.
constexpr Long kTolerance = 1e-7L;

void check(const Outcome& outcome) {
    CHECK(largest(outcome.tangents.growth - outcome.differences.growth) < kTolerance);
    CHECK(largest(outcome.tangents.vectors - outcome.differences.vectors) < kTolerance);
    CHECK(largest(outcome.tangents.growth) > 0.01L);
}

}  // namespace

TEST_CASE_TEMPLATE("the start: orthonormal tangents of the seed and the replicate", Real, double,
                   float) {
    const Tokens<Real> x = reference::random_tokens<Real>(5, 4, 153);
    const auto started = [&](std::uint64_t seed, std::uint32_t replicate) {
        const Tangents<Real> tangents = start_tangents(x, 3, 1, 3, seed, replicate);
        CHECK(tangents.growth.size() == 3);
        CHECK(tangents.growth.isZero(0));
        CHECK(tangents.first == 3);
        return tangents.vectors;
    };
    const Matrix<Real> vectors = started(7, 1);
    const LongMatrix gram = (vectors * vectors.transpose()).template cast<Long>();
    CHECK(largest(gram - LongMatrix::Identity(3, 3)) < 100 * reference::kRoundoff<Real>);
    CHECK(largest(vectors * x.row(3).transpose()) < 100 * reference::kRoundoff<Real>);
    CHECK(reference::same_bits(vectors, started(7, 1)));
    CHECK_FALSE(vectors.isApprox(started(8, 1), Real(0.01)));
    CHECK_FALSE(vectors.isApprox(started(7, 2), Real(0.01)));
}

TEST_CASE("retract is the derivative of LN") {
    constexpr Long kStep = 1e-6L;
    const Tokens<double> w = reference::random_matrix(3, 4, 155);
    const Matrix<double> changes = reference::random_matrix(2, 4, 156);
    Derivatives<double> derivatives{1, 1, reference::random_matrix(2, 4, 154), changes};
    retract(w, derivatives);
    for (Index k = 0; k < 2; ++k) {
        CAPTURE(k);
        LongMatrix moved(2, 4);
        moved << w.row(1).cast<Long>() + kStep * changes.row(k).cast<Long>(),
            w.row(1).cast<Long>() - kStep * changes.row(k).cast<Long>();
        reference::normalize_rows(moved);
        const LongMatrix slope = (moved.row(0) - moved.row(1)) / (2 * kStep);
        const LongMatrix off = derivatives.along.row(k).cast<Long>() - slope;
        CHECK(largest(off) < 1e-11L);
    }
    CHECK(reference::same_bits(derivatives.along, derivatives.out));
    CHECK(derivatives.first == 1);
}

TEST_CASE("orthonormalise is Gram-Schmidt and adds up the logarithms") {
    const Matrix<double> first = reference::random_matrix(3, 5, 157);
    const Matrix<double> second = reference::random_matrix(3, 5, 158);
    Vector<double> growths = Vector<double>::Zero(3);
    LongVector growth = LongVector::Zero(3);
    for (const Matrix<double>& start : {first, second}) {
        Matrix<double> vectors = start;
        orthonormalise(3, vectors, growths);
        LongMatrix expected = start.cast<Long>();
        growth += gram_schmidt(expected).array().log().matrix();
        CHECK(largest(vectors.cast<Long>() - expected) < 1e-14L);
        CHECK(largest(growths.cast<Long>() - growth) < 1e-14L);
    }
}

TEST_CASE("over a whole run tangents are differences of near tokens") {
    ExponentialAttention softmax;
    softmax.beta = 2;
    ExponentialAttention unnormalised = softmax;
    unnormalised.normalization = Normalization::none;
    for (const Index d : {2, 3, 4}) {
        CAPTURE(d);
        ExponentialAttention general = softmax;
        general.query = reference::random_matrix(2, d, 159);
        general.key = reference::random_matrix(2, d, 160);
        general.value = reference::random_matrix(d, d, 161);
        const std::vector<SharedAttentionLaw> attentions{
            attention_law(softmax), attention_law(unnormalised), attention_law(general)};
        const std::vector<SharedNoiseLaw> noises{
            noise_law(Mlp{Activation::tanh, 150, 0.5, 0.25}),
            noise_law(Features{Activation::gelu, 150, 0.5, 0.25}),
            noise_law(Harmonics{{0.5, 1.0, 0.25, 0.0, 0.125}}),
            noise_law(reference::exact(reference::erf_kernel(d)))};
        for (const Scheme scheme : {Scheme::layer, Scheme::euler}) {
            CAPTURE(int(scheme));
            for (const SharedAttentionLaw& attention : attentions) {
                check(run(d, scheme, attention, nullptr));
                check(run(d, Scheme::rk4, attention, nullptr));
            }
            for (std::size_t i = 0; i < noises.size(); ++i) {
                const SharedNoiseLaw& noise = noises[i];
                CAPTURE(i);
                check(run(d, scheme, nullptr, noise));
                check(run(d, scheme, attentions[0], noise));
            }
        }
    }
}

TEST_CASE("tangents do not touch the run") {
    const Vector<double> weights = Vector<double>::Constant(9, 1.0 / 9);
    const auto attention = attention_law(ExponentialAttention{})->evaluator<double>({});
    const auto noise = noise_law(Mlp{Activation::relu, 60, 0.5, 0.25})->field<double>();
    const Tokens<double> x = reference::random_tokens<double>(9, 3, 162);
    const auto end = [&](const std::optional<Tangents<double>>& tangents) {
        reference::Run<double> run{reference::first_state(x)};
        run.state.tangents = tangents;
        Execution execution;
        run.advance({weights, attention.get(), noise.get()}, {0.2}, kPath, 5, execution);
        return run.state;
    };
    const State<double> with = end(start_tangents(x, 4, 1, 2, kPath.seed, kPath.replicate));
    CHECK(reference::same_bits(with.tokens, end({}).tokens));
    CHECK(largest(with.tangents->vectors * with.tokens.row(4).transpose()) < 1e-15);
}

TEST_CASE("tangents at several tokens are those at each, for any number of threads") {
    constexpr Index kCount = 9;
    const Vector<double> weights = reference::random_weights<double>(kCount, true, 163);
    for (const Index d : {2, 3, 4}) {
        CAPTURE(d);
        ExponentialAttention general;
        general.query = reference::random_matrix(2, d, 159);
        general.key = reference::random_matrix(2, d, 160);
        const ValueNoise value{{attention_law(ExponentialAttention{}), {}}, 0.5};
        const std::vector<SharedNoiseLaw> noises{
            nullptr, noise_law(Mlp{Activation::tanh, 150, 0.5, 0.25}),
            noise_law(Features{Activation::gelu, 150, 0.5, 0.25}),
            noise_law(Harmonics{{0.5, 1.0, 0.25, 0.0, 0.125}}), noise_law(value)};
        const Tokens<double> x = reference::random_tokens<double>(kCount, d, 164);
        const Tangents<double> start = start_tangents(x, 2, 5, d - 1, kPath.seed, kPath.replicate);
        for (const SharedNoiseLaw& noise : noises) {
            CAPTURE(noise.get());
            const auto end = [&](const Tangents<double>& tangents, int threads) {
                const auto attention = attention_law(general)->evaluator<double>({});
                const auto field = noise ? noise->field<double>() : nullptr;
                reference::Run<double> run{reference::first_state(x)};
                run.state.tangents = tangents;
                Execution execution(threads);
                const Scheme scheme = noise ? Scheme::layer : Scheme::rk4;
                run.advance({weights, attention.get(), field.get(), scheme}, {0.2}, kPath, 4,
                            execution);
                return run.state;
            };
            const State<double> all = end(start, 1);
            CHECK(reference::same_bits(all, end(start, 3)));
            for (Index i = 0; i < 5; ++i) {
                CAPTURE(i);
                const Tangents<double> own{2 + i,
                                           1,
                                           start.vectors.middleRows(i * (d - 1), d - 1),
                                           Vector<double>::Zero(d - 1),
                                           {}};
                const State<double> alone = end(own, 2);
                const auto rows = all.tangents->vectors.middleRows(i * (d - 1), d - 1);
                CHECK(largest(rows - alone.tangents->vectors) < 1e-13);
                const auto growth = all.tangents->growth.segment(i * (d - 1), d - 1);
                CHECK(largest(growth - alone.tangents->growth) < 1e-13);
            }
        }
    }
}

TEST_CASE("the least Jacobian of a layer is that of its map, and negative where it folds") {
    // A repulsive attention to one token c: the map of an angle a from c to a + D sin(a) on the
    // circle, up to LN, folds at c once D is large.
    for (const double thickness : {0.3, 1.5}) {
        CAPTURE(thickness);
        ExponentialAttention attention;
        attention.beta = 0;
        attention.value_scale = -1;
        constexpr Index kCount = 40;
        Tokens<double> x(kCount, 2);
        for (Index i = 0; i < kCount; ++i) {
            const double angle = 0.1 + 6.0 * double(i) / kCount;
            x.row(i) << std::cos(angle), std::sin(angle);
        }
        x.row(0) << 1, 0;
        Vector<double> weights = Vector<double>::Zero(kCount);
        weights(0) = 1;
        const auto law = attention_law(attention)->evaluator<double>({});
        reference::Run<double> run{reference::first_state(x)};
        run.state.tangents = start_tangents(x, 1, kCount - 1, 1, kPath.seed, kPath.replicate);
        run.state.tangents->least_jacobian = std::numeric_limits<double>::infinity();
        Execution execution;
        run.advance({weights, law.get(), nullptr}, {thickness}, kPath, 1, execution);
        // x -> LN(x - D c): the angle's derivative is (1 - D cos a) / |x - D c|^2.
        Long least = std::numeric_limits<Long>::infinity();
        for (Index i = 1; i < kCount; ++i) {
            const Long cosine = x(i, 0);
            const Long d = thickness;
            const Long jacobian = (1 - d * cosine) / (1 - 2 * d * cosine + d * d);
            least = std::min(least, jacobian);
            CHECK(std::abs(run.state.tangents->growth(i - 1) - std::log(std::abs(jacobian))) <
                  1e-13L);
        }
        CHECK(std::abs(*run.state.tangents->least_jacobian - least) < 1e-13L);
        CHECK((least < 0) == (thickness > 1));
    }
}
