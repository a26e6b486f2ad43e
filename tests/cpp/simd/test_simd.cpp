// The private kernels: exponentials lane by lane, and products held in registers.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <vector>

#include "configurations.hpp"
#include "simd/exp.hpp"
#include "simd/panels.hpp"

namespace {

using noisync::Index;
using noisync::Matrix;
using noisync::Vector;
using reference::Long;
using reference::LongMatrix;
using namespace noisync::simd;

template <class Real>
constexpr Real kLimit = sizeof(Real) == 8 ? Real(700) : Real(80);

// A grid of [-limit, limit]; both sides of the multiples of log(2)/2 and of 1/32, where reductions
// turn over; small numbers of every size; whole vectors of them.
template <class Real>
std::vector<Real> arguments() {
    std::vector<Real> x{0, std::numeric_limits<Real>::min(),
                        std::numeric_limits<Real>::denorm_min()};
    constexpr int kGrid = 150001;
    for (int i = 0; i < kGrid; ++i) {
        x.push_back(Real(kLimit<Real> * (2 * Long(i) / (kGrid - 1) - 1)));
        x.push_back(Real(2 * Long(i) / (kGrid - 1) - 1));
    }
    const auto around = [&](Real middle) {
        Real below = middle;
        Real above = middle;
        for (int step = 0; step < 8; ++step) {
            x.insert(x.end(), {below, above});
            below = std::nextafter(below, -kLimit<Real>);
            above = std::nextafter(above, kLimit<Real>);
        }
    };
    for (int k = -2200; k <= 2200; ++k) {
        const Long turn = k * std::numbers::ln2_v<Long> / 2;
        if (std::abs(turn) < kLimit<Real>) {
            around(Real(turn));
        }
        around(Real(k) / 32);
    }
    for (Real tiny = 1; tiny > std::numeric_limits<Real>::min(); tiny *= Real(0.97)) {
        x.insert(x.end(), {tiny, -tiny});
    }
    x.resize(std::size_t(padded<Real>(Index(x.size()))), Real(0));
    return x;
}

template <class Real, class Function>
std::vector<Real> values(const std::vector<Real>& x, Function&& function) {
    std::vector<Real> y(x.size());
    for (std::size_t i = 0; i < x.size(); i += kLanes<Real>) {
        store(y.data() + i, Vec<Real>(function(load(x.data() + i))));
    }
    return y;
}

// The largest relative error in units of the largest one of a rounding.
template <class Real, class Exact>
Long worst(const std::vector<Real>& x, const std::vector<Real>& y, Exact&& exact) {
    Long largest = 0;
    for (std::size_t i = 0; i < x.size(); ++i) {
        const Long expected = exact(Long(x[i]));
        const Long scale = std::max(std::abs(expected), Long(std::numeric_limits<Real>::min()));
        const Long off = std::abs(Long(y[i]) - expected) / scale / reference::kRoundoff<Real>;
        largest = off <= largest ? largest : std::isnan(off) ? HUGE_VALL : off;
    }
    return largest;
}

template <class Real>
Matrix<Real> random(Index rows, Index columns, unsigned seed) {
    return reference::random_matrix(rows, columns, seed).template cast<Real>();
}

// |result - expected| <= roundings of a sum of `terms` products with the given sum of sizes.
template <class Real>
void check_close(const Matrix<Real>& result, const LongMatrix& expected, const LongMatrix& sizes,
                 Index terms) {
    REQUIRE(result.rows() == expected.rows());
    REQUIRE(result.cols() == expected.cols());
    const LongMatrix off = (result.template cast<Long>() - expected).cwiseAbs();
    const Long unit = reference::kRoundoff<Real> * (2 + Long(terms));
    CHECK((off.array() <= unit * sizes.array()).all());
}

template <class Real, int Height, int Width>
void check_product(Index depth, Index columns, Index a_step, bool by_rows) {
    const Index tall = Height * kLanes<Real>;
    const Index out_step = tall + 3;
    const Matrix<Real> a = random<Real>(depth, a_step, 1);
    const Matrix<Real> b =
        by_rows ? random<Real>(depth, columns + 2, 2) : random<Real>(columns, depth + 2, 2);
    const Matrix<Real> start = random<Real>(columns, out_step, 3);
    Matrix<Real> out = start;
    const Columns<Real> read =
        by_rows ? Columns<Real>{b.data(), columns + 2, 1} : Columns<Real>{b.data(), 1, depth + 2};
    add_product<Real, Height, Width>(depth, columns, a.data(), a_step, read, out.data(), out_step);
    LongMatrix expected = start.template cast<Long>();
    LongMatrix sizes = expected.cwiseAbs();
    for (Index column = 0; column < columns; ++column) {
        for (Index k = 0; k < depth; ++k) {
            const Long factor = by_rows ? b(k, column) : b(column, k);
            for (Index i = 0; i < tall; ++i) {
                expected(column, i) += factor * a(k, i);
                sizes(column, i) += std::abs(factor * a(k, i));
            }
        }
    }
    CAPTURE(Height);
    CAPTURE(Width);
    CAPTURE(depth);
    CAPTURE(columns);
    CAPTURE(by_rows);
    check_close<Real>(out, expected, sizes, depth);
    CHECK(out.rightCols(3) == start.rightCols(3));
}

template <class Real, int Height>
void check_products() {
    for (const Index depth : {1, 2, 7, 24, 97}) {
        for (const bool by_rows : {false, true}) {
            check_product<Real, Height, 1>(depth, 5, Height * kLanes<Real>, by_rows);
            check_product<Real, Height, kWide>(depth, 3 * kWide, Height * kLanes<Real> + 5,
                                               by_rows);
            constexpr int kColumns = kAtOnce<Real, Height>;
            check_product<Real, Height, kColumns>(depth, 2 * kColumns, Height * kLanes<Real> + 1,
                                                  by_rows);
            check_product<Real, Height, kColumns>(depth, 0, Height * kLanes<Real>, by_rows);
        }
    }
}

}  // namespace

