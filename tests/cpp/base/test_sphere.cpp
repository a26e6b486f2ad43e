#include <doctest/doctest.h>

#include <limits>
#include <vector>

#include "base/sphere.hpp"
#include "reference.hpp"

namespace {

using noisync::Execution;
using noisync::Index;
using noisync::Tokens;
using reference::Long;

// Largest distance of a row of LN(x * size) from the normalised row of x itself.
template <class Real>
Long error_at_size(const Tokens<Real>& x, Long size, int threads = 1) {
    Tokens<Real> scaled = (x.template cast<Long>() * size).template cast<Real>();
    // The reference starts from the rounded entries: tiny ones have few digits left.
    reference::LongMatrix expected = scaled.template cast<Long>() / size;
    reference::normalize_rows(expected);
    Execution execution(threads);
    REQUIRE(noisync::normalize_rows(scaled, execution) == -1);
    return (scaled.template cast<Long>() - expected).cwiseAbs().maxCoeff();
}

// The sum of d squares, its root and the division.
template <class Real>
Long bound(Index d) {
    return (Long(d) / 2 + 4) * reference::kRoundoff<Real>;
}

}  // namespace

TEST_CASE_TEMPLATE("every row becomes a unit vector of the same direction", Real, double, float) {
    for (const Index rows : {1, 2, 1023, 1024, 1025, 3000}) {
        for (const Index d : {1, 2, 3, 7, 64}) {
            CAPTURE(rows);
            CAPTURE(d);
            const Tokens<Real> x = reference::random_matrix(rows, d, 5).cast<Real>();
            CHECK(error_at_size<Real>(x, 1, 2) <= bound<Real>(d));
        }
    }
}

TEST_CASE("huge and tiny rows keep their direction in float64") {
    const Tokens<double> x = reference::random_tokens<double>(200, 6, 8);
    // Near 1e-155 to 1e-162 the squares are subnormal: the plain norm is there, but wrong.
    for (const Long size :
         {1e300L, 1e200L, 1e155L, 1e154L, 1e150L, 1e-140L, 1e-150L, 1e-153L, 1e-155L, 1e-158L,
          1e-160L, 1e-162L, 1e-165L, 1e-200L, 1e-300L, 1e-307L, 1e-310L, 1e-320L}) {
        CAPTURE(double(size));
        CHECK(error_at_size<double>(x, size) <= bound<double>(6));
    }
}

TEST_CASE("huge and tiny rows keep their direction in float32") {
    const Tokens<float> x = reference::random_tokens<float>(200, 6, 8);
    for (const Long size : {1e38L, 1e30L, 1e19L, 1e18L, 1e-18L, 1e-19L, 1e-20L, 1e-21L, 1e-22L,
                            1e-25L, 1e-30L, 1e-38L, 1e-40L, 1e-43L}) {
        CAPTURE(double(size));
        CHECK(error_at_size<float>(x, size) <= bound<float>(6));
    }
}

TEST_CASE("rows of the smallest and of the largest numbers have a direction") {
    const double tiny = std::numeric_limits<double>::denorm_min();
    const double huge = std::numeric_limits<double>::max();
    Tokens<double> x(3, 2);
    x << 3 * tiny, -4 * tiny, 0, -tiny, huge, huge;
    Execution execution;
    CHECK(noisync::normalize_rows(x, execution) == -1);
    CHECK(x(0, 0) == doctest::Approx(0.6).epsilon(1e-15));
    CHECK(x(0, 1) == doctest::Approx(-0.8).epsilon(1e-15));
    CHECK(x(1, 0) == 0.0);
    CHECK(x(1, 1) == -1.0);
    CHECK(x(2, 0) == doctest::Approx(std::sqrt(0.5)).epsilon(1e-15));
    CHECK(x(2, 1) == doctest::Approx(std::sqrt(0.5)).epsilon(1e-15));
}

TEST_CASE_TEMPLATE("the first row without a direction is reported", Real, double, float) {
    const Real infinity = std::numeric_limits<Real>::infinity();
    const Real nan = std::numeric_limits<Real>::quiet_NaN();
    const auto spoiled = [&](const std::vector<Index>& rows, Real entry, Index d) {
        Tokens<Real> x = reference::random_tokens<Real>(3000, d, 9);
        for (const Index row : rows) {
            if (entry == 0) {
                x.row(row).setZero();
            } else {
                x(row, d - 1) = entry;
            }
        }
        return x;
    };
    for (const Real entry : {Real(0), nan, infinity, -infinity}) {
        for (const Index d : {1, 2, 5, 64}) {
            for (const int threads : {1, 4}) {
                CAPTURE(entry);
                CAPTURE(d);
                CAPTURE(threads);
                Execution execution(threads);
                Tokens<Real> one = spoiled({2999}, entry, d);
                CHECK(noisync::normalize_rows(one, execution) == 2999);
                Tokens<Real> first = spoiled({0}, entry, d);
                CHECK(noisync::normalize_rows(first, execution) == 0);
                Tokens<Real> many = spoiled({2500, 1500, 1030, 1029, 2047}, entry, d);
                CHECK(noisync::normalize_rows(many, execution) == 1029);
            }
        }
    }
}

TEST_CASE_TEMPLATE("norms are given, and rows below their least norm have no direction", Real,
                   double, float) {
    for (const Real size : {Real(1), Real(3e-4), std::numeric_limits<Real>::min() * 16}) {
        Tokens<Real> x = reference::random_matrix(1500, 4, 6).cast<Real>() * size;
        const noisync::Vector<Real> lengths = (x / size).rowwise().norm() * size;
        noisync::Vector<Real> least = lengths * Real(0.99);
        noisync::Vector<Real> norms;
        Tokens<Real> plain = x;
        Execution execution(2);
        REQUIRE(noisync::normalize_rows(plain, execution) == -1);
        Tokens<Real> same = x;
        REQUIRE(noisync::normalize_rows(same, least, norms, execution) == -1);
        CHECK(reference::same_bits(same, plain));
        CHECK(((norms - lengths).array().abs() <= lengths.array() * Real(1e-6)).all());
        least(1200) = lengths(1200) * Real(1.01);
        least(1100) = least(1200) > 0 ? lengths(1100) * Real(1.01) : Real(0);
        CHECK(noisync::normalize_rows(x, least, norms, execution) == 1100);
    }
}

TEST_CASE("the result does not depend on the number of threads") {
    const Tokens<double> x = reference::random_matrix(5000, 7, 4);
    Tokens<double> alone = x;
    Execution execution;
    noisync::normalize_rows(alone, execution);
    for (const int threads : {2, 4}) {
        Tokens<double> shared = x;
        Execution team(threads);
        noisync::normalize_rows(shared, team);
        CHECK(reference::same_bits(alone, shared));
    }
}
