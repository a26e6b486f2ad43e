// The random MLP as a noise field, with fresh or with frozen hidden neurons. Weights are generated
// tile by tile of neurons and used while they are in cache: memory is O(N d), never N m or m d.
//
// Element numbering in the random streams: neuron k owns U[k, :] and W[:, k], elements k d .. k d +
// d - 1 of their streams, so a network of width m is the first m neurons of any wider one.
#include <algorithm>
#include <cmath>
#include <vector>

#include "noisync/noise.hpp"
#include "noisync/pairs.hpp"
#include "noisync/random.hpp"
#include "samplers.hpp"

namespace noisync {

namespace {

constexpr Index kGeneratedTogether = 16;  // neurons a task of the generator draws
constexpr Index kUsedTogether = 128;      // neurons whose activations are held at once

// Neurons whose weights are in memory at once: two arrays of about 256 KiB.
Index neuron_tile(Index dim) {
    return std::clamp<Index>(32768 / dim / kUsedTogether, 1, 16) * kUsedTogether;
}

constexpr Index kTokenGroup = 32;

Index token_block_size(Index rows) {
    return rows >= 1024 ? 4 * kTokenGroup : kTokenGroup;
}

struct Purposes {
    Purpose input_weights;
    Purpose input_bias;
    Purpose output_weights;
    Purpose output_bias;
};

constexpr Purposes kFresh{Purpose::mlp_input_weights, Purpose::mlp_input_bias,
                          Purpose::mlp_output_weights, Purpose::mlp_output_bias};
constexpr Purposes kFrozen{Purpose::feature_input_weights, Purpose::feature_input_bias,
                           Purpose::feature_output_weights, Purpose::feature_output_bias};

template <class Real>
class MlpField final : public NoiseField<Real> {
   public:
    explicit MlpField(const Mlp& config) : config_(config), purposes_(kFresh), frozen_(false) {}
    explicit MlpField(const Features& config)
        : config_{config.activation, config.width, config.sigma_u, config.sigma_w},
          purposes_(kFrozen),
          frozen_(true) {}

    void add(const Tokens<Real>& y, const LayerKey& key, Real scale, Tokens<Real>& out,
             Derivatives<Real>* derivatives, Execution& execution) override {
        if (frozen_) {  // one basis: the output weights of all layers are summed first
            add_span(y, key, scale, out, derivatives, execution);
            return;
        }
        for (std::uint32_t k = 0; k < key.count; ++k) {
            add_span(y, {key.seed, key.replicate, key.layer + k, 1}, scale, out, derivatives,
                     execution);
        }
    }

   private:
    struct Scratch {
        Matrix<Real> inputs;
        Matrix<Real> hidden;
        Matrix<Real> sums;
    };

    void add_span(const Tokens<Real>& y, const LayerKey& key, Real scale, Tokens<Real>& out,
                  Derivatives<Real>* derivatives, Execution& execution) {
        const Index d = y.cols();
        const Index m = config_.width;
        scratch_.resize(execution.threads());
        const Index tile = std::min(neuron_tile(d), m);
        input_weights_.resize(tile, d);
        output_weights_.resize(tile, d);
        input_bias_.resize(tile);
        for (Index first = 0; first < m; first += tile) {
            const Index count = std::min(tile, m - first);
            generate(key, first, count, scale, execution);
            consume(y, count, out, execution);
            if (derivatives != nullptr) {
                differentiate(y, count, *derivatives);
            }
        }
        add_output_bias(key, scale, out);
    }

    [[nodiscard]] Stream input_stream(const LayerKey& key, Purpose purpose) const {
        return {key.seed, key.replicate, frozen_ ? 0 : key.layer, purpose};
    }

    // Neurons first .. first + count - 1, with d^{-1/2} folded into U and scale m^{-1/2} into W.
    void generate(const LayerKey& key, Index first, Index count, Real scale, Execution& execution) {
        const Index d = input_weights_.cols();
        const Real input_scale = Real(1) / std::sqrt(Real(d));
        const Real output_scale = scale / std::sqrt(Real(config_.width));
        const Blocks blocks{count, kGeneratedTogether};
        execution.for_each(blocks.count(), [&](Index block, int) {
            const Index row = blocks.begin(block);
            const Index rows = blocks.length(block);
            const auto element = std::uint64_t(first + row);
            fill_normals(input_stream(key, purposes_.input_weights), element * std::uint64_t(d),
                         rows * d, input_scale, input_weights_.row(row).data());
            fill_span(key, purposes_.output_weights, element * std::uint64_t(d), rows * d,
                      output_scale, output_weights_.row(row).data());
            if (config_.sigma_u != 0) {
                fill_normals(input_stream(key, purposes_.input_bias), element, rows,
                             Real(config_.sigma_u), input_bias_.data() + row);
            }
        });
    }

