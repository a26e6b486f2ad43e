#include <pybind11/stl.h>

#include <optional>

#include "arrays.hpp"
#include "measure/budget_measure.hpp"
#include "measure/clusters.hpp"
#include "measure/cosines.hpp"
#include "measure/energy_measure.hpp"
#include "measure/order.hpp"
#include "measure/state.hpp"
#include "python_watch.hpp"
#include "register.hpp"

namespace noisync::bindings {

namespace {

EnergyScale scale_of(bool scaled) {
    return scaled ? EnergyScale::scaled : EnergyScale::plain;
}

}  // namespace

void register_measures(py::module_& module) {
    py::class_<Measure, std::shared_ptr<Measure>>(module, "Measure")
        .def_property_readonly("size", &Measure::size)
        .def("stretch", &Measure::stretch, py::arg("rows"),
             "Into stretches of how many of so many tokens its sums are cut; 0: it needs all "
             "tokens.");
    module.def(
        "energy_measure",
        [](std::vector<double> betas, bool scaled, std::vector<std::vector<double>> series,
           Index dim) {
            return shared(
                energy_measure(std::move(betas), scale_of(scaled), std::move(series), dim));
        },
        py::arg("betas"), py::arg("scaled"), py::arg("series"), py::arg("dim"),
        "E_beta for every beta; series: coefficients of e^{beta u}, for sums in linear time.");
    module.def(
        "budget_measure",
        [](double beta, bool scaled, std::optional<SummedAttention> attention,
           SharedPairNoise noise, Index dim) {
            return shared(budget_measure(
                BudgetLaw{beta, std::move(attention), std::move(noise), scale_of(scaled)}, dim));
        },
        py::arg("beta"), py::arg("scaled"), py::arg("attention"), py::arg("noise"), py::arg("dim"),
        "The attention and the noise part of dE_beta/dt.");
    module.def(
        "harmonic_budget_measure",
        [](double beta, bool scaled, std::optional<SummedAttention> attention,
           std::vector<double> harmonics, std::vector<double> noise, double limit, Index dim) {
            return shared(
                budget_measure(HarmonicBudgetLaw{beta, std::move(attention), std::move(harmonics),
                                                 std::move(noise), limit, scale_of(scaled)},
                               dim));
        },
        py::arg("beta"), py::arg("scaled"), py::arg("attention"), py::arg("harmonics"),
        py::arg("noise"), py::arg("limit"), py::arg("dim"),
        "The same in linear time; harmonics, noise: coefficients of e^{beta (u - 1)} times 1 and "
        "times G_beta(u); limit: of the latter as u tends to 1.");
    module.def(
        "cosine_measure",
        [](Index bins, bool by_mass) {
            return shared(cosine_measure(bins, by_mass ? PairsBy::mass : PairsBy::count));
        },
        py::arg("bins"), py::arg("by_mass"),
        "Of the pairwise cosines in equal bins of [-1, 1]: how many, or of what mass.");
    module.def(
        "order_measure", [] { return shared(order_measure()); },
        "The mean's length, the leading eigenvalue of sum w x x^T, the effective rank.");
    module.def(
        "cluster_measure", [](double angle) { return shared(cluster_measure(angle)); },
        py::arg("angle"), "The number of clusters and the weight of the heaviest.");
    module.def(
        "token_measure", [](Index n, Index dim) { return shared(token_measure(n, dim)); },
        py::arg("n"), py::arg("dim"), "The coordinates of the tokens.");
    module.def(
        "norm_measure", [](Index n) { return shared(norm_measure(n)); }, py::arg("n"),
        "The norms of the tokens.");
    module.def(
        "growth_measure", [](Index tangents) { return shared(growth_measure(tangents)); },
        py::arg("tangents"), "The growth of the tangent vectors that a run carries.");
    module.def(
        "jacobian_measure", [](Index n, Index dim) { return shared(jacobian_measure(n, dim)); },
        py::arg("n"), py::arg("dim"),
        "log |J| of the flow at n tokens, then the least J of a layer.");
    module.def(
        "measure",
        [](const Measure& measure, const py::array& x, const py::array& weights, int threads) {
            const auto tokens = tokens_from<double>(x, "x");
            const auto mass = vector_from<double>(weights, tokens.rows(), "weights");
            require(measure, {tokens.rows(), tokens.cols(), 0});
            std::vector<double> values(std::size_t(measure.size()));
            PythonWatch watch;
            run_watched(threads, watch, [&](Execution& execution) {
                measure.evaluate({tokens, mass, nullptr, nullptr, {}}, values.data(), execution);
            });
            return array_from(values);
        },
        py::arg("measure"), py::arg("x"), py::arg("weights"), py::arg("threads"),
        "The numbers that the measure makes of the rows of x (n, dim).");
    module.def(
        "clusters",
        [](const py::array& x, double angle) {
            const auto tokens = tokens_from<double>(x, "x");
            std::vector<std::int64_t> labels;
            {
                const py::gil_scoped_release release;
                labels = clusters(tokens, angle);
            }
            return array_from(labels);
        },
        py::arg("x"), py::arg("angle"), "The cluster of every row of x (n, dim).");
}

}  // namespace noisync::bindings
