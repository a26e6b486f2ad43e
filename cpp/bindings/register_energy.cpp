#include <pybind11/stl.h>

#include "arrays.hpp"
#include "noisync/energy.hpp"
#include "noisync/harmonic_sums.hpp"
#include "python_watch.hpp"
#include "register.hpp"

namespace noisync::bindings {

void register_energy(py::module_& module) {
    module.def(
        "interaction_energy",
        [](const py::array& x, const py::array& weights, const std::vector<double>& betas,
           int threads) {
            const auto tokens = tokens_from<double>(x, "x");
            const auto mass = vector_from<double>(weights, tokens.rows(), "weights");
            std::vector<double> energies;
            PythonWatch watch;
            run_watched(threads, watch, [&](Execution& execution) {
                energies = interaction_energy(tokens, mass, betas, execution);
            });
            return array_from(energies);
        },
        py::arg("x"), py::arg("weights"), py::arg("betas"), py::arg("threads"),
        "E_beta of the rows of x (n, dim) for every beta.");
    module.def(
        "harmonic_spread",
        [](const py::array& x, const py::array& weights, Index degree, int threads) {
            const auto tokens = tokens_from<double>(x, "x");
            const auto mass = vector_from<double>(weights, tokens.rows(), "weights");
            std::vector<double> spread;
            PythonWatch watch;
            run_watched(threads, watch, [&](Execution& execution) {
                const HarmonicBasis basis(degree, tokens.cols());
                spread = harmonic_spread(basis, tokens, mass, execution);
            });
            return array_from(spread);
        },
        py::arg("x"), py::arg("weights"), py::arg("degree"), py::arg("threads"),
        "1/2 sum_ij w_i w_j (1 - P_n(<x_i, x_j>)) for n = 0..degree, in linear time.");
    module.def(
        "cosine_histogram",
        [](const py::array& x, Index bins, int threads) {
            const auto tokens = tokens_from<double>(x, "x");
            if (bins < 1) {
                throw py::value_error("bins must be positive");
            }
            std::vector<std::int64_t> counts;
            PythonWatch watch;
            run_watched(threads, watch, [&](Execution& execution) {
                counts = cosine_histogram(tokens, bins, execution);
            });
            return array_from(counts);
        },
        py::arg("x"), py::arg("bins"), py::arg("threads"),
        "Counts of the pairwise cosines of the rows of x in equal bins of [-1, 1].");
}

}  // namespace noisync::bindings
