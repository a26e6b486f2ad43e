#include <pybind11/stl.h>

#include <algorithm>

#include "arrays.hpp"
#include "base/pairs.hpp"
#include "base/sphere.hpp"
#include "python_watch.hpp"
#include "random/random.hpp"
#include "register.hpp"

namespace noisync::bindings {

namespace py = pybind11;

namespace {

using Numbers = Array<std::uint64_t>;

py::array_t<double> uniform_tokens(std::uint64_t seed, std::uint32_t first_replicate,
                                   Index replicates, std::uint64_t first, Index count, Index d,
                                   int threads) {
    py::array_t<double> out({replicates, count, d});
    double* data = out.mutable_data();
    PythonWatch watch;
    run_watched(threads, watch, [&](Execution& execution) {
        const Blocks blocks{count, 4096};
        execution.for_each(replicates * blocks.count(), [&](Index index, int) {
            const Index replicate = index / blocks.count();
            const Index row = blocks.begin(index % blocks.count());
            Tokens<double> tokens(blocks.length(index % blocks.count()), d);
            const Stream stream{seed, std::uint32_t(first_replicate + replicate)};
            fill_normals(stream, (first + std::uint64_t(row)) * std::uint64_t(d), tokens.size(),
                         1.0, tokens.data());
            Execution alone;
            normalize_rows(tokens, alone);
            std::copy_n(tokens.data(), tokens.size(), data + (replicate * count + row) * d);
        });
    });
    return out;
}

py::array_t<double> initial_normals(std::uint64_t seed, std::uint32_t replicate, std::uint32_t draw,
                                    const Numbers& tokens, Index d) {
    const auto count = Index(tokens.size());
    py::array_t<double> out({count, d});
    double* data = out.mutable_data();
    const std::uint64_t* token = tokens.data();
    const py::gil_scoped_release release;
    for (Index i = 0; i < count; ++i) {
        fill_normals({seed, replicate, draw, Purpose::initial_tokens}, token[i] * std::uint64_t(d),
                     d, 1.0, data + i * d);
    }
    return out;
}

py::array_t<double> initial_choices(std::uint64_t seed, std::uint32_t replicate, std::uint32_t draw,
                                    const Numbers& tokens) {
    const auto count = Index(tokens.size());
    py::array_t<double> out({count, Index(2)});
    double* data = out.mutable_data();
    const std::uint64_t* token = tokens.data();
    const py::gil_scoped_release release;
    for (Index i = 0; i < count; ++i) {
        const auto pair = uniform_pair({seed, replicate, draw, Purpose::initial_choices}, token[i]);
        std::ranges::copy(pair, data + 2 * i);
    }
    return out;
}

}  // namespace

void register_random(py::module_& module) {
    module.def("philox4x32", &philox4x32, py::arg("counter"), py::arg("key"),
               "One block of Philox4x32-10: four 32-bit words from a counter and a key.");
    module.def(
        "fill_normals",
        [](std::uint64_t seed, std::uint32_t replicate, std::uint32_t layer, std::uint32_t purpose,
           std::uint64_t first, py::array& out, std::uint32_t part) {
            with_real(out, [&](auto zero) {
                using Real = decltype(zero);
                const auto count = Index(out.size());
                Real* data = output_buffer<Real>(out, count, "out");
                const py::gil_scoped_release release;
                fill_normals({seed, replicate, layer, Purpose(purpose), part}, first, count,
                             Real(1), data);
            });
        },
        py::arg("seed"), py::arg("replicate"), py::arg("layer"), py::arg("purpose"),
        py::arg("first"), py::arg("out"), py::arg("part") = 0,
        "Elements first, first + 1, ... of a stream of standard normals, written into `out`.");
    module.def(
        "uniform_tokens", &uniform_tokens, py::arg("seed"), py::arg("first_replicate"),
        py::arg("replicates"), py::arg("first"), py::arg("count"), py::arg("dim"),
        py::arg("threads"),
        "Tokens first, first + 1, ... of some replicates, independent and uniform on the sphere, "
        "(replicates, count, dim).");
    module.def("initial_normals", &initial_normals, py::arg("seed"), py::arg("replicate"),
               py::arg("draw"), py::arg("tokens"), py::arg("dim"),
               "The normals of some tokens in one of their draws, (tokens, dim). Divided by their "
               "norms, those of draw 0 are uniform_tokens.");
    module.def("initial_choices", &initial_choices, py::arg("seed"), py::arg("replicate"),
               py::arg("draw"), py::arg("tokens"),
               "Two numbers uniform on (0, 1) for some tokens in one of their draws, (tokens, 2).");
}

}  // namespace noisync::bindings
