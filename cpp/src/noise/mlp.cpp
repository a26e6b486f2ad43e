// Weights are generated tile by tile of neurons and used while they are in cache: memory is O(N d),
// never N m or m d.
//
// Element numbering in the random streams: neuron k owns U[k, :] and W[:, k], elements k d .. k d +
// d - 1 of their streams, so a network of width m is the first m neurons of any wider one.
#include "noise/mlp.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "base/pairs.hpp"
#include "random/random.hpp"
#include "simd/panels.hpp"

namespace noisync {

namespace {

constexpr Index kGeneratedTogether = 16;  // neurons a task of the generator draws

// Neurons whose weights are in memory at once: two arrays of about 256 KiB.
Index neuron_tile(Index dim) {
    constexpr Index kUnit = 96;
    return std::clamp<Index>(32768 / dim / kUnit, 1, 16) * kUnit;
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

    void add(const Tokens<Real>& y, const Vector<Real>& /*weights*/, const LayerKey& key,
             Real scale, Tokens<Real>& out, Derivatives<Real>* derivatives,
             Execution& execution) override {
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
    void add_span(const Tokens<Real>& y, const LayerKey& key, Real scale, Tokens<Real>& out,
                  Derivatives<Real>* derivatives, Execution& execution) {
        const Index d = y.cols();
        const Index m = config_.width;
        const Index tile = std::min(neuron_tile(d), m);
        // Filled up with neurons that give nothing to anyone.
        input_weights_.setZero(simd::up_to<Index>(tile, simd::kWide), d);
        output_weights_.setZero(input_weights_.rows(), simd::padded<Real>(d));
        input_bias_.setZero(input_weights_.rows());
        pack(y, execution);
        for (Index first = 0; first < m; first += tile) {
            const Index count = std::min(tile, m - first);
            generate(key, first, count, scale, execution);
            consume(count, execution);
            if (derivatives != nullptr) {
                differentiate(y, count, *derivatives);
            }
        }
        out += sums_.topLeftCorner(y.rows(), d);
        add_output_bias(key, scale, out);
    }

    // Tokens in panels, filled up with zeros: products of one shape give a token the same bits
    // whatever the number of tokens.
    void pack(const Tokens<Real>& y, Execution& execution) {
        const Blocks panels{y.rows(), simd::kPanel<Real>};
        panels_.resize(panels.count() * y.cols(), simd::kPanel<Real>);
        sums_.resize(panels.count() * simd::kPanel<Real>, simd::padded<Real>(y.cols()));
        tiles_.resize(std::size_t(execution.threads()));
        for (auto& tile : tiles_) {
            tile.resize(simd::kPanel<Real> * simd::kStrip<Real>);
        }
        execution.for_each(panels.count(), [&](Index panel, int) {
            simd::pack_panel(y.middleRows(panels.begin(panel), panels.length(panel)), panel,
                             panels_);
            sums_.middleRows(panels.begin(panel), simd::kPanel<Real>).setZero();
        });
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
            Matrix<Real> output(rows, d);
            fill_span(key, purposes_.output_weights, element * std::uint64_t(d), rows * d,
                      output_scale, output.data());
            output_weights_.block(row, 0, rows, d) = output;
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

    // sums += phi(y U^T + b_U) W for the generated neurons.
    void consume(Index count, Execution& execution) {
        const Index d = input_weights_.cols();
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
                apply(config_.activation, tile, neurons * simd::kPanel<Real>);
                simd::add_values<Real>(neurons, simd::kPanel<Real>,
                                       output_weights_.row(first).data(),
                                       {tile, simd::kPanel<Real>, 1},
                                       sums_.row(panel * simd::kPanel<Real>).data(), sums_.cols());
            }
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
        derivatives.out.noalias() += hidden * output_weights_.topLeftCorner(count, y.cols());
    }

    Mlp config_;
    Purposes purposes_;
    bool frozen_;
    Matrix<Real> input_weights_;   // neurons by d
    Matrix<Real> output_weights_;  // neurons by d padded: W^T
    Vector<Real> input_bias_;
    Matrix<Real> panels_;  // the tokens
    Matrix<Real> sums_;    // tokens by d padded
    std::vector<Vector<Real>> tiles_;
};

}  // namespace

SharedNoiseLaw noise_law(const Mlp& mlp) {
    return law_of<MlpField>(mlp);
}

SharedNoiseLaw noise_law(const Features& features) {
    return law_of<MlpField>(features);
}

}  // namespace noisync
