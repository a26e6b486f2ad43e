#include <pybind11/stl.h>

#include <algorithm>

#include "arrays.hpp"
#include "noisync/energy.hpp"
#include "noisync/harmonic_sums.hpp"
#include "python_watch.hpp"
#include "register.hpp"

namespace noisync::bindings {

void require_series(const std::vector<double>& betas,
                    const std::vector<std::vector<double>>& series) {
    const auto same = [&](const auto& list) {
        return !list.empty() && list.size() == series[0].size();
    };
    if (series.empty() || series.size() != betas.size() || !std::ranges::all_of(series, same)) {
        throw py::value_error("series must hold as many coefficients for every beta");
    }
}

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
        "linear_time_energy",
        [](const py::array& x, const py::array& weights, const std::vector<double>& betas,
           const std::vector<std::vector<double>>& series, int threads) {
            const auto tokens = tokens_from<double>(x, "x");
            const auto mass = vector_from<double>(weights, tokens.rows(), "weights");
            require_series(betas, series);
            std::vector<double> energies;
            PythonWatch watch;
            run_watched(threads, watch, [&](Execution& execution) {
                const HarmonicBasis basis(Index(series[0].size()) - 1, tokens.cols());
                energies = interaction_energy(basis, series, betas, tokens, mass, execution);
            });
            return array_from(energies);
        },
        py::arg("x"), py::arg("weights"), py::arg("betas"), py::arg("series"), py::arg("threads"),
        "E_beta for every beta in linear time; series: the coefficients of e^{beta u}.");
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
