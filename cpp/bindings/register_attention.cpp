#include <pybind11/stl.h>

#include <string>

#include "arrays.hpp"
#include "attention/exponential.hpp"
#include "attention/sinkhorn.hpp"
#include "attention/sum.hpp"
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

const char* method(bool is_direct) {
    return is_direct ? "direct" : "harmonic";
}

Projections projections(double beta, double value_scale, const std::optional<Array<double>>& query,
                        const std::optional<Array<double>>& key,
                        const std::optional<Array<double>>& value, double penalty) {
    return {beta, value_scale, matrix_from(query), matrix_from(key), matrix_from(value), penalty};
}

void register_laws(py::module_& module) {
    py::class_<Projections>(module, "Projections", "Q, K and V: logits <Qx, Ky> - penalty |Ky|^2.")
        .def(py::init(&projections), py::kw_only(), py::arg("beta"), py::arg("value_scale"),
             py::arg("query") = py::none(), py::arg("key") = py::none(),
             py::arg("value") = py::none(), py::arg("penalty") = 0.0);
    py::class_<Causal>(module, "Causal", "Tokens see those before them, themselves perhaps too.")
        .def(py::init<bool, double>(), py::kw_only(), py::arg("include_self"), py::arg("decay"));
    module.def(
        "exponential_attention",
        [](const Projections& projections, bool normalized, const std::optional<Causal>& mask) {
            const auto normalization = normalized ? Normalization::softmax : Normalization::none;
            return shared(attention_law(ExponentialAttention{projections, normalization, mask}));
        },
        py::arg("projections"), py::kw_only(), py::arg("normalized"), py::arg("mask") = py::none(),
        "Weights e^{logit}, values Vy.");
    module.def(
        "sinkhorn_attention",
        [](const Projections& projections, double tolerance, Index max_iterations) {
            return shared(attention_law(SinkhornAttention{projections, tolerance, max_iterations}));
        },
        py::arg("projections"), py::kw_only(), py::arg("tolerance"), py::arg("max_iterations"),
        "Weights e^{<Qx, Ky>} made doubly stochastic, values Vy.");
}

// NotConverged as a Python exception with its residual.
void register_error(const py::module_& module) {
    static const py::exception<NotConverged> type(module, "NotConvergedError", PyExc_RuntimeError);
    py::register_local_exception_translator([](std::exception_ptr pointer) {
        try {
            std::rethrow_exception(std::move(pointer));
        } catch (const NotConverged& error) {
            py::set_error(type, py::make_tuple(error.what(), error.residual()));
        }
    });
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
        .def_property_readonly(
            "method", [](const Summation& summation) { return method(summation.is_direct()); })
        .def_property_readonly("degree", [](const Summation& summation) {
            return Index(summation.harmonics.size()) - 1;
        });
    py::class_<SummedAttention>(module, "SummedAttention", "What is summed, and how.")
        .def(py::init<SharedAttentionLaw, Summation>(), py::arg("law").none(false),
             py::arg("summation"))
        .def_property_readonly("method", [](const SummedAttention& attention) {
            return method(attention.is_direct());
        });
    register_laws(module);
    register_error(module);
    module.def(
        "attention_sum",
        [](std::vector<SummedAttention> parts) { return shared(attention_sum(std::move(parts))); },
        py::arg("parts"), "Attentions that add, each summed in its own way.");

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