TEST_CASE_TEMPLATE("e^x to about a unit in the last place", Real, double, float) {
    const std::vector<Real> x = arguments<Real>();
    const std::vector<Real> y = values(x, [](Vec<Real> v) { return exp<Real>(v); });
    const Long off = worst(x, y, [](Long v) { return std::exp(v); });
    CHECK(off <= 1.5L);
    CHECK(y[0] == 1);
}

TEST_CASE_TEMPLATE("2^x to about a unit in the last place", Real, double, float) {
    const std::vector<Real> x = arguments<Real>();
    const auto exp2_of = [](const std::vector<Real>& at) {
        return values(at, [](Vec<Real> v) { return exp2<Real>(v); });
    };
    const std::vector<Real> y = exp2_of(x);
    const Long off = worst(x, y, [](Long v) { return std::exp2(v); });
    // A rounding of the table, one of the sum and a small part of those of f p(f); without a table
    // one of the sum and log(2)/2 of three.
    CHECK(off <= 2.2L);
    for (std::size_t i = 0; i < x.size(); ++i) {
        if (x[i] == std::round(x[i])) {
            CHECK(y[i] == std::exp2(x[i]));
        }
    }
    CHECK(std::isnan(exp2_of(
        std::vector<Real>(std::size_t(kLanes<Real>), std::numeric_limits<Real>::quiet_NaN()))[0]));
}

TEST_CASE_TEMPLATE("e^x - 1 with small relative error", Real, double, float) {
    std::vector<Real> x = arguments<Real>();
    const auto expm1_of = [](const std::vector<Real>& at) {
        return values(at, [](Vec<Real> v) { return expm1<Real>(v); });
    };
    const std::vector<Real> y = expm1_of(x);
    const Long off = worst(x, y, [](Long v) { return std::expm1(v); });
    CHECK(off <= 2.5L);
    CHECK(y[0] == 0);
    CHECK(y[1] == x[1]);
    CHECK(y[2] == x[2]);
    x.assign(std::size_t(kLanes<Real>), Real(-50));
    x[0] = -std::numeric_limits<Real>::infinity();
    x[1] = std::numeric_limits<Real>::lowest();
    x[2] = -2 * kLimit<Real>;
    for (const Real value : expm1_of(x)) {
        CHECK(value == -1);
    }
    x.assign(x.size(), std::numeric_limits<Real>::quiet_NaN());
    CHECK(std::isnan(expm1_of(x)[0]));
    CHECK(std::isnan(values(x, [](Vec<Real> v) { return exp<Real>(v); })[0]));
}

TEST_CASE_TEMPLATE("vectors: the sum of lanes, broadcast and padding", Real, double, float) {
    Real lanes[kLanes<Real> + 1];
    Real total = 0;
    for (Index i = 0; i <= kLanes<Real>; ++i) {
        lanes[i] = Real(3 * i * i + 1);  // whole numbers: every order of addition is exact
        total += i == 0 ? 0 : lanes[i];
    }
    CHECK(sum<Real>(load(lanes + 1)) == total);  // memory need not be aligned
    CHECK(sum<Real>(broadcast(Real(0.25))) == Real(0.25) * kLanes<Real>);
    for (const Index count : {Index(0), Index(1), kLanes<Real>, kLanes<Real> + 1}) {
        CHECK(padded<Real>(count) % kLanes<Real> == 0);
        CHECK(padded<Real>(count) >= count);
        CHECK(padded<Real>(count) < count + kLanes<Real>);
    }
}

