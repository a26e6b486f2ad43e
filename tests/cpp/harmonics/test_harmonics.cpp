// The field as a sum of spherical harmonics.
#include <doctest/doctest.h>

#include <Eigen/LU>
#include <cmath>
#include <numbers>
#include <vector>

#include "fields.hpp"
#include "harmonics/basis.hpp"
#include "noise/harmonics.hpp"
#include "reference_noise.hpp"

namespace {

using namespace noisync;
using reference::largest;
using reference::Long;
using reference::LongMatrix;

constexpr LayerKey kKey{0x5555aaaa1234fedcU, 3, 11};

// Harmonics of degrees 0..p in the order of the sampler, one row a point; mean square 1 each.
LongMatrix on_circle(const LongMatrix& y, Index p) {
    LongMatrix table = LongMatrix::Ones(y.rows(), 2 * p + 1);
    for (Index i = 0; i < y.rows(); ++i) {
        const Long angle = std::atan2(y(i, 1), y(i, 0));
        for (Index n = 1; n <= p; ++n) {
            table(i, 2 * n - 1) = std::numbers::sqrt2_v<Long> * std::cos(n * angle);
            table(i, 2 * n) = std::numbers::sqrt2_v<Long> * std::sin(n * angle);
        }
    }
    return table;
}

// (2n+1)^{1/2} ((n-l)!/(n+l)!)^{1/2} P_n^l(z) {1, sqrt 2 cos l phi, sqrt 2 sin l phi}.
LongMatrix on_sphere(const LongMatrix& y, Index p) {
    LongMatrix table(y.rows(), (p + 1) * (p + 1));
    for (Index i = 0; i < y.rows(); ++i) {
        const Long angle = std::atan2(y(i, 1), y(i, 0));
        for (Index n = 0; n <= p; ++n) {
            for (Index l = 0; l <= n; ++l) {
                const Long size = std::sqrt((2 * n + 1) * std::tgamma(Long(n - l + 1)) /
                                            std::tgamma(Long(n + l + 1)) * (l == 0 ? 1 : 2)) *
                                  std::assoc_legendre(unsigned(n), unsigned(l), y(i, 2));
                table(i, n * n + (l == 0 ? 0 : 2 * l - 1)) = size * std::cos(l * angle);
                if (l > 0) {
                    table(i, n * n + 2 * l) = size * std::sin(l * angle);
                }
            }
        }
    }
    return table;
}

std::vector<double> decaying(Index p) {
    std::vector<double> variances;
    for (Index n = 0; n <= p; ++n) {
        variances.push_back(1 / (1 + double(n)));
    }
    return variances;
}

// sum_n (c_n / N_n)^{1/2} sum_k xi Y_nk, from a table of Y.
LongMatrix field_of(const LongMatrix& table, const std::vector<double>& variances, Index d,
                    const LayerKey& key) {
    LongMatrix xi = reference::normals(key, Purpose::harmonic_coefficients, table.cols(), d);
    for (Index n = 0; n < Index(variances.size()); ++n) {
        const auto first = Index(n == 0 ? 0 : harmonics_up_to(n - 1, d));
        const auto end = Index(harmonics_up_to(n, d));
        xi.middleRows(first, end - first) *=
            std::sqrt(Long(variances[std::size_t(n)]) / (end - first));
    }
    return table * xi;
}

// P_{n,d}(u): (n+d-2) P_{n+1} = (2n+d-2) u P_n - n P_{n-1}.
Long gegenbauer(Index n, Index d, Long u) {
    Long before = 0;
    Long value = 1;
    for (Index k = 0; k < n; ++k) {
        const Long next = k == 0 ? u : ((2 * k + d - 2) * u * value - k * before) / (k + d - 2);
        before = value;
        value = next;
    }
    return value;
}

// (c_n / N_n)^{1/2} Y_nk(y_i) for all k, i: the field is linear in its normals, so that as many
// realisations as there are harmonics determine them.
LongMatrix recovered(const Tokens<double>& y, const std::vector<double>& variances) {
    const Index d = y.cols();
    const auto size = Index(harmonics_up_to(Index(variances.size()) - 1, d));
    const Index layers = (size + d - 1) / d;
    LongMatrix xi(layers * d, size);
    LongMatrix fields(layers * d, y.rows());
    for (Index layer = 0; layer < layers; ++layer) {
        const LayerKey key{kKey.seed, kKey.replicate, std::uint32_t(layer)};
        xi.middleRows(layer * d, d) =
            reference::normals(key, Purpose::harmonic_coefficients, size, d).transpose();
        fields.middleRows(layer * d, d) =
            reference::field<double>(Harmonics{variances}, y, key).transpose().cast<Long>();
    }
    return xi.topRows(size).fullPivLu().solve(fields.topRows(size));
}

// Tokens with both poles and points of the equator among them.
Tokens<double> tokens_with_poles(Index rows, Index d) {
    Tokens<double> y = reference::random_tokens<double>(rows, d, 101);
    y.topRows(4).setZero();
    y(0, d - 1) = 1;
    y(1, d - 1) = -1;
    y(2, 0) = -1;
    y(3, 1) = 1;
    return y;
}

}  // namespace

