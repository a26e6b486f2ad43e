#include <pybind11/stl.h>

#include <string>

#include "arrays.hpp"
#include "noisync/harmonics.hpp"
#include "noisync/noise.hpp"
#include "python_watch.hpp"
#include "register.hpp"

namespace noisync::bindings {

namespace {

template <class Perceptron>
Perceptron perceptron(const std::string& activation, Index width, double sigma_u, double sigma_w) {
    const auto known = activation_from_name(activation);
    if (!known || width < 1) {
        throw py::value_error("unknown activation or width below 1");
    }
    return {*known, width, sigma_u, sigma_w};
}

template <class Perceptron>
void register_perceptron(py::module_& module, const char* name) {
    py::class_<Perceptron>(module, name)
        .def(py::init(&perceptron<Perceptron>), py::kw_only(), py::arg("activation"),
             py::arg("width"), py::arg("sigma_u"), py::arg("sigma_w"));
}

std::vector<double> not_empty(std::vector<double> values) {
    if (values.empty()) {
        throw py::value_error("a series needs at least one coefficient");
    }
    return values;
}

}  // namespace

void register_noise(py::module_& module) {
    register_perceptron<Mlp>(module, "Mlp");
    register_perceptron<Features>(module, "Features");
    py::class_<Harmonics>(module, "Harmonics")
        .def(py::init([](std::vector<double> variances) {
                 return Harmonics{not_empty(std::move(variances))};
             }),
             py::arg("variances"));
    py::class_<Exact>(module, "Exact")
        .def(py::init([](std::vector<double> series, double slope, bool odd) {
                 return Exact{not_empty(std::move(series)), slope, odd};
             }),
             py::kw_only(), py::arg("series"), py::arg("slope"), py::arg("odd"));
    py::class_<ValueNoise>(module, "ValueNoise")
        .def(py::init<ExponentialAttention, double>(), py::kw_only(), py::arg("attention"),
             py::arg("scale"));
    py::class_<IndependentNoise>(module, "IndependentNoise")
        .def(py::init<double>(), py::kw_only(), py::arg("scale"));
    module.def("harmonics_up_to", &harmonics_up_to, py::arg("degree"), py::arg("dim"),
               "The number of spherical harmonics of degrees 0..degree on S^{dim-1}.");

    module.def(
        "noise_fields",
        [](const NoiseConfig& config, const py::array& x, Index layers, std::uint64_t seed,
           std::uint32_t replicate, int threads) {
            return with_real(x, [&](auto zero) -> py::array {
                using Real = decltype(zero);
                const auto tokens = tokens_from<Real>(x, "x");
                if (layers < 1) {
                    throw py::value_error("layers must be positive");
                }
                py::array_t<Real> out({layers, tokens.rows(), tokens.cols()});
                Real* data = out.mutable_data();
                PythonWatch watch;
                run_watched(threads, watch, [&](Execution& execution) {
                    const auto noise = make_noise<Real>(config);
                    const Vector<Real> weights =
                        Vector<Real>::Constant(tokens.rows(), Real(1) / Real(tokens.rows()));
                    Tokens<Real> field(tokens.rows(), tokens.cols());
                    for (Index layer = 0; layer < layers; ++layer) {
                        field.setZero();
                        noise->add(tokens, weights, {seed, replicate, std::uint32_t(layer)},
                                   Real(1), field, nullptr, execution);
                        std::copy_n(field.data(), field.size(), data + layer * field.size());
                    }
                });
                return out;
            });
        },
        py::arg("noise"), py::arg("x"), py::arg("layers"), py::arg("seed"), py::arg("replicate"),
        py::arg("threads"),
        "G_l(x_i) for layers l = 0 .. layers - 1, shape (layers, n, dim); equal weights.");
}

}  // namespace noisync::bindings