TEST_CASE_TEMPLATE("the sums of as many vectors as a vector has lanes", Real, double, float) {
    constexpr Index kCount = kLanes<Real>;
    std::vector<Real> vectors;
    for (Index i = 0; i < kCount * kCount; ++i) {
        vectors.push_back(Real(i * i % 1009));  // whole numbers: any order gives the same sum
    }
    Real found[kCount];
    store(found, sums<Real>(vectors.data()));
    for (Index i = 0; i < kCount; ++i) {
        Real expected = 0;
        for (Index lane = 0; lane < kCount; ++lane) {
            expected += vectors[std::size_t(i * kCount + lane)];
        }
        CHECK(found[i] == expected);
    }
}

TEST_CASE_TEMPLATE("products of every height and width", Real, double, float) {
    check_products<Real, 1>();
    check_products<Real, 2>();
    check_products<Real, 3>();
    check_products<Real, 4>();
}

TEST_CASE_TEMPLATE("a tile holds the inner products of a panel with its partners", Real, double,
                   float) {
    for (const Index depth : {1, 2, 3, 8, 17, 64, 130}) {
        for (const Index rows : {Index(1), kPanel<Real> - 1, kPanel<Real>}) {
            for (const bool shifted : {false, true}) {
                CAPTURE(depth);
                CAPTURE(rows);
                CAPTURE(shifted);
                const Index columns = 5 * kWide;
                const Index stride = depth + 3;
                const Matrix<Real> tokens = random<Real>(rows, depth, 4);
                const Matrix<Real> partners = random<Real>(columns, stride, 5);
                const Matrix<Real> start = random<Real>(1, columns, 6);
                Matrix<Real> panels = Matrix<Real>::Constant(3 * depth, kPanel<Real>, Real(99));
                pack_panel(tokens, 1, panels);
                CHECK((panels.topRows(depth).array() == Real(99)).all());
                CHECK((panels.bottomRows(depth).array() == Real(99)).all());
                Matrix<Real> tile(columns, kPanel<Real>);
                fill_tile<Real>(depth, panels.row(depth).data(), partners.data(), stride, columns,
                                shifted ? start.data() : nullptr, tile.data());
                LongMatrix expected = LongMatrix::Zero(columns, kPanel<Real>);
                if (shifted) {
                    expected = start.transpose().template cast<Long>().replicate(1, kPanel<Real>);
                }
                LongMatrix sizes = expected.cwiseAbs();
                for (Index column = 0; column < columns; ++column) {
                    for (Index i = 0; i < rows; ++i) {
                        for (Index k = 0; k < depth; ++k) {
                            const Long term = Long(partners(column, k)) * tokens(i, k);
                            expected(column, i) += term;
                            sizes(column, i) += std::abs(term);
                        }
                    }
                }
                check_close<Real>(tile, expected, sizes, depth);
            }
        }
    }
}

TEST_CASE_TEMPLATE("sums of values over a tile, for both of its sides", Real, double, float) {
    for (Index vectors = 1; vectors <= 11; ++vectors) {
        for (const bool transposed : {false, true}) {
            CAPTURE(vectors);
            CAPTURE(transposed);
            const Index stride = vectors * kLanes<Real>;
            const Index strip = 5 * kPanel<Real>;
            const Matrix<Real> tile = random<Real>(strip, kPanel<Real>, 7);
            // One side sums over the strip for the panel, the other over the panel for the strip.
            const Index depth = transposed ? kPanel<Real> : strip;
            const Index columns = transposed ? strip : kPanel<Real>;
            const Matrix<Real> weights =
                transposed ? tile : Matrix<Real>(tile.transpose());  // (columns, depth)
            const Matrix<Real> rows = random<Real>(depth, stride, 8);
            const Matrix<Real> start = random<Real>(columns, stride, 9);
            Matrix<Real> out = start;
            const Columns<Real> exponentials = transposed
                                                   ? Columns<Real>{tile.data(), 1, kPanel<Real>}
                                                   : Columns<Real>{tile.data(), kPanel<Real>, 1};
            add_values<Real>(depth, columns, rows.data(), exponentials, out.data(), stride);
            const LongMatrix w = weights.template cast<Long>();
            const LongMatrix v = rows.template cast<Long>();
            const LongMatrix s = start.template cast<Long>();
            check_close<Real>(out, s + w * v, s.cwiseAbs() + w.cwiseAbs() * v.cwiseAbs(), depth);
        }
    }
}
