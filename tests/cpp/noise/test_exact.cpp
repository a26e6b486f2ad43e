// The field by a Cholesky factor, at tokens that are well apart.
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

// Largest error of values and of derivatives at the last token.
Long error(const Kernel& kernel, const Tokens<double>& y) {
    const Index token = y.rows() - 1;
    const Matrix<double> along = reference::random_tangents<double>(y, token, y.cols() - 1, 112);
    const LongMatrix expected =
        reference::exact_field(y.cast<Long>(), kernel, kKey, token, along.cast<Long>());
    const LongMatrix off =
        reference::with_derivatives<double>(reference::exact(kernel), y, token, along, kKey)
            .cast<Long>() -
        expected;
    return largest(off) / largest(expected);
}

}  // namespace

TEST_CASE("the kernel's series is the kernel") {
    for (const Kernel& kernel : {reference::relu_kernel(3), reference::erf_kernel(2)}) {
        const Exact config = reference::exact(kernel);
        for (const Long angle : {0.0L, 0.1L, 1.0L, 2.0L, 3.14L}) {
            const Long s = 2 * angle / std::numbers::pi_v<Long> - 1;
            Long sum = 0;
            for (std::size_t k = 0; k < config.series.size(); ++k) {
                sum += config.series[k] * std::cos(Long(k) * std::acos(s));
            }
            CHECK(std::abs(sum - kernel.value(std::cos(angle))) < 1e-15L);
        }
    }
}

TEST_CASE("values and derivatives are the Cholesky factor times the normals") {
    for (const Index rows : {1, 2, 63, 64, 65, 127, 200}) {
        for (const Index d : {3, 8}) {
            CAPTURE(rows);
            CAPTURE(d);
            const Tokens<double> y = reference::random_tokens<double>(rows, d, 111);
            // The condition of the covariance multiplies the roundings; it grows with the rows.
            CHECK(error(reference::relu_kernel(d), y) < 1e-10L);
        }
    }
}

TEST_CASE("a smooth kernel, for as long as long double resolves it") {
    for (const Index rows : {1, 2, 8}) {
        CAPTURE(rows);
        const Tokens<double> y = reference::random_tokens<double>(rows, 5, 113);
        CHECK(error(reference::erf_kernel(5), y) < 1e-9L);
    }
}

TEST_CASE("beyond its rank the field is the combination of the earlier tokens that it must be") {
    for (const Index d : {2, 3, 5}) {
        for (const Kernel& kernel :
             {reference::affine_kernel(0.25L, 1), reference::affine_kernel(0, 0.5L)}) {
            CAPTURE(d);
            CAPTURE(kernel.odd);
            const Tokens<double> y = reference::random_tokens<double>(150, d, 114);
            // What draws nothing is told by a variance of 1e-13: roundings may pass for noise of
            // the size of its root.
            CHECK(error(kernel, y) < 1e-6L);
        }
    }
}

TEST_CASE("the field at a token does not depend on those after it") {
    const Tokens<double> y = reference::random_tokens<double>(200, 4, 115);
    const Exact config = reference::exact(reference::relu_kernel(4));
    const Tokens<double> all = reference::field<double>(config, y, kKey);
    for (const Index rows : {1, 63, 64, 65, 199}) {
        CAPTURE(rows);
        const Tokens<double> some = reference::field<double>(config, y.topRows(rows), kKey);
        CHECK(largest(some - all.topRows(rows)) < 1e-12);
    }
}

TEST_CASE("rotated tokens have the same field") {
    // The covariance sees cosines only.
    const Tokens<double> y = reference::random_tokens<double>(20, 3, 116);
    Tokens<double> turned(20, 3);
    turned << y.col(2), -y.col(0), y.col(1);
    const Exact config = reference::exact(reference::relu_kernel(3));
    const Tokens<double> off =
        reference::field<double>(config, y, kKey) - reference::field<double>(config, turned, kKey);
    CHECK(largest(off) < 1e-12);
}

TEST_CASE("antipodes of a kernel that is not odd") {
    for (const Index d : {2, 3}) {
        CAPTURE(d);
        Tokens<double> y = reference::random_tokens<double>(6, d, 117);
        y.row(3) = -y.row(1);
        y.row(5) = -y.row(2);  // the token of the derivatives
        CHECK(error(reference::relu_kernel(d), y) < 1e-12L);
    }
}
