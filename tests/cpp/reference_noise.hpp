// The noise fields by plain sums over neurons, in long double.
#pragma once

#include "noise/features.hpp"
#include "noise/mlp.hpp"
#include "reference.hpp"

namespace reference {

// The normals of all layers of the key, added up.
inline LongMatrix normals(const noisync::LayerKey& key, noisync::Purpose purpose, Index rows,
                          Index columns) {
    LongMatrix sum = LongMatrix::Zero(rows, columns);
    noisync::Matrix<double> drawn(rows, columns);
    for (std::uint32_t k = 0; k < key.count; ++k) {
        noisync::fill_normals<double>(key.stream(key.layer + k, purpose), 0, drawn.size(), 1.0,
                                      drawn.data());
        sum += drawn.cast<Long>();
    }
    return sum;
}

struct Neurons {
    noisync::PerceptronParameters parameters;
    LongMatrix u;            // (m, d)
    LongMatrix w;            // (m, d)
    LongMatrix input_bias;   // (m, 1)
    LongMatrix output_bias;  // (1, d)
};

// The MLP of one layer.
inline Neurons neurons(const noisync::Mlp& config, const noisync::LayerKey& key, Index d) {
    using noisync::Purpose;
    const Index m = config.width;
    return {config, normals(key, Purpose::mlp_input_weights, m, d),
            normals(key, Purpose::mlp_output_weights, m, d),
            normals(key, Purpose::mlp_input_bias, m, 1) * Long(config.sigma_u),
            normals(key, Purpose::mlp_output_bias, 1, d) * Long(config.sigma_w)};
}

// Hidden neurons of layer 0, output weights of the layers of the key.
inline Neurons neurons(const noisync::Features& config, const noisync::LayerKey& key, Index d) {
    using noisync::Purpose;
    const noisync::LayerKey frozen{key.seed, key.replicate, 0, 1, key.part};
    const Index m = config.width;
    return {config, normals(frozen, Purpose::feature_input_weights, m, d),
            normals(key, Purpose::feature_output_weights, m, d),
            normals(frozen, Purpose::feature_input_bias, m, 1) * Long(config.sigma_u),
            normals(key, Purpose::feature_output_bias, 1, d) * Long(config.sigma_w)};
}

struct Field {
    LongMatrix value;      // G(y_i)
    LongMatrix magnitude;  // the same sums over absolute values
};

inline Field field(const LongMatrix& y, const Neurons& net) {
    const Index d = y.cols();
    const Index m = net.u.rows();
    Field field{net.output_bias.replicate(y.rows(), 1),
                net.output_bias.cwiseAbs().replicate(y.rows(), 1)};
    const Long input_scale = Long(net.parameters.input_scale) / std::sqrt(Long(d));
    const Long output_scale = Long(net.parameters.output_scale) / std::sqrt(Long(m));
    const LongMatrix input = input_scale * products(y, net.u);
    const LongMatrix input_sizes = input_scale * products(y.cwiseAbs(), net.u.cwiseAbs());
    for (Index i = 0; i < y.rows(); ++i) {
        for (Index k = 0; k < m; ++k) {
            const Long hidden =
                activation(net.parameters.activation, input(i, k) + net.input_bias(k, 0));
            const Long input_size = input_sizes(i, k) + std::abs(net.input_bias(k, 0));
            field.value.row(i) += output_scale * hidden * net.w.row(k);
            field.magnitude.row(i) +=
                output_scale * (std::abs(hidden) + input_size) * net.w.row(k).cwiseAbs();
        }
    }
    return field;
}

inline Field mlp(const LongMatrix& y, const noisync::Mlp& config, const noisync::LayerKey& key) {
    return field(y, neurons(config, key, y.cols()));
}

// DG(y) v for the rows v of `along`, y a row.
inline LongMatrix derivative(const LongMatrix& y, const LongMatrix& along, const Neurons& net) {
    const Long input_scale = Long(net.parameters.input_scale) / std::sqrt(Long(y.cols()));
    const Long output_scale = Long(net.parameters.output_scale) / std::sqrt(Long(net.u.rows()));
    const LongMatrix input = input_scale * products(y, net.u);
    const LongMatrix turned = input_scale * products(along, net.u);
    LongMatrix sum = LongMatrix::Zero(along.rows(), along.cols());
    for (Index v = 0; v < along.rows(); ++v) {
        for (Index k = 0; k < net.u.rows(); ++k) {
            const Long gain = activation_derivative(net.parameters.activation,
                                                    input(0, k) + net.input_bias(k, 0));
            sum.row(v) += output_scale * gain * turned(v, k) * net.w.row(k);
        }
    }
    return sum;
}

}  // namespace reference
