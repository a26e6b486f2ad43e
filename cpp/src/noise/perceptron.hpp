// One random two-layer perceptron at all tokens: what networks with fresh and with frozen hidden
// neurons share.
//
// Weights are generated tile by tile of neurons and used while they are in cache: memory is O(N d),
// never N m or m d. Element numbering in the random streams: neuron k owns U[k, :] and W[:, k],
// elements k d .. k d + d - 1 of their streams, so a network of width m is the first m neurons of
// any wider one.
#pragma once

#include <vector>

#include "noise/activation.hpp"
#include "noise/field.hpp"
#include "random/random.hpp"

namespace noisync {

struct PerceptronParameters {
    Activation activation = Activation::relu;
    Index width = 1;            // m
    double sigma_u = 0.0;       // standard deviation of the entries of b_U
    double sigma_w = 0.0;       // standard deviation of the entries of b_W
    double input_scale = 1.0;   // g_i
    double output_scale = 1.0;  // g_o
};

// The streams of its weights.
struct PerceptronStreams {
    Purpose input_weights;
    Purpose input_bias;
    Purpose output_weights;
    Purpose output_bias;
};

// Holds scratch memory.
template <class Real>
class Perceptron {
   public:
    Perceptron(const PerceptronParameters& parameters, const PerceptronStreams& streams)
        : parameters_(parameters), streams_(streams) {}

    // out_i <- out_i + scale (g_o m^{-1/2} W phi(g_i d^{-1/2} U y_i + b_U) + b_W), U and b_U those
    // of `input_layer`, W and b_W the sums of those of all layers of `key`; `derivatives` may be
    // null.
    void add(const Tokens<Real>& y, const LayerKey& key, std::uint32_t input_layer, Real scale,
             Tokens<Real>& out, Derivatives<Real>* derivatives, Execution& execution);

   private:
    void make_room(Index neurons, Index dim);
    void pack(const Tokens<Real>& y, Execution& execution);
    void generate(const LayerKey& key, std::uint32_t input_layer, Index first, Index count,
                  Real scale, Execution& execution);
    void consume(Index count, Execution& execution);
    void add_output_bias(const LayerKey& key, Real scale, Tokens<Real>& out);
    void differentiate(const Tokens<Real>& y, Index count, Derivatives<Real>& derivatives,
                       Execution& execution) const;

    PerceptronParameters parameters_;
    PerceptronStreams streams_;
    Matrix<Real> input_weights_;   // neurons by d
    Matrix<Real> output_weights_;  // neurons by d padded: W^T
    Vector<Real> input_bias_;
    Matrix<Real> panels_;  // the tokens
    Matrix<Real> sums_;    // tokens by d padded
    std::vector<Vector<Real>> tiles_;
};

}  // namespace noisync
