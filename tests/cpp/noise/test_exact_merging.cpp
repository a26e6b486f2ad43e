// The field by a Cholesky factor, at tokens that merge, coincide or are antipodes.
#include <doctest/doctest.h>

#include <vector>

#include "fields.hpp"
#include "reference_exact.hpp"

namespace {

using namespace noisync;
using reference::Kernel;
using reference::largest;
using reference::Long;
using reference::LongMatrix;

constexpr LayerKey kKey{0x1020304050607080U, 2, 5};

std::vector<Kernel> kernels(Index d) {
    return {reference::relu_kernel(d), reference::erf_kernel(d)};
}

// Tokens apart from one another, then companions of token 1 at the distance r, then others.
Tokens<double> with_companions(Index companions, Index d, double r) {
    Tokens<double> y = reference::random_tokens<double>(4 + companions + 2, d, 121);
    const Matrix<double> along = reference::random_tangents<double>(y, 1, companions, 122);
    for (Index k = 0; k < companions; ++k) {
        y.row(4 + k) = reference::moved(y, 1, along.row(k), r);
    }
    return y;
}

Tokens<double> values(const Kernel& kernel, const Tokens<double>& y, int threads = 1) {
    return reference::field<double>(reference::exact(kernel), y, kKey, threads);
}

}  // namespace

TEST_CASE("merging tokens: the plain factor of the values, in long double") {
    constexpr double kDistance = 1e-6;
    for (const Index d : {2, 3, 5}) {
        for (const Kernel& kernel : kernels(d)) {
            CAPTURE(d);
            CAPTURE(kernel.odd);
            // As many companions as there are tangents: their directions stay independent.
            const Index companions = d - 1;
            const Tokens<double> y = with_companions(companions, d, kDistance);
            const Tokens<double> g = values(kernel, y);
            const LongMatrix expected =
                reference::exact_field(y.cast<Long>(), kernel, kKey, 0, {}, 0);
            CHECK(largest(g.cast<Long>() - expected) < 1e-5L);
            for (Index k = 4; k < 4 + companions; ++k) {
                const Tokens<double> gap = (g.row(k) - g.row(1)) / kDistance;
                const LongMatrix expected_gap =
                    (expected.row(k) - expected.row(1)) / Long(kDistance);
                CHECK(gap.norm() > 0.01);
                // The second order of the field, and 1e-16 over the distance.
                CHECK(largest(gap.cast<Long>() - expected_gap) < 2e-5L);
            }
        }
    }
}

TEST_CASE("tokens that merge at two antipodes of a field that is not odd") {
    constexpr double kDistance = 1e-6;
    for (const Index d : {2, 3}) {
        CAPTURE(d);
        const Kernel rest = reference::relu_kernel(d);
        const Kernel odd = reference::erf_kernel(d);
        const Kernel kernel{[=](Long u) { return rest.value(u) + odd.value(u); },
                            [=](Long u) { return rest.first(u) + odd.first(u); },
                            [=](Long u) { return rest.second(u) + odd.second(u); }};
        const Tokens<double> near = with_companions(d - 1, d, kDistance);
        Tokens<double> y(near.rows() + d, d);
        y << near, -near.row(1), -near.middleRows(4, d - 1);
        const Tokens<double> g = values(kernel, y);
        const LongMatrix expected = reference::exact_field(y.cast<Long>(), kernel, kKey, 0, {}, 0);
        CHECK(largest(g.cast<Long>() - expected) < 1e-5L);
        const Index centre = near.rows();
        for (Index k = 1; k < d; ++k) {
            const LongMatrix gap = (g.row(centre + k) - g.row(centre)).cast<Long>();
            const LongMatrix off = gap - (expected.row(centre + k) - expected.row(centre));
            CHECK(largest(off) < 2e-5L * kDistance);
        }
    }
}

TEST_CASE("differences of merging tokens are proportional to their distance") {
    for (const Index d : {2, 4}) {
        for (const Kernel& kernel : kernels(d)) {
            const auto slopes = [&](double r) -> Tokens<double> {
                const Tokens<double> g = values(kernel, with_companions(d - 1, d, r));
                return (g.middleRows(4, d - 1).rowwise() - g.row(1)) / r;
            };
            const Tokens<double> limit = slopes(1e-6);
            for (const double r : {9e-5, 1e-8, 1e-10}) {
                CAPTURE(d);
                CAPTURE(kernel.odd);
                CAPTURE(r);
                // Rounded tokens have directions known to 1e-16 / r, values differences to as much.
                CHECK(largest(slopes(r) - limit) < 20 * r + 1e-15 / r + 2e-5);
            }
        }
    }
}

TEST_CASE("at the reach, where derivatives take over, nothing jumps") {
    for (const Kernel& kernel : kernels(3)) {
        const Tokens<double> within = values(kernel, with_companions(2, 3, 0.999e-4));
        const Tokens<double> beyond = values(kernel, with_companions(2, 3, 1.001e-4));
        CAPTURE(kernel.odd);
        for (const Index k : {4, 5}) {
            const Tokens<double> gap = (within.row(k) - within.row(1)) / 0.999e-4;
            const Tokens<double> other = (beyond.row(k) - beyond.row(1)) / 1.001e-4;
            CHECK(largest(gap - other) < 1e-3);
        }
        CHECK(largest(within - beyond) < 1e-3);
    }
}

