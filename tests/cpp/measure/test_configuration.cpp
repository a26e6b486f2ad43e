#include <doctest/doctest.h>

#include <vector>

#include "measure/clusters.hpp"
#include "measure/order.hpp"
#include "reference.hpp"

namespace {

using noisync::Index;
using noisync::Tokens;
using noisync::Vector;
using Labels = std::vector<std::int64_t>;

// Tokens on the circle at these angles.
Tokens<double> circle(const std::vector<double>& angles) {
    Tokens<double> x(Index(angles.size()), 2);
    for (Index i = 0; i < x.rows(); ++i) {
        x.row(i) << std::cos(angles[std::size_t(i)]), std::sin(angles[std::size_t(i)]);
    }
    return x;
}

}  // namespace

TEST_CASE("clusters are chains of short steps, the largest first") {
    const Tokens<double> x = circle({3.0, 0.0, 0.3, 0.15, 3.05, 1.5});
    CHECK(noisync::clusters(x, 0.2) == Labels{1, 0, 0, 0, 1, 2});
    CHECK(noisync::clusters(x, 0.01) == Labels{0, 1, 2, 3, 4, 5});
    CHECK(noisync::clusters(x, 4.0) == Labels{0, 0, 0, 0, 0, 0});
    CHECK(noisync::clusters(circle({1.0}), 0.1) == Labels{0});
    CHECK(noisync::clusters(circle({0.0, 3.141592653589793}), 3.2) == Labels{0, 0});
}

TEST_CASE("order parameters of a point, a pair and a frame, whichever Gram matrix is smaller") {
    noisync::Execution execution;
    for (const Index d : {4, 50}) {
        Tokens<double> frame = Tokens<double>::Identity(4, d);
        const Vector<double> even = Vector<double>::Constant(4, 0.25);
        const auto spread = noisync::order_parameters(frame, even, execution);
        CHECK(spread.mean == doctest::Approx(0.5));
        CHECK(spread.leading == doctest::Approx(0.25));
        CHECK(spread.effective_rank == doctest::Approx(4.0));
        frame.setZero();
        frame.col(0) << 1, -1, 1, -1;
        const auto pair = noisync::order_parameters(frame, even, execution);
        CHECK(pair.mean == doctest::Approx(0.0));
        CHECK(pair.leading == doctest::Approx(1.0));
        CHECK(pair.effective_rank == doctest::Approx(1.0));
    }
}
