// Every way of summing over the tokens gives the same sums, whatever its shift.
#include <doctest/doctest.h>

#include <cmath>

#include "attention/direct_sums.hpp"
#include "attention/running_maxima.hpp"
#include "configurations.hpp"

namespace {

using namespace noisync;
using reference::kRoundoff;
using reference::Long;
using reference::LongMatrix;

// sum_j w_j e^{<q_i, k_j> - shift_i} (x_j, 1) to 30 roundings of its largest entry.
template <class Real>
void check(const PairSums<Real>& sums, const Tokens<Real>& queries, const Tokens<Real>& keys,
           const Tokens<Real>& x, const Vector<Real>& weights) {
    const LongMatrix logits =
        queries.template cast<Long>() * keys.template cast<Long>().transpose();
    REQUIRE(sums.shift.size() == x.rows());
    REQUIRE(sums.denominators.size() >= x.rows());
    REQUIRE(sums.numerators.rows() >= x.rows());
    REQUIRE(sums.numerators.cols() >= x.cols());
    for (Index i = 0; i < x.rows(); ++i) {
        LongMatrix numerator = LongMatrix::Zero(1, x.cols());
        Long denominator = 0;
        for (Index j = 0; j < x.rows(); ++j) {
            const Long weight = weights(j) * std::exp(logits(i, j) - Long(sums.shift(i)));
            numerator += weight * x.row(j).template cast<Long>();
            denominator += weight;
        }
        const Long unit = 30 * kRoundoff<Real> * (1 + std::abs(logits.row(i).maxCoeff()));
        CHECK(std::abs(sums.denominators(i) - denominator) <= unit * denominator);
        for (Index k = 0; k < x.cols(); ++k) {
            CHECK(std::abs(sums.numerators(i, k) - numerator(0, k)) <= unit * denominator);
        }
    }
}

}  // namespace

TEST_CASE_TEMPLATE("sums over pairs by every way", Real, double, float) {
    for (const Index d : {2, 5, 8, 9, 40}) {
        for (const Index rows : {1, 2, 63, 150}) {
            for (const Real beta : {Real(0), Real(1.5), Real(-3)}) {
                CAPTURE(d);
                CAPTURE(rows);
                CAPTURE(beta);
                const Tokens<Real> x = reference::random_tokens<Real>(rows, d, 301);
                const Vector<Real> weights = reference::random_weights<Real>(rows, rows > 3, 302);
                const Tokens<Real> queries = beta * x;
                Execution execution;
                DirectSums<Real> direct;
                PairSums<Real> sums;  // used again and again, of whatever shape it is
                direct.symmetric(x, weights, beta, sums, execution);
                check(sums, queries, x, x, weights);
                direct.general(queries, x, x, weights, sums, execution);
                check(sums, queries, x, x, weights);
                const Vector<Real> log_weights = weights.array().log();
                sum_by_maxima(queries, x, x, log_weights, {}, sums, execution);
                check(sums, queries, x, x, weights);
                PanelSums<Real>().symmetric(x, x, weights, beta, sums, execution);
                check(sums, queries, x, x, weights);
            }
        }
    }
}
