#include <pybind11/stl.h>

#include <span>
#include <string>

#include "arrays.hpp"
#include "measure/circle_transport.hpp"
#include "measure/zonal.hpp"
#include "python_watch.hpp"
#include "register.hpp"

namespace noisync::bindings {

namespace {

constexpr std::int64_t kMost = std::int64_t{1} << 61;

CircleMeasure circle_measure(const py::array& angles, const py::array& masses, const char* name) {
    const Array<std::int64_t> mass(masses);
    const auto refuse = [name](const char* rule) {
        throw py::value_error(std::string(name) + rule);
    };
    if (mass.ndim() != 1 || mass.size() == 0) {
        refuse(": masses must be a vector");
    }
    CircleMeasure measure{vector_from<double>(angles, mass.size(), name), {}};
    std::int64_t end = 0;
    for (const std::int64_t each : std::span(mass.data(), std::size_t(mass.size()))) {
        if (each < 0 || each > kMost - end) {
            refuse(": masses must be non-negative with a sum of at most 2^61");
        }
        measure.ends.push_back(end += each);
    }
    return measure;
}

double transport(const py::array& x, const py::array& x_masses, const py::array& y,
                 const py::array& y_masses, int threads) {
    const CircleMeasure first = circle_measure(x, x_masses, "x");
    const CircleMeasure second = circle_measure(y, y_masses, "y");
    if (first.ends.back() != second.ends.back() || first.ends.back() == 0) {
        throw py::value_error("the two measures must have the same mass, above 0");
    }
    double result = 0;
    PythonWatch watch;
    run_watched(threads, watch,
                [&](Execution& execution) { result = circle_transport(first, second, execution); });
    return result;
}

}  // namespace

void register_distances(py::module_& module) {
    module.def("circle_transport", &transport, py::arg("x"), py::arg("x_masses"), py::arg("y"),
               py::arg("y_masses"), py::arg("threads"),
               "The squared Wasserstein distance of two measures on the circle, for the square of "
               "the arc as cost: ascending angles in [0, 2 pi], whole masses of the same sum.");
    module.def(
        "zonal_sum",
        [](const py::array& x, const py::array& weights, const std::vector<double>& series,
           int threads) {
            const auto tokens = tokens_from<double>(x, "x");
            const auto mass = vector_from<double>(weights, tokens.rows(), "weights");
            if (series.empty()) {
                throw py::value_error("a series needs at least one coefficient");
            }
            double result = 0;
            PythonWatch watch;
            run_watched(threads, watch, [&](Execution& execution) {
                result = zonal_sum(tokens, mass, series, execution);
            });
            return result;
        },
        py::arg("x"), py::arg("weights"), py::arg("series"), py::arg("threads"),
        "sum_ij w_i w_j K(<x_i, x_j>), K a Chebyshev series, weights of any sign.");
}

}  // namespace noisync::bindings