    static void fill_span(const LayerKey& key, Purpose purpose, std::uint64_t first, Index count,
                          Real scale, Real* out) {
        if (key.count == 1) {
            fill_normals({key.seed, key.replicate, key.layer, purpose}, first, count, scale, out);
        } else {
            std::fill_n(out, count, Real(0));
            add_normals(key, purpose, first, count, scale, out);
        }
    }

    // out += phi(y U^T + b_U) W for the generated neurons. Blocks of tokens are filled up with zero
    // rows: products of the same shape give a token the same bits whatever the number of tokens.
    void consume(const Tokens<Real>& y, Index count, Tokens<Real>& out, Execution& execution) {
        const Blocks tokens{y.rows(), token_block_size(y.rows())};
        execution.for_each(tokens.count(), [&](Index block, int worker) {
            const Index row = tokens.begin(block);
            const Index rows = tokens.length(block);
            auto& [inputs, hidden, sums] = scratch_[worker];
            const Index filled = (rows + kTokenGroup - 1) / kTokenGroup * kTokenGroup;
            inputs.setZero(filled, y.cols());
            inputs.topRows(rows) = y.middleRows(row, rows);
            sums.setZero(filled, y.cols());
            for (Index k = 0; k < count; k += kUsedTogether) {
                const Index neurons = std::min(kUsedTogether, count - k);
                hidden.resize(filled, neurons);
                hidden.noalias() = inputs * input_weights_.middleRows(k, neurons).transpose();
                if (config_.sigma_u != 0) {
                    hidden.rowwise() += input_bias_.segment(k, neurons).transpose();
                }
                apply(config_.activation, hidden.data(), hidden.size());
                sums.noalias() += hidden * output_weights_.middleRows(k, neurons);
            }
            out.middleRows(row, rows) += sums.topRows(rows);
        });
    }

    void add_output_bias(const LayerKey& key, Real scale, Tokens<Real>& out) {
        if (config_.sigma_w == 0) {
            return;
        }
        Vector<Real> bias(out.cols());
        fill_span(key, purposes_.output_bias, 0, bias.size(), Real(config_.sigma_w) * scale,
                  bias.data());
        out.rowwise() += bias.transpose();
    }

    // D[W phi(U y + b_U)] v = W (phi'(U y + b_U) * U v) for the generated neurons.
    void differentiate(const Tokens<Real>& y, Index count, Derivatives<Real>& derivatives) const {
        const auto input = input_weights_.topRows(count);
        Vector<Real> gain = input * y.row(derivatives.token).transpose();
        if (config_.sigma_u != 0) {
            gain += input_bias_.head(count);
        }
        apply_derivative(config_.activation, gain.data(), gain.size());
        const Matrix<Real> hidden = (derivatives.along * input.transpose()) * gain.asDiagonal();
        derivatives.out.noalias() += hidden * output_weights_.topRows(count);
    }

    Mlp config_;
    Purposes purposes_;
    bool frozen_;
    Matrix<Real> input_weights_;   // neurons by d
    Matrix<Real> output_weights_;  // neurons by d: W^T
    Vector<Real> input_bias_;
    std::vector<Scratch> scratch_;
};

}  // namespace

template <class Real>
std::unique_ptr<NoiseField<Real>> make_mlp(const Mlp& config) {
    return std::make_unique<MlpField<Real>>(config);
}

template <class Real>
std::unique_ptr<NoiseField<Real>> make_features(const Features& config) {
    return std::make_unique<MlpField<Real>>(config);
}

template std::unique_ptr<NoiseField<float>> make_mlp<float>(const Mlp&);
template std::unique_ptr<NoiseField<double>> make_mlp<double>(const Mlp&);
template std::unique_ptr<NoiseField<float>> make_features<float>(const Features&);
template std::unique_ptr<NoiseField<double>> make_features<double>(const Features&);

}  // namespace noisync