TEST_CASE("equal tokens meet equal noise, antipodes of an odd field opposite noise") {
    for (const Kernel& kernel : kernels(3)) {
        Tokens<double> y = reference::random_tokens<double>(80, 3, 123);
        y.row(70) = y.row(2);
        y.row(79) = y.row(70);
        y.row(75) = -y.row(5);
        const Tokens<double> g = values(kernel, y);
        CAPTURE(kernel.odd);
        CHECK(reference::same_bits(Tokens<double>(g.row(70)), Tokens<double>(g.row(2))));
        CHECK(reference::same_bits(Tokens<double>(g.row(79)), Tokens<double>(g.row(2))));
        CHECK(reference::same_bits(Tokens<double>(g.row(75)), Tokens<double>(-g.row(5))) ==
              kernel.odd);
    }
}

TEST_CASE("near antipodes under an odd kernel") {
    constexpr double kDistance = 1e-6;
    for (const Index d : {2, 3}) {
        CAPTURE(d);
        const Kernel kernel = reference::erf_kernel(d);
        Tokens<double> y = with_companions(d - 1, d, kDistance);
        const Tokens<double> near = values(kernel, y);
        y.middleRows(4, d - 1) *= -1;
        const Tokens<double> opposite = values(kernel, y);
        const Tokens<double> sums = near.middleRows(4, d - 1) + opposite.middleRows(4, d - 1);
        CHECK(largest(sums) < 1e-15);
        // To a plain factor the sign of a token's normals is not that of its antipode's.
        CHECK(largest((near - opposite).bottomRows(2)) < 1e-12);
    }
}

TEST_CASE("derivatives at a token that has companions are the differences from them") {
    constexpr double kDistance = 1e-7;
    for (const Index d : {2, 3, 5}) {
        for (const Kernel& kernel : kernels(d)) {
            const Tokens<double> y = with_companions(d - 1, d, kDistance);
            const Matrix<double> along = reference::random_tangents<double>(y, 1, d - 1, 122);
            const Tokens<double> g =
                reference::with_derivatives<double>(reference::exact(kernel), y, 1, along, kKey);
            for (Index k = 0; k < d - 1; ++k) {
                CAPTURE(d);
                CAPTURE(kernel.odd);
                CAPTURE(k);
                const Tokens<double> slope = (g.row(4 + k) - g.row(1)) / kDistance;
                CHECK(largest(slope - g.row(y.rows() + k)) < 1e-6);
            }
            // At a companion they are those at the centre.
            const Tokens<double> moved =
                reference::with_derivatives<double>(reference::exact(kernel), y, 4, along, kKey);
            CHECK(largest(moved - g) < 1e-12);
        }
    }
}

TEST_CASE("clusters of any tightness: every value finite and next to its centre's") {
    for (const Kernel& kernel : kernels(3)) {
        for (const double radius : {0.0, 1e-300, 1e-16, 1e-8, 9e-5, 1e-3}) {
            Tokens<double> y = reference::random_tokens<double>(300, 3, 124);
            for (Index i = 3; i < 300; ++i) {
                const Matrix<double> v = reference::random_tangents<double>(y, i % 3, 1, 200 + i);
                y.row(i) = reference::moved(y, i % 3, v, radius) * (i % 2 == 0 ? 1 : -1);
            }
            const Tokens<double> g = values(kernel, y);
            CAPTURE(kernel.odd);
            CAPTURE(radius);
            CHECK(g.allFinite());
            double farthest = 0;
            for (Index i = 3; i < 300; ++i) {
                const double sign = i % 2 == 0 ? 1 : -1;
                if (kernel.odd || sign > 0) {
                    farthest = std::max(farthest, (sign * g.row(i) - g.row(i % 3)).norm());
                }
            }
            // |DG| < 5 for these normals; unresolved roundings are of the order of 1e-7.
            CHECK(farthest <= 5 * radius + (radius < 1e-4 ? 1e-14 : 1e-5));
            CHECK(largest(g) < 3);
        }
    }
}

TEST_CASE("the number of threads changes no bit of merging tokens") {
    Tokens<double> y = reference::random_tokens<double>(150, 3, 125);
    for (Index i = 70; i < 150; ++i) {
        const Matrix<double> v = reference::random_tangents<double>(y, i % 7, 1, 200 + i);
        y.row(i) = reference::moved(y, i % 7, v, 1e-5);
    }
    for (const Kernel& kernel : kernels(3)) {
        const Tokens<double> alone = values(kernel, y);
        CHECK(reference::same_bits(alone, values(kernel, y, 2)));
        CHECK(reference::same_bits(alone, values(kernel, y, 4)));
    }
}