TEST_CASE("the number of harmonics") {
    CHECK(harmonics_up_to(0, 2) == 1);
    CHECK(harmonics_up_to(7, 2) == 15);
    CHECK(harmonics_up_to(7, 3) == 64);
    CHECK(harmonics_up_to(4, 4) == 1 + 4 + 9 + 16 + 25);
    CHECK(harmonics_up_to(2, 10) == 1 + 10 + 54);
}

TEST_CASE_TEMPLATE("on the circle: cosines and sines", Real, double, float) {
    for (const Index p : {0, 1, 2, 17, 60}) {
        CAPTURE(p);
        const Tokens<Real> y = tokens_with_poles(20, 2).cast<Real>();
        const LongMatrix expected =
            field_of(on_circle(y.template cast<Long>(), p), decaying(p), 2, kKey);
        const LongMatrix off =
            reference::field<Real>(Harmonics{decaying(p)}, y, kKey).template cast<Long>() -
            expected;
        // Rounded tokens are off the circle by a roundoff, which the degree p takes p-fold.
        CHECK(largest(off) <= (8 + 4 * p) * reference::kRoundoff<Real>);
    }
}

TEST_CASE("on the sphere: associated Legendre functions") {
    for (const Index p : {0, 1, 2, 5, 20}) {
        CAPTURE(p);
        const Tokens<double> y = tokens_with_poles(20, 3);
        const LongMatrix expected = field_of(on_sphere(y.cast<Long>(), p), decaying(p), 3, kKey);
        const LongMatrix off =
            reference::field<double>(Harmonics{decaying(p)}, y, kKey).cast<Long>() - expected;
        CHECK(largest(off) <= (8 + 4 * p) * reference::kRoundoff<double>);
    }
}

TEST_CASE("the harmonics of a degree add up to its Gegenbauer polynomial") {
    for (const auto& [d, p] : {std::pair<Index, Index>{2, 8}, {3, 6}, {4, 4}, {5, 3}, {8, 2}}) {
        const Tokens<double> y = tokens_with_poles(9, d);
        const std::vector<double> variances = decaying(p);
        const LongMatrix harmonics = recovered(y, variances);
        for (Index n = 0; n <= p; ++n) {
            const auto first = Index(n == 0 ? 0 : harmonics_up_to(n - 1, d));
            const LongMatrix part =
                harmonics.middleRows(first, Index(harmonics_up_to(n, d)) - first);
            const LongMatrix sums = part.transpose() * part;
            const LongMatrix cosines = y.cast<Long>() * y.cast<Long>().transpose();
            for (Index i = 0; i < y.rows(); ++i) {
                for (Index j = 0; j <= i; ++j) {
                    CAPTURE(d);
                    CAPTURE(n);
                    const Long expected =
                        variances[std::size_t(n)] * gegenbauer(n, d, cosines(i, j));
                    CHECK(std::abs(sums(i, j) - expected) < 1e-12L);
                }
            }
        }
    }
}

TEST_CASE("a cut at a lower degree is the lower part of one at a higher degree") {
    for (const Index d : {2, 3, 6}) {
        CAPTURE(d);
        const Tokens<double> y = tokens_with_poles(20, d);
        const std::vector<double> high = decaying(6);
        std::vector<double> low = high;
        std::vector<double> rest = high;
        std::fill(low.begin() + 3, low.end(), 0.0);
        std::fill(rest.begin(), rest.begin() + 3, 0.0);
        const auto draw = [&](const std::vector<double>& variances) {
            return reference::field<double>(Harmonics{variances}, y, kKey);
        };
        CHECK(largest(draw(high) - draw(low) - draw(rest)) < 1e-14);
        low.resize(3);
        CHECK(largest(draw(high) - draw(low) - draw(rest)) < 1e-14);
        CHECK(largest(draw(rest)) > 0.1);
    }
}

TEST_CASE("at the poles the derivative is as good as elsewhere") {
    const Tokens<double> y = tokens_with_poles(5, 3);
    const Harmonics config{decaying(12)};
    constexpr double kStep = 1e-5;
    for (Index token = 0; token < 5; ++token) {
        CAPTURE(token);
        const Matrix<double> along = reference::random_tangents<double>(y, token, 2, 102);
        const Tokens<double> slopes =
            reference::with_derivatives<double>(config, y, token, along, kKey).bottomRows(2);
        for (Index k = 0; k < 2; ++k) {
            const Tokens<double> ahead = reference::moved(y, token, along.row(k), kStep);
            const Tokens<double> behind = reference::moved(y, token, along.row(k), -kStep);
            const Tokens<double> slope = (reference::field<double>(config, ahead, kKey) -
                                          reference::field<double>(config, behind, kKey)) /
                                         (2 * kStep);
            // The third derivative is of order 12^3.
            CHECK(largest(slope - slopes.row(k)) < 1e-7);
            CHECK(slopes.row(k).norm() > 0.1);
        }
    }
}
