#include "measure/order.hpp"

#include <Eigen/Eigenvalues>
#include <cmath>

namespace noisync {

OrderParameters order_parameters(const Tokens<double>& x, const Vector<double>& weights) {
    // Of the two Gram matrices with the same positive eigenvalues, the smaller.
    const Tokens<double> rows = weights.array().sqrt().matrix().asDiagonal() * x;
    const Eigen::MatrixXd gram = x.rows() < x.cols() ? Eigen::MatrixXd(rows * rows.transpose())
                                                     : Eigen::MatrixXd(rows.transpose() * rows);
    const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> solver(gram, Eigen::EigenvaluesOnly);
    const Eigen::ArrayXd values = solver.eigenvalues().array().max(0.0);
    const double sum = values.sum();
    double entropy = 0;
    for (const double value : values) {
        entropy -= value > 0 ? value / sum * std::log(value / sum) : 0.0;
    }
    return {(weights.transpose() * x).norm(), values.maxCoeff(), std::exp(entropy)};
}

SharedMeasure order_measure() {
    return made_of(3, {}, [](const Snapshot& snapshot, double* out, Execution&) {
        const OrderParameters order = order_parameters(snapshot.tokens, snapshot.weights);
        out[0] = order.mean;
        out[1] = order.leading;
        out[2] = order.effective_rank;
    });
}

}  // namespace noisync
