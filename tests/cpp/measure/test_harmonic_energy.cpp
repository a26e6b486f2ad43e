// The energy in linear time where tokens lie close together: moments of their differences.
#include <doctest/doctest.h>

#include <cmath>
#include <vector>

#include "harmonics/sums.hpp"
#include "measure/harmonic_energy.hpp"
#include "ranks.hpp"
#include "reference.hpp"

namespace {

using namespace noisync;
using reference::Long;

constexpr Index kTokens = 2100;  // several stretches
constexpr Index kDim = 3;

// Around one place; `radius` times the distances of uniform tokens.
Tokens<double> cluster(double radius) {
    Tokens<double> x = reference::random_tokens<double>(kTokens, kDim, 171) * radius;
    x.rowwise() += Eigen::RowVector3d(0.6, 0, 0.8);
    x.rowwise().normalize();
    return x;
}

std::vector<double> energies(const Tokens<double>& x, const Vector<double>& weights,
                             const std::vector<double>& betas, int threads) {
    Execution execution(threads);
    const HarmonicTransform transform(4, kDim);
    REQUIRE(transform.stretches(x.rows()).count() > 4);
    const std::vector<std::vector<double>> series(betas.size(), {1, 2, 3, 4, 5});
    return interaction_energy(transform, series, betas, x, weights, execution);
}

// sum_n f_n s_n of the series above: what is returned where moments do not serve.
double by_harmonics(const Tokens<double>& x, const Vector<double>& weights) {
    Execution execution;
    const HarmonicTransform transform(4, kDim);
    const auto centre = middle(x, weights, transform.stretches(x.rows()), execution);
    const auto spread = harmonic_spread(transform, x, weights, centre, execution);
    double sum = 0;
    for (std::size_t n = 0; n < spread.size(); ++n) {
        sum += double(n + 1) * spread[n];
    }
    return sum;
}

}  // namespace

TEST_CASE("the moments of a tight cluster, over several stretches, give its energies") {
    const std::vector<double> betas{0.5, 4};
    const Vector<double> weights = reference::random_weights<double>(kTokens, true, 172);
    for (const double radius : {1e-4, 1e-9}) {
        CAPTURE(radius);
        const Tokens<double> x = cluster(radius);
        const std::vector<double> found = energies(x, weights, betas, 1);
        for (std::size_t b = 0; b < betas.size(); ++b) {
            const Long exact =
                reference::energy(x.cast<Long>(), weights.cast<Long>(), Long(betas[b]));
            CHECK(std::abs(found[b] - exact) < 1e-12L * exact);
        }
        for (const int threads : {2, 3, 5}) {
            CHECK(energies(x, weights, betas, threads) == found);
        }
    }
}

TEST_CASE("a token far away ends the moments, wherever it stands, unless it has no weight") {
    const std::vector<double> betas{0.5};
    const Tokens<double> x = cluster(1e-5);
    const Vector<double> equal = Vector<double>::Constant(kTokens, 1.0 / kTokens);
    const double near = energies(x, equal, betas, 1)[0];
    for (const Index place : {Index(0), Index(5), Index(300), kTokens - 1}) {
        CAPTURE(place);
        Tokens<double> with_far = x;
        with_far.row(place) << 0, 1, 0;
        const std::vector<double> found = energies(with_far, equal, betas, 1);
        CHECK(found[0] == by_harmonics(with_far, equal));
        CHECK(energies(with_far, equal, betas, 3) == found);
        Vector<double> weights = equal;
        weights(place) = 0;
        CHECK(energies(with_far, weights, betas, 1) == energies(x, weights, betas, 1));
        CHECK(energies(with_far, weights, betas, 1)[0] == doctest::Approx(near).epsilon(0.01));
    }
}

TEST_CASE("the energy of tokens that ranks share has the bits of one process") {
    const Vector<double> weights = Vector<double>::Constant(kTokens, 1.0 / double(kTokens));
    const HarmonicTransform transform(4, kDim);
    const std::vector<std::vector<double>> series{{0, 0.5, 0.2, 0.1, 0.01}};
    for (const double radius : {1.0, 1e-6}) {  // harmonics, and moments of gaps
        const Tokens<double> x = cluster(radius);
        Execution one(1);
        const auto alone = interaction_energy(transform, series, {1.0}, x, weights, one);
        const auto shared = [&](int, const Ranks& ranks) {
            Execution execution(1, nullptr, &ranks);
            const Tokens<double> own = x.middleRows(ranks.first(), ranks.count());
            const Vector<double> mass = weights.segment(ranks.first(), ranks.count());
            CHECK(interaction_energy(transform, series, {1.0}, own, mass, execution) == alone);
        };
        reference::on_ranks(3, kTokens, transform.stretches(kTokens).length(0), shared);
    }
}
