#include <pybind11/stl.h>

#include <string>

#include "arrays.hpp"
#include "harmonics/basis.hpp"
#include "noise/exact.hpp"
#include "noise/features.hpp"
#include "noise/harmonics.hpp"
#include "noise/independent.hpp"
#include "noise/kernel_pairs.hpp"
#include "noise/mlp.hpp"
#include "noise/random_heads.hpp"
#include "noise/sum.hpp"
#include "noise/value.hpp"
#include "python_watch.hpp"
#include "register.hpp"

namespace noisync::bindings {

namespace {

template <class Network>
void register_perceptron(py::module_& module, const char* name, const char* about) {
    module.def(
        name,
        [](const std::string& activation, Index width, double sigma_u, double sigma_w,
           double input_scale, double output_scale) {
            const auto known = activation_from_name(activation);
            if (!known || width < 1) {
                throw py::value_error("unknown activation or width below 1");
            }
            return shared(
                noise_law(Network{{*known, width, sigma_u, sigma_w, input_scale, output_scale}}));
        },
        py::kw_only(), py::arg("activation"), py::arg("width"), py::arg("sigma_u"),
        py::arg("sigma_w"), py::arg("input_scale"), py::arg("output_scale"), about);
}

void register_laws(py::module_& module) {
    const py::class_<NoiseLaw, std::shared_ptr<NoiseLaw>> law(module, "NoiseLaw");
    register_perceptron<Mlp>(module, "mlp_noise", "An MLP with fresh weights in every layer.");
    register_perceptron<Features>(module, "feature_noise", "The same with frozen hidden neurons.");
    module.def(
        "harmonic_noise",
        [](std::vector<double> variances) {
            return shared(noise_law(Harmonics{std::move(variances)}));
        },
        py::arg("variances"), "The Gaussian field with kappa = sum_n c_n P_n, as harmonics.");
    module.def(
        "exact_noise",
        [](std::vector<double> series, double slope, bool odd) {
            return shared(noise_law(Exact{std::move(series), slope, odd}));
        },
        py::kw_only(), py::arg("series"), py::arg("slope"), py::arg("odd"),
        "The Gaussian field at the tokens; series: of angle -> kappa, slope: kappa'(1).");
    module.def(
        "value_noise",
        [](SummedAttention attention, double scale) {
            return shared(noise_law(ValueNoise{std::move(attention), scale}));
        },
        py::kw_only(), py::arg("attention"), py::arg("scale"),
        "A random matrix times what the attention gives.");
    module.def(
        "random_head_noise",
        [](double beta, double scale, Index heads, Index head_dim, double head_scale) {
            return shared(noise_law(RandomHeads{beta, scale, heads, head_dim, head_scale}));
        },
        py::kw_only(), py::arg("beta"), py::arg("scale"), py::arg("heads"), py::arg("head_dim"),
        py::arg("head_scale"), "Random matrices times what random heads give.");
    module.def(
        "independent_noise",
        [](double scale) { return shared(noise_law(IndependentNoise{scale})); }, py::kw_only(),
        py::arg("scale"), "Normals of each token's own.");
    module.def(
        "noise_sum",
        [](std::vector<SharedNoiseLaw> parts) { return shared(noise_sum(std::move(parts))); },
        py::arg("parts"), "Noises that add, each from streams of its own.");
}

void register_pairs(py::module_& module) {
    const py::class_<PairNoise, std::shared_ptr<PairNoise>> pairs(module, "PairNoise");
    module.def(
        "kernel_pair_noise",
        [](std::vector<double> series) { return shared(kernel_pair_noise(std::move(series))); },
        py::arg("series"), "Of a field; series: of angle -> G_beta / (1 - u).");
    module.def(
        "value_pair_noise",
        [](SummedAttention attention, double scale) {
            return shared(pair_noise(ValueNoise{std::move(attention), scale}));
        },
        py::kw_only(), py::arg("attention"), py::arg("scale"), "Of value_noise.");
    module.def(
        "independent_pair_noise",
        [](double scale) { return shared(pair_noise(IndependentNoise{scale})); }, py::kw_only(),
        py::arg("scale"), "Of independent_noise.");
    module.def(
        "pair_noise_sum",
        [](std::vector<SharedPairNoise> parts) { return shared(pair_noise_sum(std::move(parts))); },
        py::arg("parts"), "Of noise_sum.");
}

}  // namespace

void register_noise(py::module_& module) {
    register_laws(module);
    register_pairs(module);

    module.def(
        "noise_fields",
        [](const NoiseLaw& law, const py::array& x, const py::array& weights, Index layers,
           std::uint64_t seed, std::uint32_t replicate, int threads) {
            return with_real(x, [&](auto zero) -> py::array {
                using Real = decltype(zero);
                const auto tokens = tokens_from<Real>(x, "x");
                const auto mass = vector_from<Real>(weights, tokens.rows(), "weights");
                law.require_dim(tokens.cols());
                if (layers < 1) {
                    throw py::value_error("layers must be positive");
                }
                py::array_t<Real> out({layers, tokens.rows(), tokens.cols()});
                Real* data = out.mutable_data();
                PythonWatch watch;
                run_watched(threads, watch, [&](Execution& execution) {
                    const auto noise = law.field<Real>();
                    Tokens<Real> field(tokens.rows(), tokens.cols());
                    for (Index layer = 0; layer < layers; ++layer) {
                        field.setZero();
                        noise->add(tokens, mass, {seed, replicate, std::uint32_t(layer)}, Real(1),
                                   field, nullptr, execution);
                        std::copy_n(field.data(), field.size(), data + layer * field.size());
                    }
                });
                return out;
            });
        },
        py::arg("noise"), py::arg("x"), py::arg("weights"), py::arg("layers"), py::arg("seed"),
        py::arg("replicate"), py::arg("threads"),
        "G_l(x_i) for layers l = 0 .. layers - 1, shape (layers, n, dim).");
}

}  // namespace noisync::bindings
