#include <pybind11/stl.h>

#include <algorithm>

#include "arrays.hpp"
#include "base/sphere.hpp"
#include "random/random.hpp"
#include "register.hpp"

namespace noisync::bindings {

namespace py = pybind11;

void register_random(py::module_& module) {
    module.def("philox4x32", &philox4x32, py::arg("counter"), py::arg("key"),
               "One block of Philox4x32-10: four 32-bit words from a counter and a key.");
    module.def(
        "fill_normals",
        [](std::uint64_t seed, std::uint32_t replicate, std::uint32_t layer, std::uint32_t purpose,
           std::uint64_t first, py::array& out) {
            with_real(out, [&](auto zero) {
                using Real = decltype(zero);
                const auto count = Index(out.size());
                Real* data = output_buffer<Real>(out, count, "out");
                const py::gil_scoped_release release;
                fill_normals({seed, replicate, layer, Purpose(purpose)}, first, count, Real(1),
                             data);
            });
        },
        py::arg("seed"), py::arg("replicate"), py::arg("layer"), py::arg("purpose"),
        py::arg("first"), py::arg("out"),
        "Elements first, first + 1, ... of a stream of standard normals, written into `out`.");
    module.def(
        "uniform_tokens",
        [](std::uint64_t seed, std::uint32_t first_replicate, Index replicates, Index n, Index d) {
            py::array_t<double> out({replicates, n, d});
            double* data = out.mutable_data();
            const py::gil_scoped_release release;
            Execution execution;
            Tokens<double> tokens(n, d);
            for (Index k = 0; k < replicates; ++k) {
                const auto replicate = std::uint32_t(first_replicate + k);
                fill_normals({seed, replicate, 0, Purpose::initial_tokens}, 0, n * d, 1.0,
                             tokens.data());
                normalize_rows(tokens, execution);
                std::copy_n(tokens.data(), tokens.size(), data + k * tokens.size());
            }
            return out;
        },
        py::arg("seed"), py::arg("first_replicate"), py::arg("replicates"), py::arg("n"),
        py::arg("dim"), "Independent uniform points on the sphere, (replicates, n, dim).");
}

}  // namespace noisync::bindings
