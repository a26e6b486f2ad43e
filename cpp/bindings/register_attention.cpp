#include <pybind11/stl.h>

#include <string>

#include "arrays.hpp"
#include "attention/exponential.hpp"
#include "python_watch.hpp"
#include "register.hpp"

namespace noisync::bindings {

namespace {

std::optional<Matrix<double>> matrix_from(const std::optional<Array<double>>& array) {
    if (!array) {
        return std::nullopt;
    }
    if (array->ndim() != 2) {
        throw py::value_error("query, key and value must be matrices");
    }
    return TokensView<double>(array->data(), array->shape(0), array->shape(1));
}

void register_laws(py::module_& module) {
    module.def(
        "exponential_attention",
        [](bool normalized, double beta, double value_scale,
           const std::optional<Array<double>>& query, const std::optional<Array<double>>& key,
           const std::optional<Array<double>>& value) {
            return shared(attention_law(ExponentialAttention{
                normalized ? Normalization::softmax : Normalization::none, beta, value_scale,
                matrix_from(query), matrix_from(key), matrix_from(value)}));
        },
        py::kw_only(), py::arg("normalized"), py::arg("beta"), py::arg("value_scale"),
        py::arg("query") = py::none(), py::arg("key") = py::none(), py::arg("value") = py::none(),
        "Weights e^{<Qx, Ky>}, values Vy; without Q and K, Q^T K = beta I.");
}

}  // namespace

void register_attention(py::module_& module) {
    const py::class_<AttentionLaw, std::shared_ptr<AttentionLaw>> law(module, "AttentionLaw");
    py::class_<Summation>(module, "Summation", "Directly over all pairs, or in linear time.")
        .def(py::init<>())
        .def(
            py::init([](double beta, std::vector<double> harmonics, double tail, double tolerance) {
                return Summation{beta, std::move(harmonics), tail, tolerance};
            }),
            py::kw_only(), py::arg("beta"), py::arg("harmonics"), py::arg("tail"),
            py::arg("tolerance"))
        .def_property_readonly("method", [](const Summation& summation) {
            return summation.is_direct() ? "direct" : "harmonic";
        });
    py::class_<SummedAttention>(module, "SummedAttention", "What is summed, and how.")
        .def(py::init<SharedAttentionLaw, Summation>(), py::arg("law").none(false),
             py::arg("summation"));
    register_laws(module);

    module.def(
        "attention",
        [](const SummedAttention& attention, const py::array& x, const py::array& weights,
           int threads) {
            return with_real(x, [&](auto zero) -> py::array {
                using Real = decltype(zero);
                const auto tokens = tokens_from<Real>(x, "x");
                attention.law->require_dim(tokens.cols());
                const auto mass = vector_from<Real>(weights, tokens.rows(), "weights");
                Tokens<Real> out(tokens.rows(), tokens.cols());
                PythonWatch watch;
                run_watched(threads, watch, [&](Execution& execution) {
                    attention.evaluator<Real>()->evaluate(tokens, mass, out, execution);
                });
                return array_from(out);
            });
        },
        py::arg("attention"), py::arg("x"), py::arg("weights"), py::arg("threads"),
        "Attn_X(x_i) for every row of x (n, dim).");
}

}  // namespace noisync::bindings
