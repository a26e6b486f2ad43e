#include "measure/order.hpp"

#include <Eigen/Eigenvalues>
#include <cmath>

#include "base/stretches.hpp"

namespace noisync {

OrderParameters order_parameters(const Tokens<double>& x, const Vector<double>& weights,
                                 Execution& execution) {
    const Index d = x.cols();
    const Index rows = execution.rows_of_all(x.rows());
    // Of stretches of tokens: sum_i w_i x_i x_i^T, sum_i w_i x_i.
    const auto part = [&](Index first, Index count, int, Vector<double>& sum) {
        sum.resize(d * d + d);
        const auto own = x.middleRows(first, count);
        const auto mass = weights.segment(first, count);
        Eigen::Map<Matrix<double>>(sum.data(), d, d).noalias() =
            own.transpose() * mass.asDiagonal() * own;
        sum.tail(d).noalias() = own.transpose() * mass;
    };
    // Of the two Gram matrices with the same positive eigenvalues, the smaller.
    Eigen::MatrixXd gram;
    double mean = 0;
    if (rows < d) {
        const Tokens<double> scaled = weights.array().sqrt().matrix().asDiagonal() * x;
        gram = scaled * scaled.transpose();
        mean = (weights.transpose() * x).norm();
    } else {
        const auto sums =
            sum_of_stretches<Vector<double>>(stretches(rows), execution, execution.ranks(), part);
        gram = sums.head(d * d).reshaped(d, d);
        mean = sums.tail(d).norm();
    }
    const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> solver(gram, Eigen::EigenvaluesOnly);
    const Eigen::ArrayXd values = solver.eigenvalues().array().max(0.0);
    const double sum = values.sum();
    double entropy = 0;
    for (const double value : values) {
        entropy -= value > 0 ? value / sum * std::log(value / sum) : 0.0;
    }
    return {mean, values.maxCoeff(), std::exp(entropy)};
}

SharedMeasure order_measure() {
    return made_of(
        3, {},
        [](const Snapshot& snapshot, double* out, Execution& execution) {
            const OrderParameters order =
                order_parameters(snapshot.tokens, snapshot.weights, execution);
            out[0] = order.mean;
            out[1] = order.leading;
            out[2] = order.effective_rank;
        },
        [](Index rows) { return stretches(rows).length(0); });
}

}  // namespace noisync
