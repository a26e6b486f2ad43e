#include <pybind11/stl.h>

#include <string>

#include "arrays.hpp"
#include "noise/activation.hpp"
#include "register.hpp"

namespace noisync::bindings {

namespace {

Activation named(const std::string& name) {
    const auto activation = activation_from_name(name);
    if (!activation) {
        throw py::value_error("unknown activation '" + name + "'");
    }
    return *activation;
}

// A new array f(x) of x's shape and floating type.
template <class Function>
py::array mapped(const py::array& x, Function&& function) {
    return with_real(x, [&](auto zero) -> py::array {
        using Real = decltype(zero);
        const Array<Real> input(x);
        const std::vector<py::ssize_t> shape(input.shape(), input.shape() + input.ndim());
        py::array_t<Real> output(shape);
        std::copy(input.data(), input.data() + input.size(), output.mutable_data());
        function(output.mutable_data(), Index(output.size()));
        return output;
    });
}

}  // namespace

void register_activation(py::module_& module) {
    module.def("activation_names", [] {
        std::vector<std::string> names;
        for (const auto name : activation_names()) {
            names.emplace_back(name);
        }
        return names;
    });
    module.def(
        "activation",
        [](const std::string& name, const py::array& z) {
            return mapped(z, [=](auto* data, Index n) { apply(named(name), data, n); });
        },
        py::arg("name"), py::arg("z"), "phi(z), elementwise.");
    module.def(
        "activation_derivative",
        [](const std::string& name, const py::array& z) {
            return mapped(z, [=](auto* data, Index n) { apply_derivative(named(name), data, n); });
        },
        py::arg("name"), py::arg("z"), "phi'(z), elementwise; from the left at a kink.");
}

}  // namespace noisync::bindings
