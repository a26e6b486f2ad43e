// Attentions that add.
#include <doctest/doctest.h>

#include <stdexcept>
#include <vector>

#include "attention/sum.hpp"
#include "attentions.hpp"

namespace {

using namespace noisync;
using reference::random_tokens;
using reference::same_bits;
using reference::with_beta;
using reference::with_matrices;

// Linear time, but with a tolerance that it cannot keep.
Summation out_of_reach() {
    return {2.0, {1.0, 0.5}, 0.5, 1e-12};
}

template <class Real>
struct Configuration {
    Tokens<Real> x = random_tokens<Real>(70, 3, 401);
    Vector<Real> weights = reference::random_weights<Real>(70, true, 402);

    [[nodiscard]] Tokens<Real> evaluated(const SharedAttentionLaw& law, int threads = 1) const {
        Tokens<Real> out(70, 3);
        Execution execution(threads);
        law->evaluator<Real>({})->evaluate(x, weights, out, execution);
        return out;
    }
    [[nodiscard]] Matrix<Real> slopes(const SharedAttentionLaw& law) const {
        Matrix<Real> out;
        const Matrix<Real> along = reference::random_matrix(2, 3, 403).cast<Real>();
        law->evaluator<Real>({})->differentiate(x, weights, 4, along, out);
        return out;
    }
};

}  // namespace

TEST_CASE_TEMPLATE("a sum is the sum of its parts, with its derivatives", Real, double, float) {
    const Configuration<Real> at;
    const SharedAttentionLaw first = attention_law(with_beta(2));
    const SharedAttentionLaw second = attention_law(with_matrices(2, 3, 6, true));
    const SharedAttentionLaw third = attention_law(with_beta(-1, Normalization::none));
    const SharedAttentionLaw sum = attention_sum({{first, {}}, {second, {}}, {third, {}}});
    const Tokens<Real> expected =
        (at.evaluated(first) + at.evaluated(second)) + at.evaluated(third);
    CHECK(same_bits(at.evaluated(sum), expected));
    CHECK(same_bits(at.evaluated(sum, 2), expected));
    CHECK(same_bits(at.evaluated(sum, 3), expected));
    const Matrix<Real> slopes = (at.slopes(first) + at.slopes(second)) + at.slopes(third);
    CHECK(same_bits(at.slopes(sum), slopes));
    CHECK(same_bits(at.evaluated(attention_sum({{second, {}}})), at.evaluated(second)));
}

TEST_CASE("each part is summed in its own way") {
    const Configuration<double> at;
    const SharedAttentionLaw part = attention_law(with_beta(2));
    const SharedAttentionLaw direct = attention_sum({{part, {}}, {part, {}}});
    const SharedAttentionLaw mixed = attention_sum({{part, {}}, {part, out_of_reach()}});
    CHECK(direct->is_direct(out_of_reach()));
    CHECK_FALSE(mixed->is_direct({}));
    const auto evaluator = mixed->evaluator<double>({});
    Tokens<double> out(70, 3);
    Execution execution;
    evaluator->evaluate(at.x, at.weights, out, execution);
    CHECK(evaluator->fell_back());
    CHECK(same_bits(out, at.evaluated(direct)));
}

TEST_CASE("a sum refuses what its parts refuse, and to be empty") {
    CHECK_THROWS_AS(attention_sum({}), std::invalid_argument);
    const SharedAttentionLaw sum = attention_sum(
        {{attention_law(with_beta(2)), {}}, {attention_law(with_matrices(2, 3, 6, true)), {}}});
    sum->require_dim(3);
    CHECK_THROWS_AS(sum->require_dim(4), std::invalid_argument);
    CHECK_FALSE(sum->zonal());
}
