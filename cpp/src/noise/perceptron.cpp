#include "noise/perceptron.hpp"

#include <algorithm>
#include <cmath>

#include "base/pairs.hpp"
#include "simd/panels.hpp"

namespace noisync {

namespace {

constexpr Index kGeneratedTogether = 16;  // neurons a task of the generator draws

// Neurons whose weights are in memory at once: two arrays of about 256 KiB.
Index neuron_tile(Index dim) {
    constexpr Index kUnit = 96;
    return std::clamp<Index>(32768 / dim / kUnit, 1, 16) * kUnit;
}

// The sum of the normals of all layers of the key.
template <class Real>
void fill_span(const LayerKey& key, Purpose purpose, std::uint64_t first, Index count, Real scale,
               Real* out) {
    if (key.count == 1) {
        fill_normals(key.stream(key.layer, purpose), first, count, scale, out);
    } else {
        std::fill_n(out, count, Real(0));
        add_normals(key, purpose, first, count, scale, out);
    }
}

}  // namespace

template <class Real>
void Perceptron<Real>::add(const Tokens<Real>& y, const LayerKey& key, std::uint32_t input_layer,
                           Real scale, Tokens<Real>& out, Derivatives<Real>* derivatives,
                           Execution& execution) {
    const Index d = y.cols();
    const Index m = parameters_.width;
    const Index tile = std::min(neuron_tile(d), m);
    make_room(simd::up_to<Index>(tile, simd::kWide), d);
    pack(y, execution);
    for (Index first = 0; first < m; first += tile) {
        const Index count = std::min(tile, m - first);
        generate(key, input_layer, first, count, scale, execution);
        consume(count, execution);
        if (derivatives != nullptr) {
            differentiate(y, count, *derivatives, execution);
        }
    }
    out += sums_.topLeftCorner(y.rows(), d);
    add_output_bias(key, scale, out);
}

// Columns beyond d, and biases where there are none, are 0 from then on.
template <class Real>
void Perceptron<Real>::make_room(Index neurons, Index dim) {
    if (input_weights_.rows() == neurons && input_weights_.cols() == dim) {
        return;
    }
    input_weights_.setZero(neurons, dim);
    output_weights_.setZero(neurons, simd::padded<Real>(dim));
    input_bias_.setZero(neurons);
}

// Tokens in panels, filled up with zeros: products of one shape give a token the same bits
// whatever the number of tokens.
template <class Real>
void Perceptron<Real>::pack(const Tokens<Real>& y, Execution& execution) {
    const Blocks panels{y.rows(), simd::kPanel<Real>};
    panels_.resize(panels.count() * y.cols(), simd::kPanel<Real>);
    sums_.resize(panels.count() * simd::kPanel<Real>, simd::padded<Real>(y.cols()));
    tiles_.resize(std::size_t(execution.threads()));
    for (auto& tile : tiles_) {
        tile.resize(simd::kPanel<Real> * simd::kStrip<Real>);
    }
    execution.for_each(panels.count(), [&](Index panel, int) {
        simd::pack_panel(y.middleRows(panels.begin(panel), panels.length(panel)), panel, panels_);
        sums_.middleRows(panels.begin(panel), simd::kPanel<Real>).setZero();
    });
}

// Neurons first .. first + count - 1, with g_i d^{-1/2} folded into U and scale g_o m^{-1/2} into
// W.
template <class Real>
void Perceptron<Real>::generate(const LayerKey& key, std::uint32_t input_layer, Index first,
                                Index count, Real scale, Execution& execution) {
    const Index d = input_weights_.cols();
    const Real input_scale = Real(parameters_.input_scale) / std::sqrt(Real(d));
    const Real output_scale =
        Real(parameters_.output_scale) * scale / std::sqrt(Real(parameters_.width));
    const Blocks blocks{count, kGeneratedTogether};
    execution.for_each(blocks.count(), [&](Index block, int) {
        const Index row = blocks.begin(block);
        const Index rows = blocks.length(block);
        const auto element = std::uint64_t(first + row);
        fill_normals(key.stream(input_layer, streams_.input_weights), element * std::uint64_t(d),
                     rows * d, input_scale, input_weights_.row(row).data());
        const auto fill_output = [&](Real* to) {
            fill_span(key, streams_.output_weights, element * std::uint64_t(d), rows * d,
                      output_scale, to);
        };
        if (output_weights_.cols() == d) {
            fill_output(output_weights_.row(row).data());
        } else {
            Matrix<Real> output(rows, d);
            fill_output(output.data());
            output_weights_.block(row, 0, rows, d) = output;
        }
        if (parameters_.sigma_u != 0) {
            fill_normals(key.stream(input_layer, streams_.input_bias), element, rows,
                         Real(parameters_.sigma_u), input_bias_.data() + row);
        }
    });
}

// sums += phi(y U^T + b_U) W for the generated neurons.
template <class Real>
void Perceptron<Real>::consume(Index count, Execution& execution) {
    const Index d = input_weights_.cols();
    // Filled up with neurons that give nothing to anyone.
    const auto filled = simd::up_to<Index>(count, simd::kWide);
    input_weights_.middleRows(count, filled - count).setZero();
    output_weights_.middleRows(count, filled - count).setZero();
    execution.for_each(sums_.rows() / simd::kPanel<Real>, [&](Index panel, int worker) {
        Real* tile = tiles_[std::size_t(worker)].data();
        for (Index first = 0; first < filled; first += simd::kStrip<Real>) {
            const Index neurons = std::min(simd::kStrip<Real>, filled - first);
            simd::fill_tile<Real>(d, panels_.row(panel * d).data(),
                                  input_weights_.row(first).data(), d, neurons,
                                  input_bias_.data() + first, tile);
            apply(parameters_.activation, tile, neurons * simd::kPanel<Real>);
            simd::add_values<Real>(neurons, simd::kPanel<Real>, output_weights_.row(first).data(),
                                   {tile, simd::kPanel<Real>, 1},
                                   sums_.row(panel * simd::kPanel<Real>).data(), sums_.cols());
        }
    });
}

template <class Real>
void Perceptron<Real>::add_output_bias(const LayerKey& key, Real scale, Tokens<Real>& out) {
    if (parameters_.sigma_w == 0) {
        return;
    }
    Vector<Real> bias(out.cols());
    fill_span(key, streams_.output_bias, 0, bias.size(), Real(parameters_.sigma_w) * scale,
              bias.data());
    out.rowwise() += bias.transpose();
}

// D[W phi(U y + b_U)] v = W (phi'(U y + b_U) * U v) for the generated neurons.
template <class Real>
void Perceptron<Real>::differentiate(const Tokens<Real>& y, Index count,
                                     Derivatives<Real>& derivatives, Execution& execution) const {
    const auto input = input_weights_.topRows(count);
    execution.for_each(derivatives.count, [&](Index i, int) {
        Vector<Real> gain = input * y.row(derivatives.first + i).transpose();
        if (parameters_.sigma_u != 0) {
            gain += input_bias_.head(count);
        }
        apply_derivative(parameters_.activation, gain.data(), gain.size());
        const Matrix<Real> hidden =
            (derivatives.along_at(i) * input.transpose()) * gain.asDiagonal();
        derivatives.out_at(i).noalias() += hidden * output_weights_.topLeftCorner(count, y.cols());
    });
}

template class Perceptron<float>;
template class Perceptron<double>;

}  // namespace noisync
