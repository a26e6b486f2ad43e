#include <pybind11/stl.h>

#include <string>

#include "arrays.hpp"
#include "noisync/attention.hpp"
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

ExponentialAttention exponential(bool normalized, double beta, double value_scale,
                                 const std::optional<Array<double>>& query,
                                 const std::optional<Array<double>>& key,
                                 const std::optional<Array<double>>& value,
                                 std::vector<double> harmonics, double tail, double tolerance) {
    if (query.has_value() != key.has_value()) {
        throw py::value_error("query and key must be given together");
    }
    return {normalized ? Normalization::softmax : Normalization::none,
            beta,
            value_scale,
            matrix_from(query),
            matrix_from(key),
            matrix_from(value),
            std::move(harmonics),
            tail,
            tolerance};
}

}  // namespace

void require_dim(const AttentionConfig& config, Index dim) {
    std::visit(
        [dim](const ExponentialAttention& attention) {
            const auto fits = [dim](const std::optional<Matrix<double>>& matrix) {
                return !matrix || matrix->cols() == dim;
            };
            const bool value_is_square = !attention.value || attention.value->rows() == dim;
            const bool same_heads =
                !attention.query || attention.query->rows() == attention.key->rows();
            if (!fits(attention.query) || !fits(attention.key) || !fits(attention.value) ||
                !value_is_square || !same_heads) {
                throw py::value_error("query, key and value must fit tokens of dimension " +
                                      std::to_string(dim));
            }
        },
        config);
}

void register_attention(py::module_& module) {
    py::class_<ExponentialAttention>(module, "ExponentialAttention")
        .def(py::init(&exponential), py::kw_only(), py::arg("normalized"), py::arg("beta"),
             py::arg("value_scale"), py::arg("query") = py::none(), py::arg("key") = py::none(),
             py::arg("value") = py::none(), py::arg("harmonics") = std::vector<double>{},
             py::arg("tail") = 0.0, py::arg("tolerance") = 0.0);

    module.def(
        "attention",
        [](const AttentionConfig& config, const py::array& x, const py::array& weights,
           int threads) {
            return with_real(x, [&](auto zero) -> py::array {
                using Real = decltype(zero);
                const auto tokens = tokens_from<Real>(x, "x");
                require_dim(config, tokens.cols());
                const auto mass = vector_from<Real>(weights, tokens.rows(), "weights");
                Tokens<Real> out(tokens.rows(), tokens.cols());
                PythonWatch watch;
                run_watched(threads, watch, [&](Execution& execution) {
                    make_attention<Real>(config)->evaluate(tokens, mass, out, execution);
                });
                return array_from(out);
            });
        },
        py::arg("attention"), py::arg("x"), py::arg("weights"), py::arg("threads"),
        "Attn_X(x_i) for every row of x (n, dim).");
}

}  // namespace noisync::bindings
