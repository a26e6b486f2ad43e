#include <pybind11/numpy.h>
#include <pybind11/stl.h>

#include "noisync/random.hpp"
#include "register.hpp"

namespace noisync::bindings {

namespace py = pybind11;

void register_random(py::module_& module) {
    module.def("philox4x32", &philox4x32, py::arg("counter"), py::arg("key"),
               "One block of Philox4x32-10: four 32-bit words from a counter and a key.");
    module.def(
        "initial_normals",
        [](std::uint64_t seed, std::uint32_t replicate, Index count) {
            py::array_t<double> out(count);
            const Stream stream{seed, replicate, 0, Purpose::initial_tokens};
            double* data = out.mutable_data();
            const py::gil_scoped_release release;
            fill_normals(stream, 0, count, 1.0, data);
            return out;
        },
        py::arg("seed"), py::arg("replicate"), py::arg("count"),
        "The first `count` standard normals of the stream that initial tokens are drawn from.");
}

}  // namespace noisync::bindings
