// Analysis and synthesis against sums over the table of harmonics.
#include <doctest/doctest.h>

#include <cmath>
#include <vector>

#include "configurations.hpp"
#include "harmonics/transform.hpp"

namespace {

using namespace noisync;
using reference::largest;
using reference::random_matrix;
using reference::random_tokens;
using reference::same_bits;

struct Space {
    Index dim;
    std::vector<Index> degrees;
};

const std::vector<Space> kSpaces = {{2, {0, 1, 2, 9, 40}}, {3, {0, 1, 2, 3, 4, 11, 24}},
                                    {4, {0, 1, 5, 12}},    {5, {0, 1, 3, 7}},
                                    {6, {0, 2, 5}},        {9, {1, 3}}};

// Around one vector, one block and the stretches of the sum.
const std::vector<Index> kCounts = {1, 2, 7, 8, 9, 79, 80, 81, 271, 273, 2600};

// One row a point, one column a harmonic.
Matrix<double> table(const HarmonicBasis& basis, const Tokens<double>& x) {
    return basis.evaluate(HarmonicTable<double>(x.transpose().array())).matrix().transpose();
}

// The root mean square of the harmonics' largest values is the root of their number.
double size_of(const HarmonicBasis& basis) {
    return std::sqrt(double(basis.size()));
}

// Calls visit(transform, count, columns) for all spaces, degrees and counts, the number of columns
// going through 1..9.
template <class Visit>
void for_cases(Visit&& visit) {
    for (const auto& [d, degrees] : kSpaces) {
        for (const Index degree : degrees) {
            const HarmonicTransform transform(degree, d);
            Index columns = 1;
            for (const Index count : kCounts) {
                CAPTURE(d);
                CAPTURE(degree);
                CAPTURE(count);
                CAPTURE(columns);
                visit(transform, count, columns);
                columns = columns % 9 + 1;
            }
        }
    }
}

}  // namespace

TEST_CASE("analysis is the sum over points of harmonics times values") {
    for_cases([](const HarmonicTransform& transform, Index n, Index columns) {
        const HarmonicBasis& basis = transform.basis();
        const auto x = random_tokens<double>(n, basis.dim(), 11);
        const auto weights = reference::random_weights<double>(n, true, 12);
        // The weights alone are the last column.
        const Matrix<double> values = random_matrix(n, columns - 1, 13);
        Matrix<double> weighted(n, columns);
        weighted << values, Vector<double>::Ones(n);
        weighted = weights.asDiagonal() * weighted;
        const Matrix<double> expected = table(basis, x).transpose() * weighted;
        Execution execution;
        const auto got = transform.analyse(x, weights, values, execution);
        REQUIRE(got.rows() == expected.rows());
        REQUIRE(got.cols() == expected.cols());
        const double scale = size_of(basis) * weighted.cwiseAbs().colwise().sum().maxCoeff();
        CHECK(largest(got - expected) <= 1e-14 * scale);
    });
}

TEST_CASE("synthesis is the sum over harmonics of coefficients") {
    for_cases([](const HarmonicTransform& transform, Index n, Index columns) {
        const HarmonicBasis& basis = transform.basis();
        const auto x = random_tokens<double>(n, basis.dim(), 21);
        const Matrix<double> coefficients = random_matrix(basis.size(), columns, 22);
        const Matrix<double> expected = table(basis, x) * coefficients;
        Execution execution;
        const auto got = transform.synthesise(x, coefficients, execution);
        REQUIRE(got.rows() == n);
        REQUIRE(got.cols() == columns);
        CHECK(largest(got - expected) <= 1e-14 * size_of(basis) * coefficients.norm());
    });
}

TEST_CASE("the transform gives the same bits on any number of threads") {
    for (const auto& [d, degree] : {std::pair<Index, Index>{2, 30}, {3, 20}, {4, 9}, {6, 4}}) {
        CAPTURE(d);
        constexpr Index kPoints = 3001;
        const HarmonicTransform transform(degree, d);
        const auto x = random_tokens<double>(kPoints, d, 31);
        const auto weights = reference::random_weights<double>(kPoints, false, 32);
        const Matrix<double> values = random_matrix(kPoints, d, 33);
        Execution one(1);
        const auto moments = transform.analyse(x, weights, values, one);
        const auto sums = transform.synthesise(x, moments, one);
        for (const int threads : {2, 3, 7}) {
            Execution several(threads);
            CHECK(same_bits(transform.analyse(x, weights, values, several), moments));
            CHECK(same_bits(transform.synthesise(x, moments, several), sums));
        }
    }
}

TEST_CASE("what synthesis gives a point does not depend on the others") {
    for (const auto& [d, degree] : {std::pair<Index, Index>{2, 30}, {3, 20}, {4, 9}, {6, 4}}) {
        CAPTURE(d);
        constexpr Index kPoints = 600;
        const HarmonicTransform transform(degree, d);
        const auto x = random_tokens<double>(kPoints, d, 41);
        const Matrix<double> coefficients = random_matrix(transform.basis().size(), d, 42);
        Execution execution;
        const auto all = transform.synthesise(x, coefficients, execution);
        for (const Index first : {1, 8, 77, 599}) {
            CAPTURE(first);
            const Tokens<double> some = x.bottomRows(kPoints - first);
            const auto got = transform.synthesise(some, coefficients, execution);
            CHECK(same_bits(got, Matrix<double>(all.bottomRows(kPoints - first))));
        }
    }
}
